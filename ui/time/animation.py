"""The history as a file to take away: an animation in which every picture names its update, and the
numbers behind it.

The animation is made on white whatever the page's theme, because it ends up in documents. One that
would be larger than 5 MB is made smaller, not worse: fewer pixels a value first, then fewer frames.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ui import html
from ui.time.panels import (
    columns_for,
    filter_columns,
    is_signed,
    limit_of,
    shown_classes,
    stack_confusion,
    stack_fields,
    stack_filters,
    stack_maps,
)
from viz.figures.theme import MISSING, ScaleName, to_rgb
from viz.results import Bytes
from viz.results.history import Moments

MAX_BYTES: Final = 5_000_000
Format = Literal["gif", "png", "webp"]
FORMATS: Final[dict[Format, str]] = {
    "gif": "GIF",
    "png": "Animated PNG",
    "webp": "Animated WebP",
}
_HEAD, _MARGIN, _TITLE, _GAP = 34, 14, 20, 22  # pixels
_SIDES: Final = (220, 150, 100, 64)  # pixels a panel is high, about; the next where it is too large
_INK, _QUIET, _BAR, _TRUE = (23, 32, 42), (104, 116, 130), (228, 161, 96), (66, 135, 216)
_WIDER: Final = 1.6  # a panel may be wider than high
_BARS_WIDTH: Final = 190
_SAMPLE: Final = 3  # frames that the size of all is told from
_LAST_SECONDS: Final = 1.5  # the end stays a while before it begins again


@dataclass(frozen=True)
class _Part:
    """One panel of the animation: a picture for each moment, all of one size."""

    title: str
    pictures: Sequence[Bytes]  # (h, w, 3)


def render_animation(found: Moments, form: Format, *, per_second: float = 4.0) -> bytes:
    """The history as an animation of at most MAX_BYTES that repeats for ever.

    Raises:
        ValueError: another format.
    """
    if form not in FORMATS:
        raise ValueError(f"{form[:20]!r} is no format here: choose {', '.join(FORMATS)}.")
    for side in _sides(found, form):
        frames = _draw(found, side)
        data = _encode(frames, form, per_second)
        if len(data) <= MAX_BYTES:
            return data
    while len(data) > MAX_BYTES and len(frames) > 2:
        frames = [*frames[: -1 : math.ceil(len(data) / MAX_BYTES)], frames[-1]]
        data = _encode(frames, form, per_second)
    return data


def _sides(found: Moments, form: Format) -> Sequence[int]:
    """The sizes worth trying, largest first: a whole animation takes seconds, so those that would be
    too large by their number of pixels are left out, at the bytes a pixel of some frames needs."""
    some = [found.moments[round(at)] for at in np.linspace(0, len(found.moments) - 1, _SAMPLE)]
    if len(found.moments) <= 2 * _SAMPLE:
        return _SIDES
    for rank, side in enumerate(_SIDES):
        sample = _encode(_draw(replace(found, moments=tuple(some)), side), form, 1.0)
        if len(sample) * len(found.moments) <= _SAMPLE * MAX_BYTES:
            return _SIDES[rank:]
    return _SIDES[-1:]


def render_csv(found: Moments) -> bytes:
    """A line a moment: loss, accuracy, the effective field, and every class probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["update", "validation_loss", "validation_accuracy", "field_sigma_rows", "field_sigma_columns",
         "field_pixels_95", *(f"probability {name}" for name in found.classes)]
    )  # fmt: skip
    for one in found.moments:
        field = (math.nan,) * 3 if one.field is None else (*one.field.fit.sigma, one.field.area95)
        numbers = [one.loss, one.accuracy, *field, *one.probs.tolist()]
        writer.writerow([one.step, *(f"{n:.7g}" if math.isfinite(n) else "" for n in numbers)])
    return text.getvalue().encode()


def render_arrays(found: Moments) -> bytes:
    """All numbers of the panels as NumPy arrays (.npz), the moments along the first axis."""
    arrays: dict[str, NDArray[Any]] = {
        "steps": np.array([one.step for one in found.moments]),
        "probs": np.stack([one.probs for one in found.moments]),
        "image": found.image,
    }
    for name in ("filters", "maps", "confusion"):
        parts = [getattr(one, name) for one in found.moments]
        if all(part is not None for part in parts):
            arrays[name] = np.stack(parts)
    fields = stack_fields(found)
    if fields is not None:
        arrays["field"] = fields
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes bool here
    return buffer.getvalue()


def _encode(frames: Sequence[Image.Image], form: Format, per_second: float) -> bytes:
    short = round(1000 / per_second)
    durations = [*[short] * (len(frames) - 1), round(1000 * _LAST_SECONDS)]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "loop": 0}
    options["duration"] = durations if len(frames) > 1 else durations[-1]
    if form == "gif":
        # One palette for all, or the same colour would flicker from frame to frame.
        shared = _palette(frames)
        frames = [frame.quantize(palette=shared, dither=Image.Dither.NONE) for frame in frames]
        options |= {"append_images": frames[1:], "optimize": False}
    elif form == "webp":
        options |= {"lossless": True, "method": 2}
    buffer = io.BytesIO()
    frames[0].save(buffer, form.upper(), **options)
    return buffer.getvalue()


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """255 colours for all frames, found on a sheet of some of them."""
    some = [frames[round(at)] for at in np.linspace(0, len(frames) - 1, min(6, len(frames)))]
    sheet = Image.new("RGB", (some[0].width, some[0].height * len(some)))
    for row, frame in enumerate(some):
        sheet.paste(frame, (0, row * frame.height))
    return sheet.quantize(255)


