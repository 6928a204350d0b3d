"""Made pictures as one picture, and the curve of a climb beside the best real picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

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
from viz.results import Bytes, Floats
from viz.results.visualize import Visualization

_TITLE = "Activation"
_LABEL, _SPACE = 16, 6  # pixels below and between labelled pictures
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


def labelled_sheet(
    pictures: npt.ArrayLike, labels: Sequence[str], *, columns: int, wide: int
) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    """Pictures (N, H, W, C) with a label below each, as a PNG about `wide` pixels wide, and where
    each is in it: left, top, right, bottom. The labels are of a grey that light and dark pages bear."""
    stack = np.asarray(pictures, np.uint8)
    count, height, width = stack.shape[:3]
    zoom = max(1, (wide // columns - _SPACE) // width)
    tall, across = height * zoom, width * zoom
    if stack.shape[3] == 1:
        stack = stack.repeat(3, axis=3)
    rows = math.ceil(count / columns)
    pitch = (across + _SPACE, tall + _LABEL + _SPACE)
    sheet = Image.new("RGBA", (columns * pitch[0] - _SPACE, rows * pitch[1] - _SPACE))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LABEL - 5)
    boxes = []
    for index, (picture, label) in enumerate(zip(stack, labels, strict=True)):
        left, top = index % columns * pitch[0], index // columns * pitch[1]
        sheet.paste(Image.fromarray(picture.repeat(zoom, 0).repeat(zoom, 1)), (left, top))
        while label and pen.textlength(label, font) > across:
            label = label.rpartition(" ")[0]  # the number of the channel is the last to go
        pen.text((left, top + tall + 2), label, fill=(128, 128, 128, 255), font=font)
        boxes.append((left, top, left + across, top + tall))
    return encode_png(np.asarray(sheet)), boxes


def plot_climb(found: Visualization, *, negative: bool = False, height: int = 250) -> Drawing:
    """The goal over steps: of the moved copies that steps saw, of the picture as it is shown, and the
    highest of real pictures; where penalties count, what is climbed too."""
    if len(found.objective) == 0:
        return empty(_TITLE, "The first step is being made", height=height)
    steps = np.arange(1, len(found.objective) + 1)
    seen = _line("moved, as steps see it", steps, found.activation.mean(1), faded(ACCENT, 0.45), 1)
    shown = _line("as it is shown", found.frame_steps, found.frame_values.mean(1), ACCENT, 2)
    few = len(found.frame_steps) <= 40
    traces = [seen, shown | {"mode": "lines+markers" if few else "lines", "marker": {"size": 5}}]
    layout = base_layout(_TITLE, height=height)
    layout["hovermode"] = "x unified"
    layout["xaxis"] = axis("steps", range=[0, found.steps], showgrid=False)
    layout["yaxis"] = axis("deviations" if found.in_deviations else "")
    layout["margin"]["b"] = 84
    layout["legend"] |= {
        "y": 0,
        "yref": "container",
        "yanchor": "bottom",
        "x": 0,
        "xanchor": "left",
    }
    best = _best(found)
    if math.isfinite(best):
        # A line of its own, so that the axis makes room for it.
        line = _line("best real picture", [0, found.steps], [best, best], RUN_COLORS[1], 1.5)
        traces.append(line | {"line": {"color": RUN_COLORS[1], "width": 1.5, "dash": "dash"}})
    if _penalised(found):
        counted = _in_units(found, negative=negative)
        traces.append(_line("with penalties", steps, counted, MUTED, 1.5))
    return Drawing(traces, layout)


def _best(found: Visualization) -> float:
    return math.nan if found.real is None else float(np.mean(found.real.best))


def _penalised(found: Visualization) -> bool:
    """Whether what is climbed is more than the goal counted in deviations."""
    if found.real is None or len(found.objective) < 2:
        return False
    alone = (found.activation / _deviation(found)).mean(1)
    return float(np.abs(np.abs(alone) - np.abs(found.objective)).max()) > 1e-3 * _scale(alone)


def _in_units(found: Visualization, *, negative: bool) -> Floats:
    """What is climbed, which is counted in deviations, on the axis of the activation; where least was
    asked for, its opposite is climbed."""
    sign = -1 if negative else 1
    counted: Floats = sign * found.objective * float(_deviation(found).mean())
    return counted


def _deviation(found: Visualization) -> Floats:
    if found.real is None:
        return np.ones(1, np.float32)
    return np.where(found.real.deviation > 0, found.real.deviation, 1).astype(np.float32)


def _scale(values: Floats) -> float:
    return float(np.abs(values).max()) or 1.0


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
