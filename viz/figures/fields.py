"""Effective receptive fields as pictures: the field itself, and how its width changes in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

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
    to_index,
)
from viz.figures.tiles import encode_png
from viz.results.fields import FieldGrowth

_TITLE = "Effective width"
_ZERO = 0.5  # where a log axis shows update 0


def field_png(heat: npt.ArrayLike) -> bytes:
    """A gradient (H, W) as a PNG of one pixel each, dark for none; its own highest value is light."""
    values = np.asarray(heat, np.float32)
    top = float(np.nanmax(np.where(np.isfinite(values), values, 0), initial=0.0))
    return encode_png(to_index(values, "sequential", vmin=0, vmax=top), scale_name="sequential")


def map_png(values: npt.ArrayLike) -> tuple[bytes, bool]:
    """A map (h, w) as a PNG of one pixel a unit, and whether its colours are signed."""
    array = np.asarray(values, np.float32)
    finite = np.where(np.isfinite(array), array, 0)
    signed, top = bool((finite < 0).any()), float(np.abs(finite).max(initial=0.0))
    scale: Any = "diverging" if signed else "sequential"
    index = to_index(array, scale, vmin=-top if signed else 0, vmax=top)
    return encode_png(index, scale_name=scale), signed


def plot_growth(growth: FieldGrowth, *, now: int | None = None, height: int = 250) -> Drawing:
    """Fitted widths and the extent of 95 % of the gradient over updates.

    Args:
        growth: the same unit at several moments.
        now: the update that the page looks at, marked.
        height: pixels.
    """
    sigma, side = growth.sigma, growth.side95
    if not np.isfinite(side).any():
        return empty(_TITLE, "No gradient reaches the image at any moment", height=height)
    steps = growth.steps
    at = np.maximum(steps, _ZERO)
    lines = [
        ("σ vertical", sigma[:, 0], RUN_COLORS[0], "solid"),
        ("σ horizontal", sigma[:, 1], RUN_COLORS[1], "solid"),
        ("95 % side", side, MUTED, "dot"),
    ]
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": pack(at),
            "y": pack(values),
            "customdata": pack(steps),
            "line": {"color": color, "dash": dash, "width": 2},
            "marker": {"size": 5},
            "hovertemplate": f"update %{{customdata:,}}<br>{name} %{{y:.2f}} px<extra></extra>",
        }
        for name, values, color, dash in lines
    ]
    layout = base_layout(_TITLE, height=height)
    # Below: three names do not fit beside the title on a phone.
    layout["legend"] |= {"x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom"}
    layout["margin"] |= {"b": 64}
    layout["xaxis"] = axis("updates", type="log", **_ticks(int(steps[-1])))
    layout["yaxis"] = axis("pixels", rangemode="tozero")
    if now is not None:
        x = max(now, _ZERO)
        layout["shapes"] = [
            {
                "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": ACCENT, "width": 1, "dash": "dot"},
            }
        ]  # fmt: skip
    return Drawing(traces, layout)


def _ticks(last: int) -> dict[str, Any]:
    """0 and the powers of ten: plotly knows no 0 on a log axis."""
    powers = [10**n for n in range(int(math.log10(max(last, 1))) + 1)]
    return {"tickvals": [_ZERO, *powers], "ticktext": ["0", *(f"{power:,}" for power in powers)]}
