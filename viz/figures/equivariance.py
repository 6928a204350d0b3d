"""How far each layer moves when the image does: two or three distances over the depth of a network.

Read from left to right: distance from staying the same should fall towards the classes, distance
from moving along should be 0 where a layer only slides filters over the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from viz.figures.theme import (
    ACCENT,
    MUTED,
    RUN_COLORS,
    Drawing,
    Trace,
    axis,
    base_layout,
    empty,
    pack,
    plain,
)
from viz.results.maps import LayerChange

TITLE: Final = "How far each layer is from staying and from moving along"
_LONG: Final = 12  # names that fit below the axis


def plot_layer_changes(
    changes: Sequence[LayerChange], probs_moved: float, *, chosen: str = "", height: int = 300
) -> Drawing:
    """Lines over the layers of how far they are from staying and from moving along.

    `probs_moved` is the total variation distance of the class probabilities, a diamond behind the
    last layer; `chosen` is marked with a vertical line.
    """
    if not changes:
        return empty(TITLE, "This network has no layer to measure", height=height)
    names = [plain(change.layer) for change in changes]
    count = len(names)
    at = np.arange(count)
    lines = (
        ("from staying", [c.invariance for c in changes], RUN_COLORS[1], "solid"),
        ("from moving along", [c.equivariance for c in changes], ACCENT, "solid"),
        ("moving along, inside", [c.interior for c in changes], ACCENT, "dot"),
    )
    traces: list[Trace] = []
    top = 0.0
    for name, raw, color, dash in lines:
        values = np.asarray(raw, float)
        good = np.isfinite(values)
        if not good.any():
            continue
        top = max(top, float(values[good].max()))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": pack(at[good]),
                "y": pack(values[good]),
                "line": {"color": color, "dash": dash, "width": 2},
                "marker": {"size": 5},
                "text": [names[i] for i in at[good]],
                "hovertemplate": "%{text}<br>" + name + " %{y:.3g}<extra></extra>",
            }
        )
    finite = [probs_moved] if math.isfinite(probs_moved) else []
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "classes",
            "x": [count] * len(finite),
            "y": finite,
            "marker": {"size": 10, "symbol": "diamond", "color": RUN_COLORS[2]},
            "hovertemplate": "class probabilities<br>total variation %{y:.3g}<extra></extra>",
        }
    )
    layout = base_layout(TITLE, height=height)
    layout["margin"] |= {"t": 56, "b": 40}
    layout["legend"] |= {"y": 1, "yref": "paper", "yanchor": "bottom", "x": 0, "xanchor": "left"}
    step = max(1, -(-count // _LONG))
    layout["xaxis"] = axis(
        tickvals=[*range(0, count, step), count],
        ticktext=[*names[::step], "classes"],
        tickangle=-45,
        range=[-0.5, count + max(0.5, 0.03 * count)],
    )
    layout["yaxis"] = axis("relative distance", range=[0, 1.08 * max(top, *finite, 0.1)])
    if chosen in {change.layer for change in changes}:
        place = [change.layer for change in changes].index(chosen)
        layout["shapes"] = [
            {
                "type": "line",
                "x0": place,
                "x1": place,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": MUTED, "width": 1, "dash": "dash"},
            }
        ]
    return Drawing(traces, layout)
