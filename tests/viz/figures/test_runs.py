"""Charts over several runs: one line a run named at its end, bands, the range test."""

import numpy as np
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.runs import plot_compare, plot_lr_range, plot_seed_band
from viz.figures.theme import Drawing, run_style
from viz.results import Curve

STEPS = np.arange(0, 100, 10)
NONE = Curve(np.empty(0), np.empty(0), "nothing")


def line(value: float, name: str = "run") -> Curve:
    return Curve(STEPS, np.full(len(STEPS), value), name)


def test_each_run_has_its_color_and_its_name_at_the_end() -> None:
    figure = valid(plot_compare([line(1, "a"), line(5, "b")], title="Loss"))
    assert [trace.line.color for trace in figure.data] == [run_style(0)[0], run_style(1)[0]]
    assert [(word.text, word.y) for word in figure.layout.annotations] == [("a", 1), ("b", 5)]
    assert [word.font.color for word in figure.layout.annotations] == [
        trace.line.color for trace in figure.data
    ]


def test_names_of_runs_that_end_together_do_not_lie_on_each_other() -> None:
    figure = valid(plot_compare([line(1, "a"), line(1, "b"), line(9, "c")], title="Loss"))
    a, b, c = (word.y for word in figure.layout.annotations)
    assert b - a > 0.2
    assert (a + b) / 2 == pytest.approx(1)
    assert c == 9


def test_a_run_without_points_keeps_its_place_in_the_colors() -> None:
    figure = valid(plot_compare([NONE, line(2, "b")], title="Loss"))
    assert figure.data[1].line.color == run_style(1)[0]
    assert [word.text for word in figure.layout.annotations] == ["b"]


def test_long_titles_are_cut_and_markup_is_text() -> None:
    figure = valid(plot_compare([line(1, "x" * 80), line(9, "<b>")], title="Loss"))
    assert figure.layout.annotations[0].text.endswith("…")
    assert len(figure.layout.annotations[0].text) <= 20
    assert figure.layout.annotations[1].text == "&lt;b&gt;"
    assert figure.data[1].name == "&lt;b&gt;"


def test_band_draws_low_high_and_mean() -> None:
    figure = valid(plot_seed_band([("sgd", [line(1), line(3)])], title="Accuracy", percent=True))
    low, high, mean = (trace.to_plotly_json() for trace in figure.data)
    assert unpack(low["y"])[0] == 1
    assert unpack(high["y"])[0] == 3
    assert high["fill"] == "tonexty"
    assert unpack(mean["y"])[0] == 2
    assert mean["name"] == "sgd · 2 seeds"
    assert unpack(mean["customdata"])[0].tolist() == [1, 3]
    assert "lowest to highest" in figure.layout.title.subtitle.text


def test_range_test_marks_the_suggestion_on_the_curve() -> None:
    rates = np.logspace(-5, 0, 60)
    losses = 2 - 1 / (1 + (1e-3 / rates) ** 2)
    figure = valid(plot_lr_range(rates, losses, suggested=1e-3))
    marker = figure.data[-1]
    assert marker.x == (1e-3,)
    assert marker.y[0] == pytest.approx(1.5, abs=0.1)
    assert marker.text == ("suggested: 0.001",)
    assert figure.layout.xaxis.type == "log"
    assert len(valid(plot_lr_range(rates, losses, suggested=None)).data) == 2


@pytest.mark.parametrize(
    "drawing",
    [
        plot_compare([], title="Loss"),
        plot_compare([NONE], title="Loss"),
        plot_seed_band([], title="Loss"),
        plot_seed_band([("a", [line(1), Curve(STEPS + 900, STEPS / 1)])], title="Loss"),
        plot_lr_range([], [], suggested=None),
        plot_lr_range([1e-3], [np.nan], suggested=None),
    ],
)
def test_nothing_to_show_is_said(drawing: Drawing) -> None:
    assert valid(drawing).layout.annotations[0].text
