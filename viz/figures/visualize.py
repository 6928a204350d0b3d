"""Made pictures as one picture, and the curve of a climb beside the best real picture."""

from __future__ import annotations

import math

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
    faded,
    pack,
)
from viz.figures.tiles import encode_png
from viz.results import Bytes
from viz.results.visualize import Visualization

_TITLE = "Activation"
GAP = 1  # pixels between pictures, before enlarging


def tile_pictures(pictures: npt.ArrayLike, *, columns: int | None = None) -> Bytes:
    """Pictures (N, H, W, C) in rows as RGBA, the gaps and missing places empty."""
    stack = np.asarray(pictures, np.uint8)
    count, height, width, channels = stack.shape
    across = columns or columns_of(count)
    rows = math.ceil(count / across)
    sheet = np.zeros((rows * (height + GAP) - GAP, across * (width + GAP) - GAP, 4), np.uint8)
    for index, picture in enumerate(stack):
        top, left = index // across * (height + GAP), index % across * (width + GAP)
        cell = sheet[top : top + height, left : left + width]
        cell[..., :3] = picture if channels == 3 else picture.repeat(3, axis=2)
        cell[..., 3] = 255
    return sheet


def columns_of(count: int) -> int:
    """How many pictures stand in a row: all of a few, else about a square."""
    return count if count <= 2 or count == 5 else math.ceil(math.sqrt(count))


def pictures_png(pictures: npt.ArrayLike, *, side: int, columns: int | None = None) -> bytes:
    """`tile_pictures` as a PNG, enlarged in whole steps to about `side` pixels."""
    sheet = tile_pictures(pictures, columns=columns)
    return encode_png(sheet, zoom=max(1, side // max(sheet.shape[:2])))


def plot_climb(found: Visualization, *, height: int = 250) -> Drawing:
    """The goal over steps: of the moved copies that steps saw, of the picture as it is shown, and the
    highest of real pictures; where penalties count, what is climbed too."""
    if len(found.objective) == 0:
        return empty(_TITLE, "The first step is being made", height=height)
    steps = np.arange(1, len(found.objective) + 1)
    seen = _line("seen by a step, moved", steps, found.activation.mean(1), faded(ACCENT, 0.45), 1)
    shown = _line("as it is shown", found.frame_steps, found.frame_values.mean(1), ACCENT, 2)
    few = len(found.frame_steps) <= 40
    traces = [seen, shown | {"mode": "lines+markers" if few else "lines", "marker": {"size": 5}}]
    layout = base_layout(_TITLE, height=height)
    layout["hovermode"] = "x unified"
    layout["xaxis"] = axis("steps", range=[0, found.steps], showgrid=False)
    layout["yaxis"] = axis("deviations" if found.in_deviations else "")
    layout["legend"] |= {"y": -0.2, "yanchor": "top", "yref": "paper", "x": 0, "xanchor": "left"}
    best = _best(found)
    if math.isfinite(best):
        # A line of its own, so that the axis makes room for it.
        line = _line("best real picture", [0, found.steps], [best, best], RUN_COLORS[1], 1.5)
        traces.append(line | {"line": {"color": RUN_COLORS[1], "width": 1.5, "dash": "dash"}})
    if _penalised(found):
        counted = _line("climbed, penalties included", steps, found.objective, MUTED, 1.5)
        traces.append(counted | {"yaxis": "y2"})
        layout["yaxis2"] = axis("deviations", overlaying="y", side="right", showgrid=False)
    return Drawing(traces, layout)


def _best(found: Visualization) -> float:
    return math.nan if found.real is None else float(np.mean(found.real.best))


def _penalised(found: Visualization) -> bool:
    """Whether what is climbed is more than the goal counted in deviations."""
    if found.real is None or len(found.objective) < 2:
        return False
    deviation = np.where(found.real.deviation > 0, found.real.deviation, 1)
    alone = (found.activation / deviation).mean(1)
    scale = float(np.abs(alone).max()) or 1.0
    return float(np.abs(np.abs(alone) - np.abs(found.objective)).max()) > 1e-3 * scale


def _line(name: str, x: npt.ArrayLike, y: npt.ArrayLike, color: str, width: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": pack(np.asarray(x)),
        "y": pack(np.asarray(y)),
        "line": {"color": color, "width": width},
        "hovertemplate": "%{y:.4g}",
    }
