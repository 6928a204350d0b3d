"""How pictures made from pictures came about: what a dream climbed, how near a rebuilt picture came, which
losses a painting traded against each other."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from viz.figures.theme import (
    ACCENT,
    MUTED,
    RUN_COLORS,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
    run_style,
)
from viz.figures.tiles import encode_png
from viz.results import Bytes
from viz.results.dream import Dream, Inversion, Styled

_FIRST = "The first step is being made"


def picture_png(picture: Bytes, *, side: int) -> bytes:
    """One picture (h, w, C), enlarged in whole steps to about `side` pixels."""
    return encode_png(picture, zoom=max(1, side // max(picture.shape[:2])))


def plot_dream(found: Dream, *, height: int = 230) -> Drawing:
    """What was climbed before each step, one line an octave: at another size the layer answers
    otherwise, so the lines do not meet."""
    title = "Mean square of the layer"
    if len(found.objective) == 0:
        return empty(title, _FIRST, height=height)
    traces: list[Trace] = []
    layout = _layout(title, "steps", height)
    layout |= {"shapes": [], "annotations": [], "showlegend": False}
    steps = np.arange(1, len(found.objective) + 1)
    for octave in np.unique(found.octave):
        here = found.octave == octave
        size = "×".join(map(str, reversed(found.octaves[octave])))
        traces.append(_line(size, steps[here], found.objective[here], ACCENT))
        layout["annotations"].append(
            {"x": float(steps[here].mean()), "y": 1, "yref": "paper", "yanchor": "bottom"}
            | {"text": size, "showarrow": False, "font": {"size": 11, "color": MUTED}}
        )
        if octave % 2:
            edges = {"x0": float(steps[here][0]) - 0.5, "x1": float(steps[here][-1]) + 0.5}
            layout["shapes"].append(
                {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
                | edges
                | {"line": {"width": 0}, "fillcolor": faded(MUTED, 0.09)}
            )
    layout["yaxis"] = axis(rangemode="tozero")
    layout["margin"]["t"] = 48
    return Drawing(traces, layout)


def plot_lost(found: Inversion, *, height: int = 260) -> Drawing:
    """What each layer has lost: PSNR of the rebuilt pictures, a dot a start, with their mean."""
    title = "Likeness to the picture, dB"
    if not found.rebuilt:
        return empty(title, _FIRST, height=height)
    names = [plain(each.layer) for each in found.rebuilt]
    rows = np.arange(len(names))
    means = np.array([each.psnr.mean() for each in found.rebuilt])
    mean = _line("mean", rows, means, ACCENT) | {"hovertemplate": "%{y:.1f} dB", "text": names}
    starts = np.concatenate([each.psnr for each in found.rebuilt])
    places = np.concatenate(
        [np.full(len(each.psnr), row) for row, each in enumerate(found.rebuilt)]
    )
    dots: Trace = {"type": "scatter", "mode": "markers", "name": "each start"}
    dots |= {"x": pack(places), "y": pack(starts), "hovertemplate": "%{y:.1f} dB"}
    dots["marker"] = {"size": 7, "color": ACCENT, "opacity": 0.55}
    layout = _layout(title, "", height)
    layout["xaxis"] |= {
        "tickvals": rows.tolist(),
        "ticktext": names,
        "range": [-0.4, len(names) - 0.6],
    }
    layout["yaxis"] = axis(rangemode="tozero")
    return Drawing([mean, dots], layout)


def plot_nearing(found: Inversion, *, height: int = 260) -> Drawing:
    """The error in the features while each layer's picture is made, mean over starts."""
    title = "Error in the layer"
    lines = [each for each in found.rebuilt if len(each.curve)]
    if not lines:
        return empty(title, _FIRST, height=height)
    traces = []
    for index, each in enumerate(lines):
        color, dash = run_style(index)
        line = _line(
            plain(each.layer), np.arange(1, len(each.curve) + 1), each.curve.mean(1), color
        )
        line["line"]["dash"] = dash
        traces.append(line | {"hovertemplate": "%{y:.2%}"})
    layout = _layout(title, "evaluations", height)
    layout["yaxis"] = axis(type="log", tickformat=".1~%", nticks=5)
    return Drawing(traces, layout)


