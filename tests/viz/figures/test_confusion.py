"""The confusion matrix: what is coloured, what is written, what a click brings."""

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import plotly.io
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.confusion import plot_class_accuracy, plot_confusion
from viz.figures.theme import Drawing

COUNTS = np.array([[8, 2, 0], [0, 10, 0], [1, 0, 4]])
CLASSES = ("cat", "dog", "<b>owl")


def test_a_click_brings_true_predicted_count_and_share() -> None:
    layer = valid(plot_confusion(COUNTS, CLASSES)).data[-1]
    assert layer.marker.opacity == 0
    assert list(layer.customdata[1]) == [0, 1, 2, 20]
    assert list(layer.customdata[6]) == [2, 0, 1, 20]
    assert len(layer.customdata) == 9
    across, down = (unpack(layer.to_plotly_json()[axis]) for axis in "xy")
    assert (across[6], down[6]) == (0, 2)  # predicted across, true down
    assert layer.selected.marker.opacity == layer.unselected.marker.opacity == 0


def test_the_click_data_survives_as_plain_lists() -> None:
    wire = json.loads(plotly.io.to_json(plot_confusion(COUNTS, CLASSES), validate=False))
    assert wire["data"][-1]["customdata"][0] == [0, 0, 8, 80]


def test_diagonal_and_errors_are_apart_and_rows_are_shares() -> None:
    right, error, _ = plot_confusion(COUNTS, CLASSES).to_dict()["data"]
    assert np.allclose(np.diag(unpack(right["z"])), [0.8, 1, 0.8])
    assert np.isnan(unpack(right["z"])).sum() == 6
    assert np.allclose(unpack(error["z"])[0, 1], 0.2)
    assert np.isnan(np.diag(unpack(error["z"]))).all()
    assert np.isnan(unpack(error["z"])[1, 0])  # no error: no colour at all
    assert (error["zmin"], error["zmax"]) == (0, pytest.approx(0.2))


def test_few_errors_never_look_like_many() -> None:
    counts = np.diag([1000, 1000])
    counts[0, 1] = 1
    assert plot_confusion(counts, "ab").to_dict()["data"][1]["zmax"] == 0.05


def test_counts_are_written_for_few_classes_only() -> None:
    assert valid(plot_confusion(COUNTS, CLASSES)).data[-1].text[:3] == ("8", "2", "")
    many = valid(plot_confusion(np.eye(13, dtype=int), [str(i) for i in range(13)])).data[-1]
    assert many.text is None
    assert many.mode == "markers"


def test_selection_is_outlined() -> None:
    (box,) = valid(plot_confusion(COUNTS, CLASSES, selected=(2, 0))).layout.shapes
    assert (box.x0, box.x1, box.y0, box.y1) == (-0.5, 0.5, 1.5, 2.5)


def test_first_class_is_on_top_and_names_are_plain() -> None:
    axis = valid(plot_confusion(COUNTS, CLASSES)).layout.yaxis
    assert axis.range == (2.5, -0.5)
    assert axis.ticktext == ("cat", "dog", "&lt;b&gt;owl")


def test_a_class_without_images_is_no_division_by_zero() -> None:
    right, _, _ = plot_confusion([[3, 0], [0, 0]], "ab").to_dict()["data"]
    assert unpack(right["z"])[1, 1] == 0


def test_class_accuracy_is_sorted_worst_first_with_the_overall_line() -> None:
    figure = valid(plot_class_accuracy(COUNTS, CLASSES))
    (bars,) = figure.data
    assert np.allclose(unpack(bars.to_plotly_json()["x"]), [0.8, 0.8, 1])
    assert bars.text == ("cat", "&lt;b&gt;owl", "dog")
    assert figure.layout.shapes[0].x0 == pytest.approx(22 / 25)
    assert unpack(bars.to_plotly_json()["customdata"]).tolist() == [[8, 10], [4, 5], [10, 10]]


def test_class_accuracy_leaves_out_classes_without_images() -> None:
    assert valid(plot_class_accuracy([[3, 1], [0, 0]], "ab")).data[0].text == ("a",)


@pytest.mark.parametrize("plot", [plot_confusion, plot_class_accuracy])
@pytest.mark.parametrize("counts", [np.zeros((2, 2), int), np.empty((0, 0), int), ()])
def test_no_validation_is_said(plot: Callable[..., Drawing], counts: npt.ArrayLike) -> None:
    assert valid(plot(counts, "ab")).layout.annotations[0].text == "No validation yet"


def test_a_hundred_classes_stay_sendable() -> None:
    counts = np.random.default_rng(0).integers(0, 100, (100, 100))
    drawing = plot_confusion(counts, [f"class {i}" for i in range(100)])
    assert len(plotly.io.to_json(drawing, validate=False)) < 400_000
