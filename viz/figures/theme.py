"""Colours that mean the same thing on every page, and the form in which figures are handed over.

One accent, one diverging scale (negative blue, zero near-white, positive orange), one sequential
scale (low dark, high light) and six line colours. All lines have a contrast of at least 3 against
both page backgrounds and stay apart for colour-blind eyes; tests compute both. Backgrounds are
transparent and text colours are left to the page's theme.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.basedatatypes import BaseFigure

ScaleName = Literal["diverging", "sequential"]
Trace = dict[str, Any]
Layout = dict[str, Any]

ACCENT = "#2f7de1"
SPLIT_COLORS = {"train": "#2f7de1", "val": "#d9730d", "test": "#783cfc"}
RUN_COLORS = ("#2f7de1", "#d9730d", "#783cfc", "#d8003c", "#8f8a72", "#9c5490")
RUN_DASHES = ("solid", "dash", "dot")  # a second round of the same colours gets the next dash
WARNING = "#d9730d"
MUTED = "#7d8794"  # lines and words that step back
GRID = "rgba(125,135,148,0.22)"
SCALES: dict[ScaleName, tuple[str, ...]] = {
    # Equal Oklab lightness at equal distance from the middle, so that neither sign shouts louder.
    "diverging": (
        *("#1b4679", "#3168ab", "#548cd3", "#82b1ed", "#b9d5fa", "#f6f6f6"),
        *("#f6c8ad", "#e6996e", "#c96e3b", "#a24917", "#722e09"),
    ),
    # Lightness rises steadily, so that it also reads without hue.
    "sequential": (
        *("#0a0d22", "#0b1f47", "#003766", "#00537d", "#00718a", "#008d8d"),
        *("#13a68b", "#6cbc8b", "#a7cf94", "#d8e1ae", "#fef6d5"),
    ),
}
# Streamlit's own stand-in for its strong text colour: its frontend puts in the colour of the theme
# being looked at. Needed where words stand on coloured cells; elsewhere words inherit the theme's.
STRONG_TEXT = "#000037"
MISSING = (125, 135, 148)  # a value that is not a finite number
GAP_ALPHA = 90
LEVELS = 251  # colours of a scale in a picture; 250 steps meet all 11 stops
MISSING_INDEX, GAP_INDEX, EMPTY_INDEX = 251, 252, 253  # see `palette`


class Drawing(BaseFigure):  # type: ignore[misc]  # plotly ships no types
    """A finished figure in the form that goes over the wire.

    A page redraws its curves every second. Building and validating `go.Figure` took 5 ms of server
    time for four lines in `st.plotly_chart`, a plain dict 3.3 ms (it is validated there), this
    0.3 ms: it counts as a figure, so nothing is validated again. The tests validate each instead.
    """

    def __init__(self, traces: Sequence[Trace], layout: Layout) -> None:
        # BaseFigure.__setattr__ guards against unknown names, and its own __init__ is the cost.
        object.__setattr__(self, "_wire", {"data": list(traces), "layout": layout})

    def to_dict(self) -> dict[str, Any]:
        """The traces and the layout; arrays are base64 typed arrays already."""
        wire: dict[str, Any] = self.__dict__["_wire"]
        return wire

    def to_figure(self) -> go.Figure:
        """A full, validated `go.Figure`, for downloads and notebooks."""
        return go.Figure(self.to_dict())


def pack(values: npt.ArrayLike) -> dict[str, str]:
    """A 1-D or 2-D array as plotly's base64 typed array: float32, or int32 for integers."""
    array = np.asarray(values)
    array = np.ascontiguousarray(array, "<i4" if array.dtype.kind in "iub" else "<f4")
    packed = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.data).decode()}
    if array.ndim > 1:
        packed["shape"] = ", ".join(map(str, array.shape))
    return packed


def base_layout(title: str, *, height: int) -> Layout:
    """The layout every figure starts from: compact margins, title and legend on one line."""
    return {
        "title": {
            "text": title,
            "x": 0,
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "font": {"size": 14},
            "pad": {"t": 4},
        },
        # Upright at the right edge: across the top it would lie on the legend.
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},
        "height": height,
        "margin": {"l": 46, "r": 10, "t": 34, "b": 30, "pad": 2},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
        },
    }


