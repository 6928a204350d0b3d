"""How a unit is written out: numbers, grids, links back, and what travels for an overview."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from ui.components.overview import Picked, decode_pick
from ui.maps.overview_data import overview_data
from ui.unit.check import check_line
from ui.unit.explained import explained_html, sources_of
from ui.unit.grids import framed, number_grid
from ui.unit.numbers import decimals, number, short, signed
from viz.results.overview import IMAGE, Column, Link, Overview
from viz.results.units import (
    ChannelTerm,
    Combined,
    Moved,
    Operand,
    Share,
    Source,
    Unexplained,
    UnitView,
    Window,
    WindowSum,
)

PATCH = np.array([[0, 2], [0, 4]], np.float32)
KERNEL = np.array([[1, -1], [0.5, 0.25]], np.float32)
SUM = WindowSum(
    window=Window(-1, 0, (2, 2), (1, 1)),
    channels=(ChannelTerm(3, PATCH, KERNEL, np.ones((4, 4), np.float32), -1.0),),
    rest_count=5,
    rest_total=0.25,
    bias=0.5,
    padded=np.array([[True, True], [False, False]]),
    weights="weights",
)
VIEW = UnitView(
    layer="conv2",
    kind="Conv2d",
    unit=(1, 0, 0),
    shape=(2, 4, 4),
    values=np.zeros((4, 4), np.float32),
    sources=(Source("pool1", (9, 4, 4)),),
    explanation=SUM,
    value=-0.25,
    total=-0.25,
    scale=4.0,
    image=np.zeros((8, 8, 1), np.uint8),
    box=(-1, 0, 2, 2),
    box_note="",
    note="",
    step=None,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.5, "−0.5"), (-0.0, "0"), (math.nan, "no number"), (-math.inf, "−∞"), (123456.0, "1.235e+05")],
)  # fmt: skip
def test_numbers_are_short_and_say_when_they_are_none(value: float, text: str) -> None:
    assert number(value) == text


def test_cells_have_the_decimals_their_size_needs() -> None:
    assert [decimals(np.array([top])) for top in (250.0, 12.0, 3.0, 0.5, 0.05, 0.0)] == [
        0, 1, 2, 2, 3, 0,
    ]  # fmt: skip
    assert short(-0.0, 2) == "0"
    assert short(-0.0004, 2) == "−4e−4"
    assert signed(-2) == "− 2"


def test_the_sum_is_written_out_with_its_rest_and_bias() -> None:
    text = explained_html(VIEW)
    assert "−1 + 0.25 (5 more) + 0.5 (bias) = <b>−0.25</b>" in text
    assert "5 more channels together" in text
    assert "Channel 3 in full: 0 · 1 + 2 · (−1) + 0 · 0.5 + 4 · 0.25 = <b>−1</b>" in text
    assert text.count("cs-unit-pad") == 2 + 2  # the padded cells of the patch and of the products


def test_the_tick_is_given_only_to_what_is_equal() -> None:
    assert "✓" in check_line(VIEW)
    assert "✓" in check_line(replace(VIEW, value=-0.25 + 3e-5))  # 4 · 1e-5 is allowed
    wrong = check_line(replace(VIEW, value=-0.25 + 5e-5))
    assert "✗" in wrong
    assert "✓" not in wrong
    nothing = replace(VIEW, total=None, explanation=Unexplained("Odd is not taken apart."))
    assert "✓" not in explained_html(nothing)
    assert "Odd is not taken apart." in explained_html(nothing)
    diverged = replace(VIEW, value=math.nan, total=math.nan)
    assert "no number" in check_line(diverged)
    assert diverged.equal
    assert not replace(VIEW, value=math.inf).equal


def test_a_unit_is_followed_back_to_its_strongest_input_that_is_no_padding() -> None:
    # the products are 0, −2 in the padding, and 0, 1 in the second row
    assert sources_of(VIEW) == [("pool1", (3, 0, 1))]
    from_image = replace(VIEW, sources=(Source("", (1, 4, 4)),))
    assert sources_of(from_image) == []
    paths = Combined((Operand("a", (0, 1, 1), 1.0), Operand("a constant", (), 2.0)), "+")
    added = replace(VIEW, explanation=paths, sources=(Source("a", (1, 4, 4)),))
    assert sources_of(added) == [("a", (0, 1, 1))]
    filled = replace(VIEW, explanation=Moved(None, "It fills in zeros."))
    assert sources_of(filled) == []
    assert "A zero that was filled in" in explained_html(filled)


def test_names_of_classes_are_never_markup() -> None:
    names = ("<b>x</b>", "y")
    share = Share(0, np.array([1.0, 2.0]), names)
    text = explained_html(replace(VIEW, explanation=share, unit=(0,)))
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_a_frame_may_reach_beyond_the_picture() -> None:
    text = framed("<img>", (10, 10), (-2, 0, 4, 12), width="180px")
    # the whole is rows −2 to 9 and columns 0 to 11
    assert "aspect-ratio:12/12" in text
    assert "top:16.6667%" in text
    assert "height:50.0000%" in text
    assert number_grid(np.zeros((9, 9), np.float32), limit=1, scale="sequential").count("<td") == 81


def an_overview() -> Overview:
    maps = Column(
        name="conv1", step="conv1", kind="Conv2d", shape=(4, 2, 3), block="", steps=1,
        channels=np.array([0, 2]), maps=np.array([[[127, 0, -127]] * 2, [[0, 0, 0]] * 2], np.int8),
        limits=np.array([2.0, 0.0], np.float32), values=None, peaks=np.array([[0, 0], [0, 0]]),
    )  # fmt: skip
    probs = Column(
        name="softmax", step="softmax", kind="softmax", shape=(2,), block="", steps=1,
        channels=np.array([0, 1]), maps=None, limits=np.array([0.75, 0.25], np.float32),
        values=np.array([0.75, 0.25], np.float32), peaks=np.zeros((2, 2), np.int64),
    )  # fmt: skip
    links = (
        Link(IMAGE, 0, "weights", np.array([[255], [3]], np.uint8), 1.5),
        Link(0, 1, "all", np.full((2, 2), 255, np.uint8), 1.0),
    )
    image = np.zeros((4, 6, 1), np.uint8)
    return Overview(image, (maps, probs), links, ("cat", "dog"), (), None, "", None)


def test_an_overview_says_what_each_map_is() -> None:
    data = overview_data(an_overview(), "A net", scaling="per_layer")
    conv, probs = data["columns"]
    assert json.loads(json.dumps(data)) == data
    assert conv["more"] == 2
    assert conv["texts"] == [
        "conv1, map 0 of 4: strongest at row 0, column 0",
        "conv1, map 2 of 4: 0 everywhere, nothing in this image excites it",
    ]
    assert probs["names"] == ["cat", "dog"]
    assert probs["shares"] == ["75.0 %", "25.0 %"]
    assert [link["width"] for link in data["links"]] == [1, 2]
    assert data["image"]["ratio"] == pytest.approx(4 / 6)


@pytest.mark.parametrize("scaling", ["per_map", "per_layer", "global"])
def test_every_scaling_draws_every_column(scaling: str) -> None:
    data = overview_data(an_overview(), "A net", scaling=scaling)  # type: ignore[arg-type]
    assert all(column["sprite"].startswith("data:image/png") for column in data["columns"])


@pytest.mark.parametrize(
    ("message", "picked"),
    [
        ({"column": 0, "index": 1}, Picked(0, 1)),
        ({"column": 0, "index": 2}, None),
        ({"column": -1, "index": 0}, None),
        ({"column": True, "index": 0}, None),
        ({"column": 0}, None),
        ({"open": "block1"}, Picked(open="block1")),
        ({"close": "x" * 300}, None),
        ("text", None),
        (None, None),
    ],
)
def test_messages_of_the_browser_are_checked(message: object, picked: Picked | None) -> None:
    columns = overview_data(an_overview(), "A net", scaling="per_layer")["columns"]
    assert decode_pick(message, columns) == picked
