"""The Feature visualisation page with a real engine: every goal, its settings in the link, odd links."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.test_pages import errors, html
from ui.subject import kept
from ui.visualize.goal_picker import default_layer, layers_to_climb
from viz.results.network import LayerInfo, NetworkMap

PAGE = "pages/look/visualize.py"
QUICK = {"steps": "12"}
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def said(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def link(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in app.query_params.items()}


def refused(app: AppTest) -> list[str]:
    return [error.value for error in app.error]


def test_first_look(open_page: Open) -> None:
    app = open_page(PAGE, **QUICK)
    assert errors(app) == []
    assert refused(app) == []
    assert "best real picture" in html(app)
    assert "Real images that excite it most" in html(app)
    assert "Channel 0 of conv2 reaches" in said(app)
    assert "Erhan" in said(app)
    assert len(app.get("plotly_chart")) == 1
    assert link(app) == QUICK


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"goal": "unit", "unit": "3,1,2"}, "Channel 3 of conv2 at row 1, column 2 reaches"),
        ({"goal": "class", "class": "3"}, "Class 3 reaches"),
        ({"goal": "layer", "layer": "relu1"}, "The whole of relu1 reaches"),
        ({"goal": "direction"}, "What conv2 makes of the image reaches"),
        ({"goal": "direction", "unit": "0,1,1"}, "Conv2 at row 1, column 1 of the image reaches"),
        ({"goal": "between", "channel2": "4"}, "From channel 0 of conv2 to channel 4 of conv2: each picture is held"),
        ({"goal": "between", "mix": "both"}, "Channel 0 of conv2 and channel 1 of conv2 reaches"),
        ({"goal": "channel", "layer": "fc1", "channel": "5"}, "Channel 5 of fc1 reaches"),
        ({"negative": "1"}, "for what silences it most"),
        ({"pictures": "4", "diversity": "2"}, "on average"),
    ],
)  # fmt: skip
def test_every_goal(open_page: Open, query: dict[str, str], sentence: str) -> None:
    app = open_page(PAGE, **{**QUICK, **query})
    assert errors(app) == []
    assert refused(app) == []
    assert sentence.replace(",", "\\,") in said(app) or sentence in said(app).replace("\\", "")


def test_a_row_of_mixes_is_held_against_the_same_mix_of_real_ones(open_page: Open) -> None:
    app = open_page(PAGE, goal="between", channel2="4", **QUICK)
    text = html(app)
    assert "100 % ch. 0, 0 % ch. 4" in text
    assert "75 % ch. 0, 25 % ch. 4" in text
    rows = re.findall(r"<tr><td>.*?</td><td class=cs-num>.*?</td><td class=cs-num>(.*?)</td>", text)
    shown = re.findall(r"<figcaption>\d+ % ch\. 0, \d+ % ch\. 4: (\S+) ·", text)
    assert len(rows) == 5
    assert rows == shown


@pytest.mark.parametrize("goal", ["channel", "unit", "class"])
def test_the_best_real_picture_is_the_first_that_is_shown(open_page: Open, goal: str) -> None:
    text = html(open_page(PAGE, goal=goal, **QUICK))
    [best] = re.findall(r"best real picture</span><b>(.*?)</b>", text)
    assert re.findall(r"<figcaption>(\S+) ·", text)[0] == best


def test_the_class_is_that_of_the_image_unless_one_is_chosen(open_page: Open) -> None:
    assert "Class 2 reaches" in said(open_page(PAGE, goal="class", image="digits/test/0", **QUICK))
    kept.forget()
    assert "Class 5 reaches" in said(
        open_page(PAGE, goal="class", image="digits/test/0", **{"class": "5"}, **QUICK)
    )


def test_an_image_is_chosen_only_where_it_counts(open_page: Open) -> None:
    def has_image(**query: str) -> bool:
        app = open_page(PAGE, **QUICK, **query)
        return "Image" in [one.proto.popover.label for one in app.get("popover")]

    assert has_image(goal="direction")
    assert has_image(view="dream")
    assert not has_image()
    assert not has_image(goal="layer", layer="conv1")


def test_a_sheet_of_all_channels(open_page: Open) -> None:
    app = open_page(PAGE, goal="sheet", layer="conv1", **QUICK)
    assert errors(app) == []
    assert refused(app) == []
    assert "6 of 6 channels of conv1" in said(app).replace("\\", "")


def test_the_row_of_parts(open_page: Open) -> None:
    app = open_page(PAGE, row="parts", **QUICK)
    assert errors(app) == []
    assert html(app).count('<figure class="cs-visualize-way">') == 4
    assert "decorrelated colours" not in html(app)  # of grey pictures
    assert "Moved by up to 1 px" in said(app).replace("\\", "")
    app = open_page(PAGE, row="penalties", **QUICK)
    assert errors(app) == []
    assert "Total variation" in html(app)


def test_switches_write_the_link_and_defaults_leave_it(open_page: Open) -> None:
    app = open_page(PAGE, **QUICK)
    app.toggle(key="visualize.basis.on").set_value(False).run()
    app.toggle(key="visualize.jitter.on").set_value(False).run()
    app.toggle(key="visualize.tv.on").set_value(True).run()
    assert errors(app) == []
    assert link(app) == {"steps": "12", "basis": "pixels", "jitter": "0", "tv": "5"}
    assert app.number_input(key="visualize.tv").value == 5
    app.toggle(key="visualize.basis.on").set_value(True).run()
    app.toggle(key="visualize.jitter.on").set_value(True).run()
    app.toggle(key="visualize.tv.on").set_value(False).run()
    assert link(app) == QUICK
    app.number_input(key="visualize.seed").set_value(7).run()
    assert link(app)["seed"] == "7"
    app.button(key="visualize.reset").click().run()
    assert link(app) == {}


def test_the_link_restores_everything(open_page: Open) -> None:
    app = open_page(
        PAGE, model="shipped:shapes_resnet8", layer="block2.conv2", channel="7", basis="pixels",
        decorrelate="0", rotate="12", seed="3", **QUICK,
    )  # fmt: skip
    assert errors(app) == []
    assert refused(app) == []
    assert app.selectbox(key="subject.layer").value == "block2.conv2"
    assert app.number_input(key="visualize.channel").value == 7
    assert not app.toggle(key="visualize.decorrelate.on").value
    assert app.number_input(key="visualize.rotate").value == 12
    assert app.number_input(key="visualize.seed").value == 3
    assert "Channel 7 of block2.conv2" in said(app).replace("\\", "")


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(
        PAGE, goal="nosuch", layer="nosuch", channel="99", pictures="77", tv="x", jitter="1e9",
        basis="<b>", seed="-1", negative="maybe", row="nosuch", **QUICK,
    )  # fmt: skip
    assert errors(app) == []
    assert refused(app) == []
    text = said(app).replace("\\", "")
    for part in ("goal=", "no layer nosuch", "channel=", "pictures=", "tv=", "jitter=", "basis=", "seed=",
                 "negative=", "row="):  # fmt: skip
        assert part in text, part
    assert "Channel 0 of conv2 reaches" in text


@pytest.mark.parametrize("size", ["40", "3"])
def test_a_size_that_does_not_fit_is_a_sentence(open_page: Open, size: str) -> None:
    app = open_page(PAGE, size=size, **QUICK)
    assert errors(app) == []
    assert f"takes no pictures of {size} pixels" in refused(app)[0].replace("\\", "")


@pytest.mark.parametrize("view", ["dream", "inversion", "style"])
def test_the_other_views_open(open_page: Open, view: str) -> None:
    app = open_page(PAGE, view=view)
    assert errors(app) == []


def layer(name: str, kind: str, shape: tuple[int, ...]) -> LayerInfo:
    return LayerInfo(name, kind, True, (), shape, 0, 0, ())


def test_layers_to_climb() -> None:
    layers = (
        layer("a", "Conv2d", (4, 8, 8)), layer("b", "Conv2d", (8, 1, 1)), layer("c", "Linear", (3,)),
        layer("d", "Strange", (2, 2)),
    )  # fmt: skip
    network = NetworkMap("net", (1, 8, 8), ("x",), layers, 0, 0, None)
    assert layers_to_climb(network) == ["a", "b", "c"]
    assert default_layer(network) == "a"
