"""Similarity of maps over layers drawn anew: partial results, bands, the upper half."""

from __future__ import annotations

import numpy as np

from tests.viz.figures.reading import unpack, valid
from viz.figures.randomisation import BEFORE, plot_randomisation
from viz.results.randomisation import Band, MethodChange, Randomisation
from viz.results.trust import TrustImages

ORDER = ("saliency", "grad_cam")


def change(method: str, values: list[float], *, control: bool = False) -> MethodChange:
    mean = np.array(values)
    band = Band(mean, mean - 0.1, mean + 0.1)
    each = np.repeat(mean[:, None], 8, 1)
    return MethodChange(
        method, f"The {method}", control, each, each, each,
        {"rank": band, "rank_absolute": band, "similarity": band},
        np.zeros(len(values), int), np.zeros((len(values), 1, 4, 4), np.float32),
    )  # fmt: skip


def result(*changes: MethodChange, order: str = "cascading") -> Randomisation:
    stages = max((len(each.rank) for each in changes), default=1)
    return Randomisation(
        images=TrustImages("8 images", (), np.zeros(8, int), np.zeros(8, int), np.zeros(8, int), ("a",)),
        measurements=(), refusals={}, note="", seconds=1.0, share=1.0, step=None, order=order,
        layers=("fc", "conv2", "conv1"), upper=2, changes=changes, probs=np.zeros((stages, 8)),
        pictures=np.zeros((1, 4, 4, 1), np.uint8), examples=(0,),
    )  # fmt: skip


def test_a_line_a_method_over_the_layers_that_are_done() -> None:
    found = result(
        change("saliency", [1, 0.5]), change("edges", [1, 1, 1], control=True),
    )  # fmt: skip
    figure = valid(plot_randomisation(found, "rank", ORDER))
    lines = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in lines] == ["The edges", "The saliency"]
    assert list(lines[1].x) == [BEFORE, "fc"]
    assert unpack(lines[1].y).tolist() == [1, 0.5]
    assert list(figure.layout.xaxis.categoryarray) == [BEFORE, "fc", "conv2", "conv1"]
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, 2.5)
    assert "from the last on" in figure.layout.xaxis.title.text


def test_the_axis_holds_what_turns_round() -> None:
    figure = valid(plot_randomisation(result(change("saliency", [1, -0.6])), "similarity", ORDER))
    low, high = figure.layout.yaxis.range
    assert low < -0.7
    assert high > 1


def test_independent_layers_are_named_so() -> None:
    found = result(change("saliency", [1, 0.2]), order="independent")
    figure = valid(plot_randomisation(found, "rank_absolute", ORDER))
    assert "one layer" in figure.layout.xaxis.title.text


def test_nothing_yet_is_said() -> None:
    assert (
        "No maps" in valid(plot_randomisation(result(), "rank", ORDER)).layout.annotations[0].text
    )
