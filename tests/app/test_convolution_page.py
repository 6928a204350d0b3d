"""The convolution page as a visitor's links and clicks make it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import Engine

PAGE = Path(__file__).resolve().parents[2] / "pages" / "learn" / "convolution.py"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def stage(app: AppTest) -> dict[str, Any]:
    """What the stage was sent."""
    [component] = app.get("bidi_component")
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def words(app: AppTest) -> str:
    return " ".join(
        one.value for kind in (app.caption, app.markdown, app.warning, app.error) for one in kind
    )


def test_it_opens_with_the_corrected_figure_and_torch_agrees(engine: Engine) -> None:
    app = opened()
    [part] = stage(app)["parts"]
    assert part["output"] == [1, 5, 6, 7, 8, 3, 3, 10, 4]
    assert "computes the same 9 numbers (largest difference 0)" in words(app)
    assert r"\mathbf{3}" in words(app)


@pytest.mark.parametrize(
    "name",
    ["cs231n", "causal", "volume", "rectangular", "separable", "checkerboard", "lp", "adaptive"],
)
def test_a_preset_is_chosen_and_its_link_restores_it(engine: Engine, name: str) -> None:
    app = opened()
    app.selectbox(key="conv.preset").select(name).run()
    assert not app.exception
    assert "computes the same" in words(app)
    sent = stage(app)["parts"]
    link = {key: str(value) for key, value in app.query_params.items()}
    again = opened(**link)
    assert stage(again)["parts"] == sent
    assert again.selectbox(key="conv.preset").value == name
    assert not again.warning


def test_controls_change_what_is_computed(engine: Engine) -> None:
    app = opened()
    app.slider(key="conv.w.i").set_value(7).run()
    assert stage(app)["parts"][0]["size"] == [1, 7, 7]
    app.selectbox(key="conv.w.op").select("max").run()
    assert stage(app)["parts"][0]["reduce"] == "max"
    assert app.query_params["op"] == "max"
    app.selectbox(key="conv.w.op").select("conv").run()
    app.slider(key="conv.w.cin").set_value(4).run()
    app.slider(key="conv.w.cout").set_value(4).run()
    app.select_slider(key="conv.w.g4").set_value(4).run()
    assert stage(app)["parts"][0]["groups"] == 4
    assert "computes the same" in words(app)
    app.toggle(key="conv.w.flip").set_value(True).run()
    assert stage(app)["parts"][0]["turned"] is True
    assert "computes the same" in words(app)


def test_other_dimensions(engine: Engine) -> None:
    app = opened(i="12", k="5", s="2")
    for dims in (3, 1, 2):
        app.segmented_control(key="conv.w.dims").set_value(dims).run()
        assert not app.exception
        assert stage(app)["parts"][0]["dims"] == dims
        assert "computes the same" in words(app)


def test_sizes_without_a_result_are_a_sentence_and_the_controls_stay(engine: Engine) -> None:
    app = opened(i="3", k="5")
    assert "larger than the padded input of 3" in app.error[0].value
    app.slider(key="conv.w.i").set_value(6).run()
    assert not app.error
    assert stage(app)["parts"][0]["size"] == [1, 6, 6]


def test_a_broken_link_says_what_is_left_out(engine: Engine) -> None:
    app = opened(op="<script>", k="99", i="7", w="1,2", at="nonsense", view="?")
    said = words(app)
    for part in ("s op=", "s k=", "s 2 numbers of w"):
        assert f"link'{part}" in said.replace("\\", "")
    assert stage(app)["parts"][0]["size"] == [1, 7, 7]
    assert stage(app)["at"] == "0"


def test_both_conventions_for_sizes_that_do_not_come_out_even(engine: Engine) -> None:
    app = opened(i="5", k="2", s="2")
    assert "so torch takes 2" in words(app)
    assert "CNN Explainer call such a setting invalid" in words(app)


def test_matrix_columns_and_fourier_agree(engine: Engine) -> None:
    app = opened(view="forms", cin="2", cout="2", s="2", p="1", pad="any")
    assert words(app).count("Equal to the sums written out") == 3
    app = opened(view="forms", op="max")
    assert words(app).count("Equal to the sums written out") == 1
    assert "no matrix product" in words(app)
    app = opened(view="forms", op="separable", cin="3", cout="2")
    app.segmented_control[-1].set_value("Pointwise").run()
    assert words(app).count("Equal to the sums written out") == 3


def test_costs(engine: Engine) -> None:
    app = opened(view="cost", shapes="lenet", bias="1")
    table = " ".join(one.proto.body for one in app.get("html"))
    assert "156" in table
    assert "117,600" in table
    assert "Locally connected" in table
    assert not opened(view="cost", op="adaptive_max").exception


def test_the_code_is_shown_with_torch_agreeing(engine: Engine) -> None:
    app = opened(view="code", pad="same", s="2", flip="1")
    assert (
        "nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3, stride=2, padding=1"
        in app.code[0].value
    )
    assert ".flip(2, 3)" in app.code[0].value
    assert "computes the same" in words(app)
    assert "refuses" in words(app)


def test_kernels_on_a_picture(engine: Engine) -> None:
    app = opened(view="picture", kernel="gabor", angle="90", img="sample:coins", ps="2")
    assert not app.error
    pictures = " ".join(one.proto.body for one in app.get("html"))
    assert "Output, 180×" in pictures
    app.selectbox(key="conv.picture.kernel").select("gauss").run()
    assert "The weights sum to 1" in words(app)
    assert app.query_params["kernel"] == "gauss"
    assert "angle" not in app.query_params
    app = opened(view="picture", kernel="own", kw="0,0,0,0,2,0,0,0,0")
    assert "2 times as light" in words(app)


def test_bad_links_to_pictures_are_sentences(engine: Engine) -> None:
    app = opened(view="picture", img="sample:nobody", kw="1,2", ps="40", kernel="blur")
    assert "There is no sample picture" in app.error[0].value.replace("\\", "")
    assert len(app.warning) == 3
    app = opened(view="picture", img="digits/test/9")
    assert app.selectbox(key="conv.picture.img").value == "digits/test/9"
    assert not app.error


def test_a_new_setting_begins_at_its_first_cell(engine: Engine) -> None:
    app = opened(at="4")
    assert stage(app)["at"] == "4"
    app.slider(key="conv.w.i").set_value(6).run()
    assert stage(app)["at"] == "0"
    assert "at" not in app.query_params


def test_controls_that_were_away_come_back_with_their_values(engine: Engine) -> None:
    app = opened()
    before = stage(app)["parts"]
    app.segmented_control(key="view").set_value("picture").run()
    assert not app.get("slider") or all("conv.w" not in (one.key or "") for one in app.slider)
    app.slider(key="conv.picture.ps").set_value(3).run()
    app.segmented_control(key="view").set_value("steps").run()
    assert stage(app)["parts"] == before
    assert app.slider(key="conv.w.i").value == 5
    assert app.slider(key="conv.w.p").value == 1
    app.segmented_control(key="conv.w.pad").set_value("valid").run()
    app.segmented_control(key="conv.w.pad").set_value("any").run()
    assert app.slider(key="conv.w.p").value == 1
    app.toggle(key="conv.w.sides").set_value(True).run()
    assert [
        app.number_input(key=f"conv.w.{name}").value for name in ("i0", "i1", "p00", "p11")
    ] == [5, 5, 1, 1]
    app.number_input(key="conv.w.p01").set_value(2).run()
    assert app.query_params["p"] == "1,2-1"
    app.segmented_control(key="view").set_value("picture").run()
    assert app.slider(key="conv.picture.ps").value == 3
