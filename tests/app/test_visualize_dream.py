"""DeepDream, inversion and style transfer on their page: made, in the link, and refused in sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.subject import query

PAGE = "pages/look/visualize.py"
Open = Callable[..., AppTest]
DREAM = {"view": "dream", "dream-steps": "2", "dream-octaves": "2"}
INVERSION = {"view": "inversion", "inv-steps": "4", "inv-layers": "conv1,fc1"}
STYLE = {"view": "style", "style-steps": "4", "style-size": "0"}


def texts(app: AppTest) -> str:
    assert [one.message for one in app.exception] == []
    html = " ".join(one.proto.body for one in app.get("html"))
    said = [one.value.replace("\\", "") for one in [*app.caption, *app.error]]  # as it is read
    return " ".join([html, *said])


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def test_a_dream_with_its_octaves_and_what_it_climbed(open_page: Open) -> None:
    app = open_page(PAGE, **DREAM)
    said = texts(app)
    assert [one.value for one in app.error] == []
    assert "What conv2 (Conv2d) sees in the picture is put into it" in said
    assert "Octave 2" in said
    assert "mean square before" in said
    assert "The network takes the picture for" in said
    assert charts(app) == 1
    assert len(app.get("download_button")) == 2


def test_a_dream_of_one_channel_of_another_layer_is_in_the_link(open_page: Open) -> None:
    app = open_page(PAGE, **DREAM)
    app.selectbox(key="subject.dream-layer").set_value("conv1").run()
    app.text_input(key="visualize.dream-channels").set_value("3, 1").run()
    app.number_input(key="visualize.dream-rate").set_value(2.5).run()
    assert "What channels 1, 3 of conv1 (Conv2d) sees" in texts(app)
    link = query(app)
    assert link["dream-layer"] == "conv1"
    assert link["dream-channels"] == "3,1"
    assert link["dream-rate"] == "2.5"
    app.button(key="visualize.dream-reset").click().run()
    assert "dream-rate" not in query(app)


def test_every_layer_gives_back_its_picture(open_page: Open) -> None:
    app = open_page(PAGE, **INVERSION)
    said = texts(app)
    assert [one.value for one in app.error] == []
    assert "The picture" in said
    assert len(re.findall(r"error in the layer \d", said)) == 2
    assert "gives most back" in said
    assert charts(app) == 2
    app.multiselect(key="visualize.inv-layers").set_value(["conv2", "conv1"]).run()
    assert query(app)["inv-layers"] == "conv1,conv2"  # as they run


def test_a_style_is_painted_and_what_to_expect_is_said(open_page: Open) -> None:
    app = open_page(PAGE, **STYLE, image2="digits/test/5")
    said = texts(app)
    assert [one.value for one in app.error] == []
    assert "not brushwork" in said
    assert "The network takes the content for" in said
    assert charts(app) == 2
    app.selectbox(key="subject.style-content").set_value("relu1").run()
    assert query(app)["style-content"] == "relu1"


def test_a_picture_in_its_own_style_is_said_to_be_one(open_page: Open) -> None:
    said = texts(open_page(PAGE, **STYLE, image="digits/test/3", image2="digits/test/3"))
    assert "Content and style are the same picture" in said
    assert "contrast and strokes" in said
    assert "colour, contrast" not in said


@pytest.mark.parametrize(
    ("content", "style"), [("chelsea", "sample:china"), ("china", "sample:coffee")]
)
def test_a_sample_picture_is_painted_in_the_style_of_another(
    open_page: Open, content: str, style: str
) -> None:
    app = open_page(PAGE, **STYLE, image=f"sample:{content}")
    assert "Content and style are the same picture" not in texts(app)
    assert query(app)["image2"] == style


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({**DREAM, "dream-steps": "x"}, "Steps an octave is 'x'"),
        ({**DREAM, "dream-octaves": "99"}, "choose a whole number from 1 to 8"),
        ({**DREAM, "dream-channels": "1;2"}, "Write numbers with commas"),
        ({**DREAM, "dream-channels": "1,99"}, "has channels 0 to 15"),
        ({**DREAM, "dream-layer": "nope"}, "has no layer nope"),
        ({**DREAM, "dream-size": "3"}, "too small"),
        ({**DREAM, "dream-layer": "fc1", "dream-size": "40"}, "choose size 0"),
        ({**INVERSION, "inv-layers": "nope,conv1"}, "no such layer to choose here"),
        ({**INVERSION, "inv-basis": "wavelets"}, "choose fourier or pixels"),
        ({**INVERSION, "inv-size": "64"}, "choose size 0"),
        ({**STYLE, "style-optimiser": "sgd"}, "choose lbfgs or adam"),
        ({**STYLE, "style-layers": "relu1,nope"}, "no such layer to choose here"),
        ({**STYLE, "image2": "sample:nobody"}, "nobody"),
    ],
)
def test_what_a_link_says_wrongly_is_a_sentence(
    open_page: Open, link: dict[str, Any], words: str
) -> None:
    assert words in texts(open_page(PAGE, **link))


def test_a_network_without_convolutions_has_no_style(open_page: Open) -> None:
    app = open_page(PAGE, view="style", model="random:small_fc")
    assert "no convolution" in texts(app)
