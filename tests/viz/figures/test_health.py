"""Layer signals: one dot a layer a panel, warnings where the text says, broken values visible."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.health import plot_health
from viz.figures.theme import ACCENT, WARNING
from viz.results import LayerSignals

FINE = LayerSignals(
    layers=("conv1", "conv2", "fc1"),
    activation_mean=np.zeros(3),
    activation_std=np.array([1.0, 0.5, 0.2]),
    dead=np.array([0.1, 0.6, np.nan]),
    gradient_norm=np.array([1e-2, 1e-1, 1.0]),
    update_ratio=np.array([1e-3, 1e-5, 1e-3]),
)


def dots(figure: Any, panel: int) -> Any:
    axis = "x" if panel == 1 else f"x{panel}"
    found = (each for each in figure.data if each.xaxis == axis and each.mode == "markers")
    return next(each for each in found if each.marker.symbol != "x")


def test_four_panels_hold_the_four_signals() -> None:
    figure = valid(plot_health(FINE))
    assert [note.text for note in figure.layout.annotations] == [
        "activation std",
        "dead units",
        "gradient norm",
        "update / weights",
    ]
    values = [unpack(dots(figure, panel).to_plotly_json()["x"]) for panel in (1, 2, 3, 4)]
    assert np.allclose(values[0], FINE.activation_std)
    assert np.allclose(values[1], [0.1, 0.6])  # the last layer has no ReLU
    assert np.allclose(values[2], FINE.gradient_norm)
    assert np.allclose(values[3], FINE.update_ratio)
    assert figure.layout.xaxis3.type == figure.layout.xaxis4.type == "log"
    assert figure.layout.yaxis.range == (2.5, -0.5)  # first layer on top
    assert figure.layout.yaxis.ticktext == FINE.layers


def test_what_needs_a_look_is_orange() -> None:
    figure = valid(plot_health(FINE))
    assert dots(figure, 2).marker.color == (ACCENT, WARNING)
    assert dots(figure, 4).marker.color == (ACCENT, WARNING, ACCENT)
    assert set(dots(figure, 1).marker.color) == {ACCENT}


def test_zero_and_nan_are_crosses_with_words() -> None:
    broken = dataclasses.replace(FINE, gradient_norm=np.array([0.0, np.nan, 1.0]))
    crosses = [trace for trace in valid(plot_health(broken)).data if trace.marker.symbol == "x"]
    (cross,) = crosses
    assert cross.text == (
        "conv1<br>gradient norm is 0",
        "conv2<br>gradient norm is not a finite number",
    )


def test_the_healthy_band_is_on_the_updates_only() -> None:
    (band,) = valid(plot_health(FINE)).layout.shapes
    assert (band.x0, band.x1, band.xref) == (1e-4, 1e-2, "x4")


def test_everything_broken_still_draws() -> None:
    nan = np.full(3, np.nan)
    broken = dataclasses.replace(
        FINE, activation_std=nan, dead=nan, gradient_norm=nan, update_ratio=np.zeros(3)
    )
    assert len(valid(plot_health(broken)).data) == 11


@pytest.mark.parametrize("signals", [None, dataclasses.replace(FINE, layers=())])
def test_not_measured_is_said(signals: LayerSignals | None) -> None:
    assert valid(plot_health(signals)).layout.annotations[0].text == "Not measured yet"