def _draw(found: Moments, side: int) -> list[Image.Image]:
    parts = _parts(found, side)
    bars = _bars(found, side)
    heights = [part.pictures[0].shape[0] for part in parts]
    widths = [max(part.pictures[0].shape[1], _width(part.title, 13)) for part in parts]
    width = 2 * _MARGIN + _BARS_WIDTH + sum(widths) + _GAP * len(parts)
    height = _HEAD + _TITLE + max([side, *heights]) + _MARGIN
    frames = []
    for index, one in enumerate(found.moments):
        frame = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(frame)
        pen.text((_MARGIN, 9), f"Update {one.step:,}", fill=_INK, font=_font(17))
        pen.text((_MARGIN + 150, 12), _words(found, index), fill=_QUIET, font=_font(13))
        left = _MARGIN
        for part, wide in zip(parts, widths, strict=True):
            pen.text((left, _HEAD), part.title, fill=_INK, font=_font(13))
            frame.paste(Image.fromarray(part.pictures[index]), (left, _HEAD + _TITLE))
            left += wide + _GAP
        bars(pen, left, _HEAD, index)
        frames.append(frame)
    return frames


def _words(found: Moments, index: int) -> str:
    one = found.moments[index]
    if math.isnan(one.accuracy):
        return ""
    return f"validation accuracy {html.percent(one.accuracy)}, loss {one.loss:.3g}"


def _parts(found: Moments, side: int) -> list[_Part]:
    parts = [_Part("Image", [_enlarge(found.image, side // 2)] * len(found.moments))]
    filters = stack_filters(found)
    if filters is not None:
        columns = filter_columns(found)
        grids = _grids(filters, limit_of(filters), "diverging", columns, side)
        parts.append(_Part(f"Filters of {found.filter_layer}", grids))
    maps = stack_maps(found)
    if maps is not None:
        scale: ScaleName = "diverging" if is_signed(maps) else "sequential"
        grids = _grids(maps, limit_of(maps), scale, columns_for(maps.shape[1]), side)
        parts.append(_Part(f"Maps of {found.layer}", grids))
    fields = stack_fields(found)
    if fields is not None:
        grids = _grids(fields[:, None], 1.0, "sequential", 1, side)
        parts.append(_Part(f"Effective field of {found.field_layer}", grids))
    confusion = stack_confusion(found)
    if confusion is not None:
        parts.append(_Part("Confusion", _grids(confusion[:, None], 1.0, "sequential", 1, side)))
    return parts


def _grids(
    values: NDArray[Any], limit: float, scale: ScaleName, columns: int, side: int
) -> list[Bytes]:
    """(T, N, h, w), or (T, N, 3, h, w) for colours, to a picture of tiles for each moment."""
    count, height, width = values.shape[1], *values.shape[-2:]
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    zoom = max(1, int(side / max(rows * height, columns * width / _WIDER)))
    gap = 2 if count > 1 else 0
    cell_h, cell_w = height * zoom + gap, width * zoom + gap
    pictures = []
    for frame in values:
        if frame.ndim == 4:
            shares = np.nan_to_num(0.5 + 0.5 * frame / (limit or 1), nan=0.5).clip(0, 1)
            tiles = np.rint(255 * shares).astype(np.uint8).transpose(0, 2, 3, 1)  # (N, h, w, 3)
        else:
            tiles = to_rgb(frame, scale, vmin=-limit if scale == "diverging" else 0, vmax=limit)
        picture = np.full((rows * cell_h, columns * cell_w, 3), 255, np.uint8)
        for index, tile in enumerate(tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)):
            top, left = index // columns * cell_h, index % columns * cell_w
            picture[top : top + cell_h, left : left + cell_w] = (*MISSING,) if gap else 255
            picture[top : top + height * zoom, left : left + width * zoom] = tile
        pictures.append(picture[: rows * cell_h - gap, : columns * cell_w - gap])
    return pictures


def _enlarge(image: Bytes, side: int) -> Bytes:
    zoom = max(1, side // max(image.shape[:2]))
    large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return large if large.shape[2] == 3 else large.repeat(3, axis=2)


def _bars(found: Moments, side: int) -> Callable[[ImageDraw.ImageDraw, int, int, int], None]:
    """Draws the class probabilities of a moment at a place."""
    chosen = shown_classes(found)
    step = max(13, min(22, side // max(len(chosen), 1)))
    fits = chosen[: max(1, side // step)]

    def draw(pen: ImageDraw.ImageDraw, left: int, top: int, index: int) -> None:
        pen.text((left, top), "Prediction", fill=_INK, font=_font(13))
        for row, which in enumerate(fits):
            y = top + _TITLE + row * step
            share = float(np.nan_to_num(found.moments[index].probs[which]))
            colour = _TRUE if which == found.label else _BAR
            pen.rectangle((left + 70, y + 1, left + 70 + round(share * 76), y + step - 3), colour)
            pen.text((left, y), _short(found.classes[which], 66), fill=_INK, font=_font(11))
            pen.text((left + 150, y), html.whole_percent(share), fill=_QUIET, font=_font(11))

    return draw


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _width(text: str, size: int) -> int:
    return math.ceil(float(_font(size).getlength(text)))


def _short(text: str, pixels: int) -> str:
    while len(text) > 1 and _width(text, 11) > pixels:
        text = text[:-2] + "…"
    return text
