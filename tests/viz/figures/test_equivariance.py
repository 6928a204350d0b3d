"""The meter's chart: one line a distance, layers in order, what cannot be measured left out."""

from __future__ import annotations

import math

from tests.viz.figures.reading import unpack, valid
from viz.figures.equivariance import plot_layer_changes
from viz.results.maps import LayerChange


def change(layer: str, *, equivariance: float = 0.5, interior: float = 0.0) -> LayerChange:
    return LayerChange(
        layer=layer, kind="Conv2d", shape=(2, 3, 3), invariance=0.9, equivariance=equivariance,
        interior=interior, num_interior=4, num_unseeing=0, unseeing=math.nan,
    )  # fmt: skip


def test_a_line_for_each_distance_and_a_diamond_for_the_classes() -> None:
    changes = [
        change("conv1"),
        change("conv2", interior=math.nan),
        change("fc", equivariance=math.nan),
    ]
    drawing = plot_layer_changes(changes, 0.25, chosen="conv2")
    figure = valid(drawing)
    staying, along, inside, classes = figure.data
    wire = drawing.to_dict()["data"]
    assert unpack(wire[0]["y"]).tolist() == [unpack(wire[0]["y"])[0]] * 3
    assert unpack(wire[1]["x"]).tolist() == [0, 1]
    assert unpack(wire[2]["x"]).tolist() == [0, 2]
    assert (tuple(classes.x), tuple(classes.y)) == ((3,), (0.25,))
    assert [trace.name for trace in (staying, along, inside)] == [
        "from staying", "from moving along", "moving along, inside",
    ]  # fmt: skip
    assert figure.layout.xaxis.ticktext[-1] == "classes"
    assert figure.layout.shapes[0].x0 == 1


def test_an_occlusion_has_one_line() -> None:
    nothing = [change("a", equivariance=math.nan, interior=math.nan)]
    assert [trace.name for trace in valid(plot_layer_changes(nothing, 0)).data] == [
        "from staying", "classes",
    ]  # fmt: skip


def test_names_of_many_layers_are_thinned_and_harmless() -> None:
    many = [change(f"<b>{i}</b>") for i in range(100)]
    figure = valid(plot_layer_changes(many, 0.1))
    assert len(figure.layout.xaxis.ticktext) <= 26
    assert "&lt;b&gt;" in figure.layout.xaxis.ticktext[0]


def test_no_layers_is_said() -> None:
    figure = valid(plot_layer_changes([], 0.0))
    assert "no layer" in figure.layout.annotations[0].text


def test_a_diverged_network_leaves_gaps_and_no_nan_in_the_figure() -> None:
    broken = [change("a", equivariance=math.nan), change("b", equivariance=math.inf)]
    drawing = plot_layer_changes(broken, math.nan)
    figure = valid(drawing)
    assert [trace.name for trace in figure.data if len(trace.x or ()) == 0] == ["classes"]
    assert math.isfinite(figure.layout.yaxis.range[1])
