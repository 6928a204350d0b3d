"""Choosing in the bar: networks, images, a second subject, downloads; all of it ends in the link."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data.archives import store_image
from engine.protocol import EngineError
from models import zoo
from tests.app.subject import SHIPPED, Open, held, opened, query, said
from ui import runtime
from ui.looking import NotYetError
from ui.pages import PAGES
from ui.subject import fetch, image_picker

ROOT = Path(__file__).parents[2]

# -- choosing ----------------------------------------------------------------------------------


def test_another_network_takes_its_own_first_image(open_bar: Open) -> None:
    app = opened(open_bar(step="10", image="digits/test/5"), "model")
    app.radio(key="subject.choice").set_value("shipped:shapes_cnn").run()
    assert held(app)["image"] == "shapes/test/0"
    assert query(app) == {"model": "shipped:shapes_cnn"}


def test_a_network_of_the_program_shows_its_model_card(open_bar: Open) -> None:
    app = opened(open_bar(), "model")
    [card] = [one for one in app.expander if one.label == "Model card"]
    assert "python -m training.ship" in card.markdown[0].value
    app = opened(open_bar(model="random:lenet5"), "model")
    assert [one for one in app.expander if one.label == "Model card"] == []


def test_a_picture_stays_when_the_network_changes(open_bar: Open) -> None:
    app = opened(open_bar(image="sample:coffee"), "model")
    app.radio(key="subject.choice").set_value("shipped:shapes_cnn").run()
    assert held(app)["image"] == "sample:coffee"


def test_runs_of_this_server_can_be_searched(open_bar: Open, finished_run: str) -> None:
    app = opened(open_bar(model=f"run:{finished_run}"), "model")
    assert held(app)["base"] == f"run:{finished_run}"
    chooser = [*app.radio, *app.selectbox]
    assert any(
        one.key == "subject.choice" and one.value == f"run:{finished_run}" for one in chooser
    )


def test_untrained_networks_are_chosen_with_their_images(open_bar: Open) -> None:
    app = opened(open_bar(model="random:lenet5"), "model")
    app.selectbox(key="subject.data").set_value("shapes").run()
    app = opened(app, "model")
    assert query(app) == {"model": "random:lenet5", "data": "shapes"}
    app.selectbox(key="subject.choice").set_value("random:tiny_vgg").run()
    assert query(app) == {"model": "random:tiny_vgg", "data": "shapes"}
    assert held(app)["options"] == {"dataset": {"name": "shapes"}}


def test_the_images_for_untrained_networks_are_chosen_before_the_network(open_bar: Open) -> None:
    app = opened(open_bar(), "model")  # a trained network is shown: no link holds the choice
    app.button_group(key="subject.group").set_value("random").run()
    app.selectbox(key="subject.data").set_value("shapes").run()
    assert app.selectbox(key="subject.data").value == "shapes"
    app = opened(app, "model")
    assert app.selectbox(key="subject.data").value == "shapes"
    assert query(app) == {}, "the page shows what it showed"
    app.selectbox(key="subject.choice").set_value("random:resnet20").run()
    assert query(app) == {"model": "random:resnet20", "data": "shapes"}
    assert held(app)["options"] == {"dataset": {"name": "shapes"}}


def test_weights_that_are_not_here_are_offered_to_be_fetched(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoo, "weights_dir", lambda: tmp_path)
    app = open_bar(model="torchvision:squeezenet1_1")
    assert held(app) == {}
    assert "SqueezeNet 1.1" in app.markdown[0].value.replace("\\", "")
    assert "5 MB" in app.button(key="subject.download").label


def test_images_are_stepped_through_and_kept_to_a_class(open_bar: Open) -> None:
    app = open_bar()
    app.button(key="subject.step1").click().run()
    assert held(app)["image"] == "digits/test/1"
    app.button(key="subject.step-1").click().run()
    app.button(key="subject.step-1").click().run()
    assert held(app)["image"] == "digits/test/359"
    app = opened(app, "image")
    app.selectbox(key="subject.class").set_value(3).run()
    app.button(key="subject.step1").click().run()
    labels = runtime.engine().look("split_labels", SHIPPED).labels
    shown = [int(held(app)["image"].rpartition("/")[2])]
    app.button(key="subject.step1").click().run()
    shown.append(int(held(app)["image"].rpartition("/")[2]))
    assert [int(labels[index]) for index in shown] == [3, 3]
    app.button(key="subject.any").click().run()
    assert int(labels[int(held(app)["image"].rpartition("/")[2])]) == 3


def test_the_image_is_chosen_by_part_and_number(open_bar: Open) -> None:
    app = opened(open_bar(), "image")
    app.selectbox(key="subject.split").set_value("train").run()
    app.number_input(key="subject.number").set_value(1256).run()
    assert held(app)["image"] == "digits/train/1256"
    assert len(app.get("bidi_component")) == 1  # the sheet to click


def test_an_upload_goes_into_the_link_by_its_digest(open_bar: Open) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 30, 3), 200, np.uint8)).save(buffer, "PNG")
    app = opened(open_bar(model="shipped:shapes_cnn"), "image")
    app.button_group(key="subject.source").set_value("upload").run()
    app.file_uploader(key="subject.file").set_value(("a.png", buffer.getvalue(), "image/png")).run()
    reference = f"upload:{store_image(buffer.getvalue())}"
    assert held(app)["image"] == reference
    again = open_bar(model="shipped:shapes_cnn", image=reference)  # somebody else's browser
    assert held(again)["image"] == reference


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"<svg></svg>", "SVG"),
        (png(400, 300)[:60], "damaged or incomplete"),
        (png(13_000, 13_000), "13000×13000 pixels"),
    ],
    ids=["svg", "truncated", "169 megapixels"],
)
def test_an_upload_that_is_no_picture_is_a_sentence_where_it_was_given(
    open_bar: Open, content: bytes, word: str
) -> None:
    app = opened(open_bar(model="shipped:shapes_cnn"), "image")
    app.button_group(key="subject.source").set_value("upload").run()
    assert "kept on this server" in said(app)
    app.file_uploader(key="subject.file").set_value(("a.png", content, "image/png")).run()
    app = opened(app, "image")
    assert [word in one.value for one in app.error] == [True]
    assert "kept on this server" not in said(app)
    assert held(app)["image"] == "shapes/test/0"
    assert query(app) == {"model": "shipped:shapes_cnn"}, "no link to what cannot be shown"
    whole = png(40, 30)
    app.file_uploader(key="subject.file").set_value(("b.png", whole, "image/png")).run()
    assert query(app)["image"] == f"upload:{store_image(whole)}"
    assert not app.error


@pytest.mark.parametrize(
    ("model", "size", "laid_out"), [(SHIPPED, 28, True), ("shipped:shapes_cnn", 32, False)]
)
def test_drawings_are_for_every_network_and_say_what_it_gets(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch, model: str, size: int, laid_out: bool
) -> None:
    sizes: list[int] = []

    def draw(*, key: str, size: int, label: str) -> np.ndarray:
        sizes.append(size)
        drawing = np.zeros((size, size), np.uint8)
        drawing[8:20, 12:16] = 255
        return drawing

    monkeypatch.setattr(image_picker, "draw_pad", draw)
    app = opened(open_bar(model=model), "image")
    app.button_group(key="subject.source").set_value("draw").run()
    assert set(sizes) == {size}
    reference = query(app)["image"]
    assert (reference.partition(":")[0], held(app)["image"]) == ("drawn", reference)
    app = opened(app, "image")
    assert ("the thumbnail shows" in said(app)) == laid_out
    seen = runtime.engine().look("picture", model, reference).image
    if not laid_out:  # the network gets the very pixels that the pad says it sends, in all channels
        strokes = draw(key="", size=size, label="")
        np.testing.assert_array_equal(seen, np.repeat(strokes[..., None], 3, axis=2))


# -- for a class, and side by side ---------------------------------------------------------------


def test_a_locked_link_hides_what_chooses(open_bar: Open) -> None:
    app = open_bar(model=SHIPPED, step="10", image="digits/test/3", lock="1")
    shown = held(app)
    assert (shown["model"], shown["image"]) == (f"{SHIPPED}@10", "digits/test/3")
    assert [one.key for one in app.button] == []
    assert len(app.select_slider) == 0
    assert "update 10" in said(app)


def test_the_second_network_is_the_first_before_its_training(open_bar: Open) -> None:
    app = open_bar(compare="1")
    second = held(app)["second"]
    assert second == {"model": f"{SHIPPED}@0", "image": "digits/test/1"}
    app.select_slider(key="subject.moment2").set_value(-1).run()
    assert held(app)["second"]["model"] == SHIPPED
    assert query(app) == {"compare": "1", "step2": "newest"}
    app.select_slider(key="subject.moment2").set_value(100).run()
    assert query(app) == {"compare": "1", "step2": "100"}


def test_the_second_subject_has_its_own_place_in_the_link(
    open_bar: Open, finished_run: str
) -> None:
    app = open_bar(
        compare="1", model=f"run:{finished_run}", model2="random:lenet5", data2="shapes",
        image2="sample:coins",
    )  # fmt: skip
    assert held(app)["base"] == f"run:{finished_run}"
    second = held(app)["second"]
    assert second == {"model": "random:lenet5", "image": "sample:coins"}


def test_a_network_without_maps_is_a_sentence(open_bar: Open) -> None:
    app = open_bar(model="random:small_fc", layer="conv1")
    assert held(app)["base"] == "random:small_fc"
    assert "layer" not in held(app)
    assert "no layer to choose here" in said(app)


# -- downloads, and links from elsewhere ---------------------------------------------------------


def test_a_download_shows_its_progress_and_then_why_it_ended(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoo, "weights_dir", lambda: tmp_path)
    asked: list[str] = []

    def not_yet(lens: str, model: str, **options: Any) -> None:
        asked.append(options["press"])
        raise NotYetError("Still computing this picture…")

    def refused(lens: str, model: str, **options: Any) -> None:
        raise EngineError("There is *no* network: try again later.")

    monkeypatch.setattr(fetch, "glance", not_yet)
    app = open_bar(model="torchvision:squeezenet1_1")
    assert asked == []
    app.button(key="subject.download").click().run()
    assert [one.message for one in app.exception] == []
    assert len(app.get("progress")) == 1
    assert len(app.button) == 0
    app.run()
    assert len(set(asked)) == 1, "the same question, so that it is answered once"
    monkeypatch.setattr(fetch, "glance", refused)
    app.run()
    assert app.error[0].value == r"There is \*no\* network\: try again later\."
    app.button(key="subject.download").click()  # what had come is continued
    monkeypatch.setattr(fetch, "glance", not_yet)
    app.run()
    assert len(app.error) == 0
    assert len(set(asked)) == 2


def test_every_page_of_the_table_is_there_and_every_script_is_in_it() -> None:
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "pages").glob("*/*.py")}
    assert {page.path for page in PAGES} == scripts - {"pages/home/home.py"}
    for unique in ("path", "title", "icon", "url"):
        assert len({getattr(page, unique) for page in PAGES}) == len(PAGES)