def axis(title: str = "", **settings: Any) -> Layout:
    """One axis: quiet grid, no heavy lines."""
    quiet: Layout = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    if title:
        quiet["title"] = {"text": title, "standoff": 6, "font": {"size": 12}}
    return quiet | settings


def empty(title: str, reason: str, *, height: int = 260) -> Drawing:
    """A titled figure without data that says why, such as "No validation yet"."""
    layout = base_layout(title, height=height)
    layout["xaxis"] = layout["yaxis"] = {"visible": False}
    layout["annotations"] = [
        {
            "text": reason,
            "x": 0.5,
            "y": 0.5,
            "xref": "paper",
            "yref": "paper",
            "showarrow": False,
            "font": {"color": MUTED, "size": 13},
        }
    ]
    return Drawing([{"type": "scatter", "x": [], "y": [], "hoverinfo": "skip"}], layout)


def run_style(index: int) -> tuple[str, str]:
    """Colour and dash of the `index`-th compared run: 18 that differ, then they repeat."""
    dash = RUN_DASHES[index // len(RUN_COLORS) % len(RUN_DASHES)]
    return RUN_COLORS[index % len(RUN_COLORS)], dash


def plain(text: str) -> str:
    """Text that people typed, for a figure: plotly reads <b> and <a> as markup."""
    return html.escape(text, quote=False)


def faded(color: str, alpha: float) -> str:
    """`#rrggbb` with an opacity, as CSS."""
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha:g})"


def css_gradient(scale: ScaleName) -> str:
    """The scale as a CSS background, left to right, for colour bars beside pictures."""
    return f"linear-gradient(to right, {', '.join(SCALES[scale])})"


def to_rgb(
    values: npt.ArrayLike, scale: ScaleName, *, vmin: float, vmax: float
) -> npt.NDArray[np.uint8]:
    """Colours of an array of any shape: (…) float -> (…, 3) uint8.

    Values outside vmin..vmax take the end colours; values that are not finite take grey. Where
    vmin = vmax everything finite has the middle colour (diverging) or the lowest (sequential).
    """
    return palette(scale)[to_index(values, scale, vmin=vmin, vmax=vmax), :3]


def to_index(
    values: npt.ArrayLike, scale: ScaleName, *, vmin: float, vmax: float
) -> npt.NDArray[np.uint8]:
    """Positions in `palette(scale)`: (…) float -> (…) uint8, else as `to_rgb`."""
    array = np.asarray(values, np.float32)
    rest = 0.5 if scale == "diverging" else 0.0
    share = (array - vmin) / (vmax - vmin) if vmax > vmin else np.full_like(array, rest)
    finite = np.isfinite(array)
    index = np.rint(np.clip(np.where(finite, share, 0), 0, 1) * (LEVELS - 1))
    return np.where(finite, index, MISSING_INDEX).astype(np.uint8)


@cache
def palette(scale: ScaleName) -> npt.NDArray[np.uint8]:
    """(256, 4) RGBA: LEVELS colours of the scale, then grey for values that are no numbers, thin
    grey for gaps, so that the edge of a tile is seen on any page, and nothing for empty places.

    One byte a pixel is enough for a picture then, which makes it quick to pack. LEVELS is odd, so
    that the middle of a scale is a colour of its own.
    """
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SCALES[scale]])
    at, where = np.linspace(0, 1, LEVELS), np.linspace(0, 1, len(stops))
    table = np.zeros((256, 4), np.uint8)
    table[:LEVELS, :3] = np.rint([np.interp(at, where, channel) for channel in stops.T]).T
    table[MISSING_INDEX:EMPTY_INDEX, :3] = MISSING
    table[: MISSING_INDEX + 1, 3] = 255
    table[GAP_INDEX, 3] = GAP_ALPHA
    table.flags.writeable = False  # it is cached
    return table
