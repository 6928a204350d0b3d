"""Feature maps as pictures: sheets of many, one laid on the image where its units truly sit, and
patches cut out of images with the part that lies in the padding.

A unit's value is painted around the centre of its receptive field, one stride wide. A map that is
merely stretched over the image puts units pixels away from what they saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from viz.figures.theme import ACCENT, MISSING, ScaleName, to_rgb
from viz.figures.tiles import Montage, Scaling, montage_maps
from viz.results.maps import Geometry

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

SheetScaling = Literal["unit", "layer", "global"]
_SCALINGS: Final[dict[SheetScaling, Scaling]] = {
    "unit": "per_map",
    "layer": "global",
    "global": "global",
}
PAINT_ALPHA: Final = 0.88  # of the strongest unit on the image
HATCH: Final = 6  # pixels between two lines of the padding's hatching


@dataclass(frozen=True)
class Placed:
    """A picture of an image with room around it for what lies in the padding."""

    pixels: Bytes  # (H, W, 4)
    zoom: int  # picture pixels a pixel of the image
    margin: tuple[int, int, int, int]  # top, left, bottom, right, in pixels of the image


def is_signed(maps: npt.ArrayLike) -> bool:
    """Whether any value is negative, which asks for the diverging scale."""
    values = np.asarray(maps)
    return bool((values[np.isfinite(values)] < 0).any())


def largest(maps: npt.ArrayLike) -> float:
    """The largest size of a finite value, 0 for none."""
    values = np.asarray(maps, np.float32)
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def shrink(maps: Floats, side: int) -> Floats:
    """Maps (C, h, w) no larger than about `side` pixels a side: means of blocks of whole units."""
    factor = max(1, round(max(maps.shape[1:]) / side))
    if factor == 1:
        return maps
    count, height, width = maps.shape
    pad_y, pad_x = -height % factor, -width % factor
    padded = np.pad(maps, ((0, 0), (0, pad_y), (0, pad_x)), mode="edge")
    blocks = padded.reshape(
        count, (height + pad_y) // factor, factor, (width + pad_x) // factor, factor
    )
    means: Floats = blocks.mean(axis=(2, 4), dtype=np.float32)
    return means


def montage_sheet(
    maps: Floats,
    *,
    scaling: SheetScaling,
    limit: float,
    signed: bool,
    columns: int,
    tile: int,
    gap: int = 3,
) -> Montage:
    """Maps (C, h, w) as tiles about `tile` pixels wide.

    `limit` is the end of the scale of "layer" and "global", `signed` whether the layer has negative
    values anywhere, both of the layer rather than of the maps at hand.
    """
    small = shrink(maps, tile)
    zoom = max(1, tile // max(small.shape[1:]))
    return montage_maps(
        [small], scaling=_SCALINGS[scaling], columns=columns, zoom=zoom, gap=gap, limit=limit,
        signed=signed,
    )[0]  # fmt: skip


def place_on_image(
    image: Bytes,
    feature_map: Floats,
    geometry: Geometry,
    *,
    limit: float,
    signed: bool,
    unit: tuple[int, int] | None = None,
    side: int = 420,
    strength: float = PAINT_ALPHA,
) -> Placed:
    """A feature map (h, w) on its image (H, W, C), every unit at the centre of its field.

    The field of `unit` (row, column) is outlined whole: where it reaches beyond the image, hatched
    room stands for the padding. The picture's longer side is at least about `side` pixels.
    """
    box = None if unit is None else geometry.box(*unit)
    margin = _margin(geometry.image, box)
    canvas, inside = _with_margin(image, margin)
    grey = canvas.mean(axis=2, keepdims=True)
    base = np.where(inside[..., None], 0.25 * canvas + 0.75 * grey, MISSING)  # (H, W, 3)
    rows, columns = _nearest_units(feature_map.shape, geometry, margin)
    known = (rows >= 0)[:, None] & (columns >= 0)[None, :] & inside
    values = np.where(known, feature_map[np.ix_(rows.clip(0), columns.clip(0))], 0)
    scale: ScaleName = "diverging" if signed else "sequential"
    colors = to_rgb(values, scale, vmin=-limit if signed else 0, vmax=limit)
    own = largest(feature_map)  # so that a weak map is seen too; its colours say that it is weak
    share = np.abs(np.nan_to_num(values)) / own if own > 0 else np.zeros_like(values)
    alpha = (strength * share.clip(0, 1))[..., None]
    mixed = np.rint(base * (1 - alpha) + colors * alpha).astype(np.uint8)
    zoom = max(1, side // max(mixed.shape[:2]))
    picture = mixed.repeat(zoom, axis=0).repeat(zoom, axis=1)
    rgba = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    _hatch(rgba, inside.repeat(zoom, axis=0).repeat(zoom, axis=1))
    if box is not None:
        _outline(rgba, _in_picture(box, margin, zoom), max(2, max(rgba.shape[:2]) // 140))
    return Placed(rgba, zoom, margin)


def crop_field(image: Bytes, box: tuple[int, int, int, int], *, side: int = 96) -> Bytes:
    """What a unit saw: RGBA of `box` (top, left, bottom, right) of the image (H, W, C); what lies
    beyond the image is hatched. Its longer side is about `side` pixels, in whole steps."""
    top, left, bottom, right = box
    height, width = image.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None]
    pixels = _rgb(image)[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    longest = max(pixels.shape[:2])
    if longest > 2 * side:
        step = longest // side
        pixels, inside = pixels[::step, ::step], inside[::step, ::step]
    zoom = max(1, round(side / max(pixels.shape[:2])))
    pixels, inside = (part.repeat(zoom, axis=0).repeat(zoom, axis=1) for part in (pixels, inside))
    pixels = np.where(inside[..., None], pixels, np.asarray(MISSING, np.uint8))
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    _hatch(rgba, inside)
    return rgba


def outline_field(
    image: Bytes, geometry: Geometry, unit: tuple[int, int], *, side: int = 96
) -> Bytes:
    """The whole image (H, W, C) as RGBA with the field of `unit` (row, column) outlined, padding
    hatched; about `side` pixels at least."""
    box = geometry.box(*unit)
    margin = _margin(geometry.image, box)
    canvas, inside = _with_margin(image, margin)
    zoom = max(1, round(side / max(canvas.shape[:2])))
    rgba = np.dstack([canvas.astype(np.uint8), np.full(canvas.shape[:2], 255, np.uint8)])
    rgba = rgba.repeat(zoom, axis=0).repeat(zoom, axis=1)
    _hatch(rgba, inside.repeat(zoom, axis=0).repeat(zoom, axis=1))
    _outline(rgba, _in_picture(box, margin, zoom), max(2, max(rgba.shape[:2]) // 90))
    return rgba


def _in_picture(
    box: tuple[int, int, int, int], margin: tuple[int, int, int, int], zoom: int
) -> tuple[int, int, int, int]:
    top, left = margin[:2]
    return (
        (box[0] + top) * zoom, (box[1] + left) * zoom,
        (box[2] + top) * zoom, (box[3] + left) * zoom,
    )  # fmt: skip


def _rgb(image: Bytes) -> Bytes:
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image


def _margin(
    image: tuple[int, int], box: tuple[int, int, int, int] | None
) -> tuple[int, int, int, int]:
    """Room for the box, never more than the image itself on a side."""
    if box is None:
        return 0, 0, 0, 0
    top, left, bottom, right = box
    height, width = image
    return (
        min(max(-top, 0), height), min(max(-left, 0), width),
        min(max(bottom - height, 0), height), min(max(right - width, 0), width),
    )  # fmt: skip


def _with_margin(
    image: Bytes, margin: tuple[int, int, int, int]
) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """The image as float RGB with margins around it, and where it is image."""
    top, left, bottom, right = margin
    pads = ((top, bottom), (left, right))
    canvas = np.pad(_rgb(image).astype(np.float64), (*pads, (0, 0)))
    inside = np.pad(np.ones(image.shape[:2], bool), pads)
    return canvas, inside


def _nearest_units(
    shape: tuple[int, ...], geometry: Geometry, margin: tuple[int, int, int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each row and column of the picture the unit centred nearest, -1 where none is within half
    a stride."""
    found = []
    sides = (shape[0], shape[1])
    spans = zip(
        geometry.centres(sides), geometry.stride, geometry.image, (margin[0], margin[1]),
        (margin[2], margin[3]), strict=True,
    )  # fmt: skip
    for centres, stride, length, before, after in spans:
        at = np.arange(-before, length + after, dtype=float)
        half = stride / 2 if geometry.placed else length / len(centres) / 2
        middles = (centres[1:] + centres[:-1]) / 2
        nearest = np.searchsorted(middles, at, side="right")
        near = (at >= centres[0] - half) & (at <= centres[-1] + half)
        found.append(np.where(near, nearest, -1).astype(np.int64))
    return found[0], found[1]


def _hatch(rgba: Bytes, inside: npt.NDArray[np.bool_]) -> None:
    """Thin diagonal lines where there is no image."""
    rows, columns = np.indices(inside.shape)
    lines = (rows + columns) % HATCH < 1
    rgba[~inside] = (*MISSING, 60)
    rgba[~inside & lines] = (*MISSING, 150)


def _outline(rgba: Bytes, box: tuple[int, int, int, int], width: int) -> None:
    """A frame in the accent colour just inside the box, cut off at the picture's edge."""
    top, left, bottom, right = box
    color = (*(int(ACCENT[i : i + 2], 16) for i in (1, 3, 5)), 255)
    height, across = rgba.shape[:2]
    ys, xs = (max(top, 0), min(bottom, height)), (max(left, 0), min(right, across))
    width = max(1, min(width, (bottom - top) // 3, (right - left) // 3))
    for low, high in ((top, top + width), (bottom - width, bottom)):
        rgba[max(low, 0) : max(min(high, height), 0), xs[0] : xs[1]] = color
    for low, high in ((left, left + width), (right - width, right)):
        rgba[ys[0] : ys[1], max(low, 0) : max(min(high, across), 0)] = color
