"""Curves of pictures made from pictures: what is drawn, and that plotly takes it."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from tests.viz.figures.reading import unpack
from viz.figures.dream import (
    picture_png,
    plot_dream,
    plot_losses,
    plot_lost,
    plot_nearing,
    plot_style_layers,
)
from viz.results.dream import Answer, Dream, Inversion, Rebuilt, Styled

IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
ANSWER = Answer(0, 0.9)


def dream(steps: int) -> Dream:
    return Dream(
        "conv1", "Conv2d", (), 6, IMAGE, IMAGE, (), ((2, 3), (4, 4)),
        np.arange(steps, dtype=np.float32), np.arange(steps) * 2 // max(steps, 1), (1.0, math.nan),
        (ANSWER, None), ("a",), "", None, 0.5,
    )  # fmt: skip


def inversion(layers: int) -> Inversion:
    rebuilt = tuple(
        Rebuilt(
            f"conv<{index}>", "Conv2d", (4, 2, 2), np.stack([IMAGE, IMAGE]),
            np.array([0.1, 0.2], np.float32), np.array([10.0, 20.0 + index], np.float32), 0.1,
            np.array([[1.0, 0.5], [0.4, 0.2]], np.float32), (), (ANSWER, ANSWER),
        )
        for index in range(layers)
    )  # fmt: skip
    return Inversion(IMAGE, ("conv<0>", "x"), rebuilt, ANSWER, None, ("a",), "", None, 0.5)


def styled() -> Styled:
    return Styled(
        "relu2", ("relu1", "relu2"), IMAGE, IMAGE, IMAGE, (), np.array([0, 0.5], np.float32),
        np.array([2, 0.1], np.float32), np.array([0.2, 0.2], np.float32),
        np.array([[1, 0.1], [2, 0.2]], np.float32), (ANSWER, ANSWER), (10.0, 0.5), ("a",), "", None, 1.0,
    )  # fmt: skip


def test_a_dream_has_a_line_an_octave() -> None:
    figure = plot_dream(dream(6)).to_figure()
    assert [trace.name for trace in figure.data] == ["3×2", "4×4"]
    wire = plot_dream(dream(6)).to_dict()["data"]
    assert unpack(wire[0]["x"]).tolist() == [1, 2, 3]
    assert unpack(wire[1]["y"]).tolist() == [3, 4, 5]


def test_what_layers_lost_is_a_dot_a_start_with_the_mean() -> None:
    drawing = plot_lost(inversion(2))
    mean, dots = drawing.to_dict()["data"]
    assert unpack(mean["y"]).tolist() == [15.0, 15.5]
    assert unpack(dots["y"]).tolist() == [10, 20, 10, 21]
    assert unpack(dots["x"]).tolist() == [0, 0, 1, 1]
    assert drawing.to_figure().layout.xaxis.ticktext == ("conv&lt;0&gt;", "conv&lt;1&gt;")


def test_nearing_is_the_mean_over_starts() -> None:
    [line] = plot_nearing(inversion(1)).to_dict()["data"]
    assert unpack(line["y"]).tolist() == pytest.approx([0.75, 0.3])
    plot_nearing(inversion(1)).to_figure()


def test_losses_are_drawn_with_their_weights_and_without_a_zero() -> None:
    drawing = plot_losses(styled())
    drawing.to_figure()
    found = {trace["name"]: unpack(trace["y"]) for trace in drawing.to_dict()["data"]}
    assert found["style"].tolist() == pytest.approx([20, 1])
    assert np.isnan(found["content"][0])
    assert found["roughness"].tolist() == pytest.approx([0.1, 0.1])


def test_style_layers_go_from_the_start_to_now() -> None:
    figure = plot_style_layers(styled()).to_figure()
    assert [trace.name for trace in figure.data[2:]] == ["at the start", "now"]
    assert figure.layout.yaxis.ticktext == ("relu1", "relu2")


def test_before_the_first_step_there_is_a_reason() -> None:
    for drawing in (plot_dream(dream(0)), plot_lost(inversion(0)), plot_nearing(inversion(0))):
        figure = drawing.to_figure()
        assert "first step" in figure.layout.annotations[0].text


def test_pictures_are_enlarged_in_whole_steps() -> None:
    image = Image.open(io.BytesIO(picture_png(IMAGE, side=10)))
    assert image.size == (8, 8)
    assert np.array_equal(np.asarray(image)[::2, ::2], IMAGE)
