"""Measures of trust as figures: a point with its interval for every method, and curves with bands.

A method has the same colour and dash wherever it is drawn; controls, which know nothing of the
network, are grey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from viz.figures.attribution import color_map, find_extent
from viz.figures.theme import (
    MUTED,
    RUN_COLORS,
    RUN_DASHES,
    Drawing,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
)
from viz.figures.tiles import encode_png
from viz.results.trust import Measurement, MethodScore, TrustCurve

_DASHES: Final = {"random": "dot", "centre": "dash", "edges": "dashdot"}
_COLORS: Final = (*RUN_COLORS[:4], "#12936b", "#c2339a", "#0b93b0", "#a67c00", "#8a5a3c")
"""More than runs have, because a dozen methods stand in one figure; none is the grey of controls."""
_SYMBOLS: Final = {"solid": "circle", "dash": "square", "dot": "diamond"}
_LEGEND_ROW: Final = 20  # pixels
_ROW: Final = 26  # pixels of a method's row
CLIP: Final = 99.0  # percentile of the sizes of a map's values that takes the end colour


def method_style(method: str, order: Sequence[str]) -> tuple[str, str]:
    """Colour and dash of a method; `order` is the table of all methods."""
    if method not in order:
        return MUTED, _DASHES.get(method, "dot")
    index = list(order).index(method)
    return _COLORS[index % len(_COLORS)], RUN_DASHES[index // len(_COLORS) % len(RUN_DASHES)]


def sort_scores(measurement: Measurement) -> list[MethodScore]:
    """Best first; what has no number comes last."""
    sign = -1 if measurement.higher_is_better else 1

    def place(score: MethodScore) -> tuple[bool, float]:
        return not np.isfinite(score.mean), sign * score.mean

    return sorted(measurement.scores, key=place)


def plot_scores(
    measurement: Measurement,
    order: Sequence[str],
    *,
    percent: bool = False,
    chance_name: str = "knowing nothing",
    better: str = "",
) -> Drawing:
    """Every method's mean with its 95 % interval, best on top; controls are grey.

    Args:
        measurement: one measure of all methods.
        order: names of all methods, which gives them their colours.
        percent: whether values are read in per cent.
        chance_name: of the line at what knowing nothing gives.
        better: words in the title that take the place of which way is better.
    """
    scores = [each for each in sort_scores(measurement) if np.isfinite(each.mean)]
    title = measurement.title
    if not scores:
        return empty(title, "No numbers yet", height=4 * _ROW)
    factor = 100 if percent else 1
    traces: list[Trace] = []
    for score in scores:
        color, dash = method_style(score.method, order)
        bounds = (
            ""
            if np.isnan(score.low)
            else f" ({_value(score.low, percent)} to {_value(score.high, percent)})"
        )
        trace: Trace = {
            "type": "scatter",
            "mode": "markers",
            "name": plain(score.title),
            "x": [score.mean * factor],
            "y": [plain(score.title)],
            "marker": {
                "size": 10,
                "color": color,
                "symbol": "circle-open" if score.control else _SYMBOLS.get(dash, "circle"),
            },
            "showlegend": False,
            "hovertemplate": f"{plain(score.title)}: {_value(score.mean, percent)}{bounds}<extra></extra>",
        }
        if np.isfinite(score.low):
            trace["error_x"] = {
                "type": "data", "symmetric": False, "color": color, "thickness": 1.6, "width": 4,
                "array": [(score.high - score.mean) * factor],
                "arrayminus": [(score.mean - score.low) * factor],
            }  # fmt: skip
        traces.append(trace)
    layout = base_layout(
        f"{title} · {better or ('more' if measurement.higher_is_better else 'less') + ' is better'}",
        height=_ROW * len(scores) + 84,
    )
    layout["margin"] |= {"l": 10, "t": 40, "b": 36}
    layout["xaxis"] = axis(
        "per cent" if percent else "", zeroline=True, zerolinecolor="rgba(125,135,148,0.5)"
    )
    layout["yaxis"] = axis(
        type="category", autorange="reversed", showgrid=True,
        categoryorder="array", categoryarray=[plain(score.title) for score in scores],
    )  # fmt: skip
    if measurement.chance is not None:
        _mark(layout, measurement.chance * factor, chance_name)
    return Drawing(traces, layout)


def plot_trust_curves(
    curves: Sequence[TrustCurve],
    order: Sequence[str],
    *,
    title: str,
    x_title: str,
    y_title: str,
    height: int = 320,
) -> Drawing:
    """A line with its band for every method; controls are grey and broken.

    Args:
        curves: of one kind.
        order: names of all methods, which gives them their colours.
        title, x_title, y_title: words.
        height: pixels without the legend.
    """
    if not curves:
        return empty(title, "No curve yet", height=height)
    traces: list[Trace] = []
    for curve in sorted(curves, key=lambda each: not each.control):  # controls below
        color, dash = method_style(curve.method, order)
        traces += band(
            curve.shares * 100, curve.mean, curve.low, curve.high, plain(curve.title), color, dash,
            "%{x:.0f} %", control=curve.control,
        )  # fmt: skip
    layout = base_layout(title, height=height)
    legend_below(layout, len(curves))
    layout["xaxis"] = axis(x_title, ticksuffix=" %")
    layout["yaxis"] = axis(y_title)
    return Drawing(traces, layout)


def band(
    x: npt.ArrayLike | Sequence[str],
    mean: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    name: str,
    color: str,
    dash: str,
    x_format: str,
    *,
    control: bool,
) -> list[Trace]:
    """A line and, where there are intervals, the band around it; one entry in the legend."""
    places: Any = list(x) if isinstance(x, list | tuple) else pack(np.asarray(x))
    line: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "legendgroup": name,
        "x": places,
        "y": pack(mean),
        "line": {"color": color, "dash": dash, "width": 1.4 if control else 2.2},
        "marker": {"size": 4 if control else 6, "color": color},
        "hovertemplate": f"{name}, {x_format}: %{{y:.3f}}<extra></extra>",
    }
    if not np.isfinite(low).any():
        return [line]
    edge: Trace = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": name,
        "showlegend": False,
        "hoverinfo": "skip",
        "x": places,
        "line": {"width": 0},
    }
    filled = {"fill": "tonexty", "fillcolor": faded(color, 0.06 if control else 0.12)}
    return [{**edge, "y": pack(low)}, {**edge, "y": pack(high), **filled}, line]


def legend_below(layout: dict[str, Any], entries: int) -> None:
    """The legend under the figure: a dozen names do not fit beside the title.

    It stands on the lower edge, and the figure grows with it, so that it meets no title on a phone.
    """
    layout["height"] += _LEGEND_ROW * math.ceil(entries / 3)
    layout["legend"] = {
        "orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom",
        "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
    }  # fmt: skip
    layout["margin"] |= {"b": 50 + _LEGEND_ROW * math.ceil(entries / 3)}


def heat_png(values: npt.ArrayLike, *, signed: bool = True, zoom: int = 1) -> bytes:
    """A map (H, W) as a PNG in its own scale; see `map_picture`."""
    return encode_png(map_picture(values, signed=signed), zoom=zoom)


def map_picture(values: npt.ArrayLike, *, signed: bool = True) -> npt.NDArray[np.uint8]:
    """A map (H, W) in colours (H, W, 3), in its own scale: its largest values, but for a few, take
    the end colour."""
    array = np.asarray(values, np.float32)
    return color_map(array, find_extent(array, percentile=CLIP, signed=signed))


def outline(
    pixels: npt.NDArray[np.uint8], masks: Mapping[str, npt.NDArray[np.bool_]], zoom: int
) -> npt.NDArray[np.uint8]:
    """A picture (H, W, C) enlarged, with the edge of each mask (H, W) drawn in its CSS-like colour.

    Args:
        pixels: the picture.
        masks: colour `#rrggbb` to the pixels it goes around.
        zoom: pixels of the result for one of the picture.
    """
    color = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    drawn = color.repeat(zoom, 0).repeat(zoom, 1).copy()
    for name, mask in masks.items():
        large = np.pad(mask.repeat(zoom, 0).repeat(zoom, 1), 1)
        inner = large[1:-1, 1:-1]
        around = large[:-2, 1:-1] & large[2:, 1:-1] & large[1:-1, :-2] & large[1:-1, 2:]
        drawn[inner & ~around] = [int(name[i : i + 2], 16) for i in (1, 3, 5)]
    return drawn


def _mark(layout: dict[str, Any], at: float, name: str) -> None:
    layout["shapes"] = [
        {
            "type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"color": MUTED, "width": 1.2, "dash": "dot"},
        }
    ]  # fmt: skip
    layout["annotations"] = [
        {
            "text": name, "x": at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
            "font": {"size": 11, "color": MUTED},
        }
    ]  # fmt: skip


def _value(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"
