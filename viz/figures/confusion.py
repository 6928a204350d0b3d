"""Where a network is wrong: the confusion matrix and the accuracy of each class.

Right answers are the rule, so the diagonal is quiet blue and errors are orange: one glance finds
the classes that are mixed up. A click reaches the page through the markers that carry the counts,
because plotly reports no selection for heatmap cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from viz.figures.theme import (
    ACCENT,
    MUTED,
    STRONG_TEXT,
    WARNING,
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

TEXT_CLASSES = 12  # up to here the counts are written into the cells
# A cell never gets darker than this, so that the page's own text colour stays readable on it.
DARKEST = {"error": ("#b45309", 0.7), "right": (ACCENT, 0.42)}
WEAKEST_FULL = 0.05  # errors below 5 % of a class never take the strongest orange


def plot_confusion(
    counts: npt.ArrayLike,
    classes: Sequence[str],
    *,
    selected: tuple[int, int] | None = None,
    height: int = 380,
) -> Drawing:
    """Confusion matrix: true classes down, predicted classes across.

    The last trace is the layer to click: its points carry customdata
    [true index, predicted index, images, share of the true class in per cent].

    Args:
        counts: (K, K) images by [true, predicted].
        classes: K names.
        selected: (true, predicted) of the cell to outline.
        height: pixels.
    """
    table = np.asarray(counts, np.int64)
    if table.size == 0 or table.sum() == 0:
        return empty("Confusion matrix", "No validation yet", height=height)
    size = len(table)
    row_sums = table.sum(axis=1, keepdims=True)
    shares = table / np.maximum(row_sums, 1)  # (K, K), rows sum to 1 or 0
    right = np.eye(size, dtype=bool)
    top = max(float(shares[~right].max(initial=0.0)), WEAKEST_FULL)
    layout = _layout(classes, size, height)
    if selected is not None:
        true, predicted = selected
        layout["shapes"] = [
            {"type": "rect", "x0": predicted - 0.5, "x1": predicted + 0.5}
            | {"y0": true - 0.5, "y1": true + 0.5, "line": {"color": WARNING, "width": 2}}
        ]
    traces = [
        _cells(np.where(right, shares, np.nan), "right", 1.0),
        _cells(np.where(right | (table == 0), np.nan, shares), "error", top)
        | {"showscale": True, "colorbar": _colorbar(top)},
        _click_layer(table, shares, height),
    ]
    return Drawing(traces, layout)


def plot_class_accuracy(
    counts: npt.ArrayLike, classes: Sequence[str], *, height: int | None = None
) -> Drawing:
    """Accuracy of each class from (K, K) confusion counts, worst class on top, overall as a line.

    Classes without images are left out. `height` in pixels; default: what the classes need.
    """
    table = np.asarray(counts, np.int64)
    totals = table.sum(axis=1) if table.size else np.empty(0, np.int64)
    seen = np.nonzero(totals)[0]
    if len(seen) == 0:
        return empty("Accuracy of each class", "No validation yet", height=height or 260)
    right = np.diag(table)[seen]
    accuracy = right / totals[seen]
    order = np.argsort(accuracy, kind="stable")
    overall = float(right.sum() / totals.sum())
    names = [plain(classes[i]) for i in seen[order]]
    bars: Trace = {"type": "bar", "orientation": "h", "x": pack(accuracy[order])}
    bars |= {"y": list(range(len(names))), "marker": {"color": ACCENT, "opacity": 0.9}}
    bars |= {"customdata": pack(np.stack([right, totals[seen]], axis=1)[order]), "text": names}
    bars |= {
        "hovertemplate": "%{text}: %{x:.1%}<br>%{customdata[0]} of %{customdata[1]}<extra></extra>"
    }
    bars |= {
        "texttemplate": "%{x:.0%}",
        "textposition": "auto",
        "textangle": 0,
        "constraintext": "none",
    }
    layout = base_layout("Accuracy of each class", height=height or max(120, 76 + 22 * len(names)))
    layout["margin"]["r"] = 26
    layout |= {"bargap": 0.25, "showlegend": False, "hovermode": "closest"}
    layout["xaxis"] = axis(range=[0, 1], tickformat=".0%")
    layout["yaxis"] = axis(range=[len(names) - 0.5, -0.5], showgrid=False)
    layout["yaxis"] |= {"tickvals": list(range(len(names))), "ticktext": names}
    layout["shapes"] = [
        {"type": "line", "x0": overall, "x1": overall, "yref": "paper", "y0": 0, "y1": 1}
        | {"line": {"color": WARNING, "width": 2, "dash": "dot"}}
    ]
    layout["annotations"] = [
        {"x": overall, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
        | {"xanchor": "right" if overall > 0.5 else "left", "text": f"all: {overall:.1%}"}
        | {"font": {"size": 12, "color": WARNING}}
    ]
    return Drawing([bars], layout)


def _cells(shares: npt.NDArray[np.float64], kind: str, top: float) -> Trace:
    color, alpha = DARKEST[kind]
    scale = [[0, faded(color, 0.06)], [1, faded(color, alpha)]]
    cells: Trace = {"type": "heatmap", "z": pack(shares), "zmin": 0, "zmax": top}
    return cells | {
        "colorscale": scale,
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 1,
        "ygap": 1,
    }


def _click_layer(
    table: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    height: int,
) -> Trace:
    size = len(table)
    true, predicted = np.divmod(np.arange(size * size), size)
    layer: Trace = {"type": "scatter", "x": pack(predicted), "y": pack(true), "showlegend": False}
    # Lists, not a typed array: from that a click brings {"0": …} instead of a list.
    layer |= {"mode": "markers", "customdata": _click_data(table, shares)}
    # Invisible, yet nearly as large as a cell: the pointer finds it anywhere inside.
    side = max(4, int(0.7 * (height - 90) / size))
    layer["marker"] = {"size": side, "symbol": "square", "opacity": 0}
    layer |= {"selected": {"marker": {"opacity": 0}}, "unselected": {"marker": {"opacity": 0}}}
    layer["hovertemplate"] = (
        "true %{y}, predicted %{x}<br>%{customdata[2]} images, %{customdata[3]} % of the true class"
        "<extra></extra>"
    )
    if size <= TEXT_CLASSES:
        layer |= {
            "mode": "markers+text",
            "text": [str(n) if n else "" for n in table.ravel().tolist()],
        }
        # Without this a click would fade every other number to near nothing.
        layer["unselected"]["textfont"] = {"color": MUTED}
        layer["textfont"] = {"color": STRONG_TEXT}
    return layer


def _click_data(table: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> list[list[float]]:
    """[true, predicted, images, per cent] of each cell in reading order."""
    per_cent = np.round(100 * shares, 1).tolist()
    return [
        [true, predicted, count, share]
        for true, (counts, row) in enumerate(zip(table.tolist(), per_cent, strict=True))
        for predicted, (count, share) in enumerate(zip(counts, row, strict=True))
    ]


def _colorbar(top: float) -> Layout:
    return {
        "title": {"text": "of the class", "side": "right", "font": {"size": 11}},
        "tickformat": ".0%" if top > 0.1 else ".1%",
        "thickness": 8,
        "len": 0.6,
        "nticks": 4,
        "outlinewidth": 0,
        "tickfont": {"size": 11},
    }


def _layout(classes: Sequence[str], size: int, height: int) -> Layout:
    layout = base_layout("Confusion matrix", height=height)
    layout |= {"hovermode": "closest", "showlegend": False}
    layout["margin"] |= {"t": 34, "b": 40, "r": 4}
    few = size <= 40
    names = [plain(name) for name in classes]
    ticks: Layout = {"tickvals": list(range(size)), "ticktext": names} if few else {}
    quiet: Layout = {"showgrid": False, "fixedrange": few, "constrain": "domain", **ticks}
    layout["xaxis"] = axis("predicted", range=[-0.5, size - 0.5], **quiet)
    layout["yaxis"] = axis("true", range=[size - 0.5, -0.5], **quiet)
    return layout
