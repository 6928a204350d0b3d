"""How alike a network's maps stay while its weights are drawn anew, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from viz.figures.theme import MUTED, Drawing, Trace, axis, base_layout, empty, plain
from viz.figures.trust import band, legend_below, method_style
from viz.results.randomisation import MethodChange, Randomisation

BEFORE: Final = "as trained"
_TITLES: Final = {
    "rank": "Rank correlation with the map before",
    "rank_absolute": "Rank correlation of the absolute maps",
    "similarity": "Structural similarity with the map before",
}


def plot_randomisation(
    found: Randomisation, measure: str, order: Sequence[str], *, height: int = 300
) -> Drawing:
    """A line with its band for every method over the layers drawn anew, the last layer first.

    Args:
        found: as far as it is.
        measure: rank, rank_absolute or similarity.
        order: names of all methods, which gives them their colours.
        height: pixels without the legend.
    """
    title = _TITLES[measure]
    if not found.changes:
        return empty(title, "No maps yet", height=height)
    # Names may repeat where they are shortened, and a category may stand only once.
    layers = [BEFORE, *(plain(layer) for layer in found.layers)]
    traces: list[Trace] = []
    for change in sorted(found.changes, key=lambda each: not each.control):
        color, dash = method_style(change.method, order)
        known = change.bands[measure]
        traces += band(
            layers[: len(known.mean)], known.mean, known.low, known.high, plain(change.title), color,
            dash, "%{x}", control=change.control,
        )  # fmt: skip
    layout = base_layout(title, height=height)
    legend_below(layout, len(found.changes))
    layout["xaxis"] = axis(
        "drawn anew up to this layer, from the last on"
        if found.order == "cascading"
        else "the one layer drawn anew",
        type="category", categoryorder="array", categoryarray=layers, range=[-0.3, len(layers) - 0.7],
    )  # fmt: skip
    layout["yaxis"] = axis(range=[min(-0.1, _lowest(found.changes, measure)), 1.05])
    upper = found.upper + 0.5
    layout["shapes"] = [
        {
            "type": "rect", "x0": 0.5, "x1": upper, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"width": 0}, "fillcolor": "rgba(125,135,148,0.10)", "layer": "below",
        }
    ]  # fmt: skip
    layout["annotations"] = [
        {
            "text": "upper half", "x": 0.5, "y": 0, "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "showarrow": False, "font": {"size": 11, "color": MUTED}, "xshift": 4,
        }
    ]  # fmt: skip
    return Drawing(traces, layout)


def _lowest(changes: Sequence[MethodChange], measure: str) -> float:
    lows = [np.concatenate([each.bands[measure].low, each.bands[measure].mean]) for each in changes]
    values = np.concatenate(lows)
    values = values[np.isfinite(values)]
    return float(values.min() - 0.05) if len(values) else 0.0
