"""Measures of trust as figures: order, intervals, chance, controls in grey; maps as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.theme import MUTED, SCALES
from viz.figures.trust import (
    map_picture,
    method_style,
    outline,
    plot_scores,
    plot_trust_curves,
    sort_scores,
)
from viz.results.trust import Measurement, MethodScore, TrustCurve

NAN = float("nan")
ORDER = ("saliency", "grad_cam", "rise")


def score(method: str, mean: float, half: float = 0.1, *, control: bool = False) -> MethodScore:
    return MethodScore(
        method, f"The {method}", control, np.full(8, mean), mean, mean - half, mean + half
    )


def measured(*scores: MethodScore, higher: bool = True, chance: float | None = 0.2) -> Measurement:
    return Measurement("mask_share", "Inside", "What.", higher, True, chance, scores)


SCORES = (
    score("saliency", 0.3),
    score("grad_cam", 0.6, 0.05),
    score("random", 0.2, control=True),
    score("rise", NAN, NAN),
)


def test_best_first_and_what_has_no_number_last() -> None:
    up = [each.method for each in sort_scores(measured(*SCORES))]
    down = [each.method for each in sort_scores(measured(*SCORES, higher=False))]
    assert up == ["grad_cam", "saliency", "random", "rise"]
    assert down == ["random", "saliency", "grad_cam", "rise"]


def test_scores_have_points_intervals_and_the_line_of_chance() -> None:
    figure = valid(plot_scores(measured(*SCORES), ORDER, percent=True))
    assert [trace.name for trace in figure.data] == ["The grad_cam", "The saliency", "The random"]
    assert [trace.x[0] for trace in figure.data] == pytest.approx([60, 30, 20])
    assert figure.data[0].error_x.array[0] == pytest.approx(5)
    assert figure.data[0].error_x.arrayminus[0] == pytest.approx(5)
    assert figure.data[2].marker.color == MUTED
    assert figure.data[2].marker.symbol == "circle-open"
    assert figure.layout.shapes[0].x0 == pytest.approx(20)
    assert "60.0 %" in figure.data[0].hovertemplate
    assert "more is better" in figure.layout.title.text
    assert figure.layout.yaxis.categoryarray[0] == "The grad_cam"


def test_which_way_is_better_can_be_said_in_other_words() -> None:
    figure = valid(plot_scores(measured(*SCORES), ORDER, better="an honest map has none"))
    assert "an honest map has none" in figure.layout.title.text
    assert "more is better" not in figure.layout.title.text


def test_without_an_interval_there_is_no_bar_and_without_chance_no_line() -> None:
    figure = valid(plot_scores(measured(score("saliency", 0.3, NAN), chance=None), ORDER))
    assert figure.data[0].error_x.array is None
    assert not figure.layout.shapes


def test_no_numbers_are_said() -> None:
    assert "No numbers" in valid(plot_scores(measured(), ORDER)).layout.annotations[0].text


def curve(method: str, *, control: bool = False, low: float = -0.1) -> TrustCurve:
    mean = np.array([1.0, 0.5, 0.1])
    return TrustCurve(
        method, f"The {method}", control, "deletion", np.array([0, 0.5, 1]), mean, mean + low, mean + 0.1
    )  # fmt: skip


def test_curves_have_bands_and_controls_lie_below() -> None:
    figure = valid(
        plot_trust_curves(
            [curve("saliency"), curve("random", control=True)], ORDER,
            title="Deletion", x_title="removed", y_title="p",
        )
    )  # fmt: skip
    shown = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in shown] == ["The random", "The saliency"]
    assert len(figure.data) == 6
    low, high, line = figure.data[3:]
    assert unpack(low.y) == pytest.approx([0.9, 0.4, 0.0])
    assert unpack(high.y) == pytest.approx([1.1, 0.6, 0.2])
    assert high.fill == "tonexty"
    assert unpack(line.x).tolist() == [0, 50, 100]
    assert line.line.color == method_style("saliency", ORDER)[0]
    assert figure.data[2].line.color == MUTED


def test_curves_without_intervals_are_lines() -> None:
    figure = valid(
        plot_trust_curves([curve("rise", low=NAN)], ORDER, title="T", x_title="x", y_title="y")
    )
    assert len(figure.data) == 1
    nothing = valid(plot_trust_curves([], ORDER, title="T", x_title="x", y_title="y"))
    assert "No curve" in nothing.layout.annotations[0].text


def test_a_method_looks_the_same_everywhere() -> None:
    styles = {method_style(name, ORDER) for name in ORDER}
    assert len(styles) == len(ORDER)
    assert method_style("edges", ORDER)[0] == MUTED
    nine = [str(index) for index in range(9)]
    assert len({method_style(name, nine)[0] for name in nine}) == 9


def test_maps_are_coloured_by_their_own_scale() -> None:
    signed = map_picture(np.array([[-2.0, 0.0], [2.0, 2.0]]))
    assert hex_of(signed[0, 0]) == SCALES["diverging"][0]
    assert hex_of(signed[0, 1]) == SCALES["diverging"][5]
    assert hex_of(signed[1, 0]) == SCALES["diverging"][-1]
    unsigned = map_picture(np.array([[0.0, 3.0]]), signed=False)
    assert [hex_of(pixel) for pixel in unsigned[0]] == [
        SCALES["sequential"][0],
        SCALES["sequential"][-1],
    ]


def test_outlines_go_around_what_they_mark() -> None:
    mask = np.zeros((3, 3), bool)
    mask[1, 1] = True
    drawn = outline(np.full((3, 3, 1), 50, np.uint8), {"#ff0000": mask}, 4)
    assert drawn.shape == (12, 12, 3)
    red = (drawn == [255, 0, 0]).all(2)
    assert red.sum() == 12  # the border of a block of 4 × 4
    assert red[4:8, 4:8].sum() == 12
    assert (drawn[5:7, 5:7] == 50).all()


def test_outlines_at_the_edge_of_the_picture_are_closed() -> None:
    drawn = outline(np.zeros((2, 2, 3), np.uint8), {"#00ff00": np.ones((2, 2), bool)}, 3)
    green = (drawn == [0, 255, 0]).all(2)
    assert green.sum() == 20  # the border of 6 × 6


def hex_of(pixel: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in pixel)
