"""Curves of one run, live: loss and accuracy over updates.

Training is noisy, so its raw values are faint and their smoothed line is strong; validation is a
few exact points, so each is marked. What a pass before a rewind looked like stays as a ghost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from viz.figures.series import smooth
from viz.figures.theme import (
    GRID,
    MUTED,
    SPLIT_COLORS,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
)
from viz.results import Curve, Mark

NOT_YET = "Nothing measured yet"


def plot_loss(
    train: Curve,
    val: Curve | None = None,
    *,
    marks: Sequence[Mark] = (),
    ghosts: Sequence[Curve] = (),
    window: float | None = None,
    total_steps: int | None = None,
    height: int = 260,
) -> Drawing:
    """Loss over updates.

    Args:
        train: raw training loss; drawn faint, with its smoothed line.
        val: validation loss, drawn with a marker a point.
        marks: vertical lines with a word, such as a changed learning rate.
        ghosts: training loss of earlier passes, before a rewind.
        window: time constant of the smoothing in updates; default 1 % of the run so far.
        total_steps: where the run will end; None: the axis ends where the data does.
        height: pixels.
    """
    if _is_empty(train, val):
        return empty("Loss", NOT_YET, height=height)
    layout = _layout("Loss", marks, total_steps, height)
    layout["yaxis"] = axis(rangemode="tozero")
    return Drawing(_traces(train, val, ghosts, window, "%{y:.4f}"), layout)


def plot_accuracy(
    train: Curve,
    val: Curve | None = None,
    *,
    marks: Sequence[Mark] = (),
    ghosts: Sequence[Curve] = (),
    window: float | None = None,
    chance: float | None = None,
    total_steps: int | None = None,
    height: int = 260,
) -> Drawing:
    """Accuracy (0..1) over updates; arguments as in `plot_loss`.

    `chance` draws the accuracy of guessing, 1 / number of classes, as a dotted level.
    """
    if _is_empty(train, val):
        return empty("Accuracy", NOT_YET, height=height)
    layout = _layout("Accuracy", marks, total_steps, height)
    layout["yaxis"] = axis(tickformat=".0%", range=[0, 1.02])
    if chance is not None:
        line = {"color": MUTED, "width": 1, "dash": "dot"}
        layout["shapes"].append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": chance, "y1": chance}
            | {"line": line, "layer": "below"}
        )
    return Drawing(_traces(train, val, ghosts, window, "%{y:.2%}"), layout)


def plot_schedule(rates: Curve, *, height: int = 300) -> Drawing:
    """The learning rate a schedule plans for each update."""
    title = "Learning rate"
    if len(rates.steps) == 0:
        return empty(title, "This run has no updates", height=height)
    layout = _layout(title, (), None, height)
    layout["yaxis"] = axis(rangemode="tozero", exponentformat="power")
    line = _line(rates, rates.values, SPLIT_COLORS["train"], 2)
    hover = {"name": "rate", "hoverinfo": "all", "hovertemplate": "%{y:.3g}", "showlegend": False}
    return Drawing([line | hover], layout)


def _is_empty(train: Curve, val: Curve | None) -> bool:
    return len(train.steps) == 0 and (val is None or len(val.steps) == 0)


def _traces(
    train: Curve, val: Curve | None, ghosts: Sequence[Curve], window: float | None, hover: str
) -> list[Trace]:
    blue = SPLIT_COLORS["train"]
    traces: list[Trace] = [
        _line(ghost, smooth(ghost, window=window), faded(MUTED, 0.7), 1.5)
        | {"name": "before rewind", "showlegend": i == 0, "legendgroup": "ghost"}
        for i, ghost in enumerate(ghosts)
        if len(ghost.steps)
    ]
    if len(train.steps):
        traces.append(_line(train, train.values, faded(blue, 0.3), 1) | {"showlegend": False})
        smoothed = smooth(train, window=window)
        traces.append(
            _line(train, smoothed, blue, 2)
            | {"name": "train", "hoverinfo": "all", "hovertemplate": hover}
        )
    if val is not None and len(val.steps):
        color = SPLIT_COLORS["val"]
        few = len(val.steps) <= 60  # more markers than that are a caterpillar
        traces.append(
            _line(val, val.values, color, 2)
            | {"name": "validation", "hoverinfo": "all", "hovertemplate": hover}
            | {"mode": "lines+markers" if few else "lines", "marker": {"size": 6, "color": color}}
        )
    return traces


def _line(curve: Curve, values: object, color: str, width: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": pack(curve.steps),
        "y": pack(np.asarray(values)),
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
    }


def _layout(title: str, marks: Sequence[Mark], total_steps: int | None, height: int) -> Layout:
    layout = base_layout(title, height=height)
    layout["hovermode"] = "x unified"
    layout["xaxis"] = axis("updates", showgrid=False, rangemode="tozero", hoverformat=",d")
    if total_steps is not None:
        layout["xaxis"]["range"] = [0, total_steps]
    layout["shapes"], layout["annotations"] = mark_lines(marks)
    return layout


def mark_lines(marks: Sequence[Mark]) -> tuple[list[Layout], list[Layout]]:
    """Vertical lines with a word at the top: layout shapes and annotations.

    Where several fall together only the last word is written, the lines all stay.
    """
    line = {"color": GRID.replace("0.22", "0.8"), "width": 1, "dash": "dash"}
    shapes: list[Layout] = [
        {"type": "line", "x0": mark.step, "x1": mark.step, "yref": "paper", "y0": 0, "y1": 1}
        | {"line": line, "layer": "below"}
        for mark in marks
    ]
    ordered = sorted(marks, key=lambda mark: mark.step)
    span = ordered[-1].step - ordered[0].step if ordered else 0.0
    words: list[Layout] = [
        {"x": mark.step, "yref": "paper", "y": 1, "xanchor": "left", "yanchor": "top"}
        | {"text": plain(mark.text), "showarrow": False, "font": {"size": 11, "color": MUTED}}
        for mark, after in zip_longest(ordered, ordered[1:])
        if after is None or after.step - mark.step > 0.08 * span
    ]
    return shapes, words
