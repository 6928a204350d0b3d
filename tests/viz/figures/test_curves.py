"""What is on a curve chart: traces, their values, axes, marks; small enough to send each second."""

from collections.abc import Callable

import numpy as np
import plotly.io
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.curves import mark_lines, plot_accuracy, plot_loss
from viz.figures.series import smooth
from viz.figures.theme import SPLIT_COLORS, Drawing
from viz.results import Curve, Mark

STEPS = np.arange(0, 500, 5)
TRAIN = Curve(STEPS, np.exp(-STEPS / 100) + 0.1)
VAL = Curve(STEPS[::20], np.exp(-STEPS[::20] / 100) + 0.2)
NONE = Curve(np.empty(0), np.empty(0))


def test_loss_has_raw_smoothed_and_validation() -> None:
    figure = valid(plot_loss(TRAIN, VAL, window=20))
    raw, smoothed, val = figure.data
    assert np.allclose(unpack(raw.to_plotly_json()["y"]), TRAIN.values, atol=1e-6)
    assert np.allclose(unpack(smoothed.to_plotly_json()["y"]), smooth(TRAIN, window=20), atol=1e-6)
    assert np.array_equal(unpack(val.to_plotly_json()["x"]), VAL.steps)
    assert (smoothed.name, val.name) == ("train", "validation")
    assert (smoothed.line.color, val.line.color) == (SPLIT_COLORS["train"], SPLIT_COLORS["val"])
    assert val.mode == "lines+markers"
    assert raw.showlegend is False
    assert figure.layout.hovermode == "x unified"


def test_many_validations_lose_their_markers() -> None:
    assert valid(plot_loss(NONE, TRAIN)).data[0].mode == "lines"


def test_the_axis_reaches_to_the_end_of_the_run() -> None:
    assert valid(plot_loss(TRAIN, total_steps=2000)).layout.xaxis.range == (0, 2000)


def test_the_loss_axis_begins_at_zero() -> None:
    assert valid(plot_loss(TRAIN)).layout.yaxis.rangemode == "tozero"


def test_accuracy_is_in_per_cent_and_knows_chance() -> None:
    figure = valid(plot_accuracy(TRAIN, VAL, chance=0.1))
    assert figure.layout.yaxis.tickformat == ".0%"
    assert [shape.y0 for shape in figure.layout.shapes] == [0.1]


def test_what_was_before_a_rewind_is_a_ghost_with_one_legend_entry() -> None:
    figure = valid(plot_loss(TRAIN, ghosts=[VAL, NONE, VAL]))
    ghosts = [trace for trace in figure.data if trace.name == "before rewind"]
    assert [ghost.showlegend for ghost in ghosts] == [True, False]


def test_marks_keep_all_lines_and_write_only_what_fits() -> None:
    marks = [Mark(100, "a"), Mark(101, "b"), Mark(50, "c"), Mark(150, "<i>d")]
    lines, words = mark_lines(marks)
    assert sorted(line["x0"] for line in lines) == [50, 100, 101, 150]
    assert [word["text"] for word in words] == ["c", "b", "&lt;i&gt;d"]


def test_no_marks() -> None:
    assert mark_lines([]) == ([], [])


@pytest.mark.parametrize("plot", [plot_loss, plot_accuracy])
def test_nothing_measured_is_said(plot: Callable[..., Drawing]) -> None:
    figure = valid(plot(NONE, NONE))
    assert figure.layout.annotations[0].text == "Nothing measured yet"
    assert valid(plot(NONE)).layout.title.text in {"Loss", "Accuracy"}


def test_values_that_are_not_finite_leave_gaps() -> None:
    drawing = plot_loss(Curve(np.arange(3), np.array([1, np.nan, 3])))
    assert np.array_equal(unpack(drawing.to_dict()["data"][0]["y"]), [1, np.nan, 3], equal_nan=True)


def test_a_live_chart_of_a_long_run_stays_small() -> None:
    steps = np.arange(600)
    long = Curve(steps, np.random.default_rng(0).random(600))
    drawing = plot_loss(long, long, ghosts=[long] * 3, marks=[Mark(i, "lr") for i in range(50)])
    assert len(plotly.io.to_json(drawing, validate=False)) < 64_000
