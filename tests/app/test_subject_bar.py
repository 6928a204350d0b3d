"""The bar over every page that looks inside: the link decides, and a bad one is a sentence."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from data.archives import store_image
from engine.protocol import Capacity, Engine, EngineError
from models import zoo
from training.run_store import RunStatus
from training.spec import TrainSpec
from ui import runtime
from ui.looking import NotYetError
from ui.subject import fetch, kept, links

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("subject_page.py")
SHIPPED = "shipped:digits_lenet5"
Open = Callable[..., AppTest]


@pytest.fixture
def open_bar(engine: Engine) -> Open:
    """The page of the bar, as a link with these query parameters opens it."""

    def run(**query: str) -> AppTest:
        kept.forget()
        app = AppTest.from_file(str(PAGE), default_timeout=60)
        app.query_params.update(query)
        return app.run()

    return run


def held(app: AppTest) -> dict[str, Any]:
    """What the page was given."""
    assert [one.message for one in app.exception] == []
    found: dict[str, Any] = {}
    for element in app.get("html"):
        if match := re.fullmatch(r"<pre.*?>(.*)</pre>", element.proto.body):
            found |= json.loads(match[1])
    return found


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.caption, *app.error])


def query(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in app.query_params.items()}


def opened(app: AppTest, menu: str) -> AppTest:
    """The page with the picker of the network or the image open."""
    app.session_state[f"subject.{menu}"] = True
    return app.run()


# -- the link ----------------------------------------------------------------------------------


def test_an_empty_link_shows_a_trained_network_and_stays_empty(open_bar: Open) -> None:
    app = open_bar()
    shown = held(app)
    assert (shown["model"], shown["step"], shown["image"]) == (SHIPPED, None, "digits/test/0")
    assert shown["layer"] == "conv1"
    assert query(app) == {}


def test_a_link_restores_everything(open_bar: Open, finished_run: str) -> None:
    steps = runtime.store().snapshot_steps(finished_run)
    link = {
        "model": f"run:{finished_run}", "step": str(steps[3]), "image": "digits/val/7",
        "layer": "relu1", "unit": "2,3,4",
    }  # fmt: skip
    app = open_bar(**link)
    shown = held(app)
    assert shown["model"] == f"run:{finished_run}@{steps[3]}"
    assert (shown["image"], shown["layer"], shown["unit"]) == ("digits/val/7", "relu1", [2, 3, 4])
    assert query(app) == link


def test_a_reference_may_carry_its_step(open_bar: Open) -> None:
    app = open_bar(model=f"{SHIPPED}@10")
    assert held(app)["model"] == f"{SHIPPED}@10"
    app.select_slider(key="subject.moment").set_value(100).run()
    assert held(app)["model"] == f"{SHIPPED}@100"
    assert query(app) == {"model": SHIPPED, "step": "100"}


def test_untrained_weights_bring_their_data_set(open_bar: Open) -> None:
    shown = held(open_bar(model="random:lenet5", data="shapes"))
    assert shown["options"] == {"dataset": {"name": "shapes"}}
    assert shown["image"] == "shapes/test/0"


def test_a_page_from_the_menu_goes_on_with_what_was_looked_at(open_bar: Open) -> None:
    app = open_bar(model="shipped:shapes_cnn", step="10", image="sample:coffee")
    app.query_params.clear()  # as another page of the menu begins
    app.run()
    shown = held(app)
    assert (shown["model"], shown["image"]) == ("shipped:shapes_cnn@10", "sample:coffee")
    assert query(app)["model"] == "shipped:shapes_cnn"


@pytest.mark.parametrize(
    "model",
    ["run:20260101-000000-aaaa", "../../etc/passwd", "![a](http://x)", "x" * 5000, "shipped:none"],
)
def test_a_link_to_no_network_is_a_sentence_and_a_way_out(open_bar: Open, model: str) -> None:
    app = open_bar(model=model)
    assert held(app) == {}
    assert len(app.error) == 1
    assert "![a](" not in app.error[0].value
    app.button(key="subject.way_out").click().run()
    assert held(app)["model"] == SHIPPED
    assert query(app) == {}


@pytest.mark.parametrize(
    ("link", "word"),
    [
        ({"step": "37"}, "update 38, the nearest"),
        ({"step": "-1"}, "no number of updates"),
        ({"image": "digits/test/99999"}, "not there"),
        ({"image": "../../etc/passwd"}, "names no image"),
        ({"image": "upload:" + "0" * 64}, "upload it again"),
        ({"image": "sample:nobody"}, "no sample picture"),
        ({"layer": "nope.3"}, "no layer"),
        ({"unit": "1,2"}, "no unit"),
        ({"unit": "999,0,0"}, "not in this layer"),
        ({"model": "random:lenet5", "data": "nothing"}, "no data set"),
        ({"model": "random:lenet5", "step": "5"}, "no earlier moments"),
    ],
)
def test_what_a_link_cannot_hold_is_said_and_left_out(
    open_bar: Open, link: dict[str, str], word: str
) -> None:
    app = open_bar(**link)
    shown = held(app)
    assert word in said(app).replace("\\", "")
    assert shown["image"] == "digits/test/0"
    assert shown["layer"] == "conv1"
    assert shown["unit"] is None


def test_a_run_deleted_while_it_is_looked_at_is_a_sentence(open_bar: Open) -> None:
    store = runtime.store()
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state="interrupted"))
    app = open_bar(model=f"run:{run_id}")
    assert "no weights" in said(app)
    assert app.button(key="subject.way_out")
    store.delete(run_id)
    app.run()
    assert "deleted" in app.error[0].value


def test_a_run_without_weights_yet_is_waited_for(open_bar: Open) -> None:
    store = runtime.store()
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state="queued"))
    app = open_bar(model=f"run:{run_id}")
    assert held(app) == {}
    assert app.error == []
    assert "no weights yet" in said(app)
    store.write_status(run_id, RunStatus(state="interrupted"))
    store.delete(run_id)


class Cold:
    """An engine that still warms up."""

    def capacity(self) -> Capacity:
        """Not ready."""
        return Capacity(ready=False, slots=1, running=0, queued=0, device="", pid=0)

    def look(self, *arguments: Any, **options: Any) -> Any:
        """Never asked."""
        raise EngineError("asked too early")


def test_while_the_engine_warms_up_the_bar_stands_and_says_so(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runtime.engine
    monkeypatch.setattr(runtime, "engine", lambda: Cold())
    app = open_bar(step="10")
    assert held(app) == {}
    assert "warming up" in said(app)
    assert app.select_slider(key="subject.moment").value == 10
    monkeypatch.setattr(runtime, "engine", real)
    assert held(app.run())["step"] == 10


# -- moments -----------------------------------------------------------------------------------


def test_the_slider_writes_the_link_and_its_end_is_the_newest(open_bar: Open) -> None:
    app = open_bar()
    app.select_slider(key="subject.moment").set_value(0).run()
    assert (held(app)["step"], query(app)) == (0, {"step": "0"})
    app.select_slider(key="subject.moment").set_value(-1).run()
    assert (held(app)["step"], query(app)) == (None, {})


def test_play_begins_at_the_first_moment_and_pauses_where_it_is(open_bar: Open) -> None:
    app = open_bar()
    app.button(key="subject.play").click().run()
    assert held(app)["step"] == 0
    assert app.button(key="subject.play").label == "Pause"
    app.button(key="subject.play").click().run()
    assert app.button(key="subject.play").label == "Play"
    assert held(app)["step"] == 0


def test_a_live_run_offers_its_snapshots_and_the_newest(open_bar: Open, finished_run: str) -> None:
    store = runtime.store()
    before = store.status(finished_run)
    try:
        store.write_status(finished_run, RunStatus(state="running"))
        live = open_bar(model=f"run:{finished_run}").select_slider(key="subject.moment")
    finally:
        store.write_status(finished_run, before)
    ended = open_bar(model=f"run:{finished_run}").select_slider(key="subject.moment")
    assert live.options[-1] == "newest"
    assert len(live.options) == len(store.snapshot_steps(finished_run)) + 1
    assert len(ended.options) == len(live.options) - 1  # its last snapshot is the newest


def test_a_page_without_moments_shows_the_newest_weights(open_bar: Open) -> None:
    app = open_bar(step="10", bar="image")
    assert held(app)["model"] == SHIPPED
    assert len(app.select_slider) == 0
    assert query(app)["step"] == "10", "the next page may want it"


# -- choosing ----------------------------------------------------------------------------------


def test_another_network_takes_its_own_first_image(open_bar: Open) -> None:
    app = opened(open_bar(step="10", image="digits/test/5"), "model")
    app.radio(key="subject.choice").set_value("shipped:shapes_cnn").run()
    assert held(app)["image"] == "shapes/test/0"
    assert query(app) == {"model": "shipped:shapes_cnn"}


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


def test_weights_that_are_not_here_are_offered_to_be_fetched(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoo, "weights_dir", lambda: tmp_path)
    app = open_bar(model="torchvision:squeezenet1_1")
    assert held(app) == {}
    assert "SqueezeNet 1.1" in app.markdown[0].value
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


def test_an_upload_that_is_no_picture_is_a_sentence(open_bar: Open) -> None:
    app = opened(open_bar(model="shipped:shapes_cnn"), "image")
    app.button_group(key="subject.source").set_value("upload").run()
    app.file_uploader(key="subject.file").set_value(("a.png", b"<svg></svg>", "image/png")).run()
    assert held(app)["image"] == "shapes/test/0"
    assert "SVG" in said(app)


def test_only_networks_of_one_channel_are_drawn_for(open_bar: Open) -> None:
    def sources(app: AppTest) -> list[str]:
        return [str(one) for one in app.button_group(key="subject.source").options]

    assert any("Draw" in one for one in sources(opened(open_bar(), "image")))
    shapes = opened(open_bar(model="shipped:shapes_cnn"), "image")
    assert not any("Draw" in one for one in sources(shapes))


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


def test_the_links_to_the_pages_that_look_inside_lead_to_pages_of_the_app() -> None:
    app = (ROOT / "app.py").read_text()
    for page, _, _ in links.PAGES:
        assert (ROOT / page).is_file()
        assert f'"{page}"' in app