def plot_losses(found: Styled, *, height: int = 260) -> Drawing:
    """Content, style and total variation, each times its weight, on a logarithmic axis."""
    title = "Losses, times their weights"
    count = len(found.style_loss)
    if not count:
        return empty(title, _FIRST, height=height)
    steps = np.arange(1, count + 1)
    weight, tv = found.weights
    curves = [
        ("style", weight * found.style_loss, RUN_COLORS[0]),
        ("content", found.content_loss, RUN_COLORS[1]),
        ("roughness", tv * found.tv_loss, RUN_COLORS[2]),
    ]
    traces, drawn = [], []
    top = max(float(np.nanmax(values)) for _, values, _ in curves)
    for name, values, color in curves:
        # Begun with the content its loss is near 0, and such an axis would show little else.
        shown = np.where(values > 1e-4 * top, values, np.nan)
        if np.isfinite(shown).any():
            traces.append(_line(name, steps, shown, color))
            drawn.append(shown[np.isfinite(shown) & (shown > 0)])
    layout = _layout(title, "evaluations of the losses", height)
    seen = np.concatenate(drawn)
    layout["yaxis"] = axis(type="log", **log_ticks(float(seen.min()), float(seen.max())))
    return Drawing(traces, layout)


def plot_style_layers(found: Styled, *, height: int | None = None) -> Drawing:
    """How far each layer was from the style at the start, and is now."""
    names = [plain(name) for name in found.style_layers]
    rows = list(range(len(names)))
    layout = _layout("Distance from the style, by layer", "", height or 96 + 24 * len(names))
    layout["hovermode"] = "closest"
    traces: list[Trace] = []
    for row, (start, now) in enumerate(found.by_layer.tolist()):
        way: Trace = {"type": "scatter", "mode": "lines", "x": [start, now], "y": [row, row]}
        way |= {"line": {"color": faded(MUTED, 0.6), "width": 2}}
        traces.append(way | {"hoverinfo": "skip", "showlegend": False})
    for place, (name, color) in enumerate((("at the start", MUTED), ("now", ACCENT))):
        dots: Trace = {"type": "scatter", "mode": "markers", "name": name, "y": rows}
        dots |= {"x": pack(found.by_layer[:, place]), "marker": {"size": 9, "color": color}}
        traces.append(dots | {"text": names, "hovertemplate": "%{text}: %{x:.3g}<extra></extra>"})
    positive = found.by_layer[found.by_layer > 0]
    ends = (float(positive.min()), float(positive.max())) if positive.size else (0.1, 1.0)
    layout["xaxis"] = axis(type="log", **log_ticks(*ends))
    layout["yaxis"] = axis(range=[len(names) - 0.5, -0.5], showgrid=False)
    layout["yaxis"] |= {"tickvals": rows, "ticktext": names}
    return Drawing(traces, layout)


def log_ticks(low: float, high: float) -> Layout:
    """At most about six labels on a logarithmic axis from `low` to `high`, none on another."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    every = max(1, (last - first) // 5)
    values = [each * 10.0**power for power in range(first, last + 1, every) for each in steps]
    return {"tickvals": values, "ticktext": [f"{value:.4g}" for value in values]}


def _layout(title: str, across: str, height: int) -> Layout:
    layout = base_layout(title, height=height)
    layout["hovermode"] = "x unified"
    layout["xaxis"] = axis(across, showgrid=False)
    layout["legend"] |= {"y": -0.18, "yanchor": "top", "yref": "paper", "x": 0, "xanchor": "left"}
    return layout


def _line(name: str, x: npt.ArrayLike, y: npt.ArrayLike, color: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": pack(np.asarray(x)),
        "y": pack(np.asarray(y)),
        "line": {"color": color, "width": 2},
        "hovertemplate": "%{y:.4g}",
    }
