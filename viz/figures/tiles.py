"""Many small maps as one picture: filters and feature maps, coloured, in a grid with thin gaps.

A browser shows one PNG of 64 maps at once where 64 heatmaps would take seconds. Signed maps get the
diverging scale centred at 0, maps without negative values the sequential scale from 0.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from viz.figures.theme import (
    EMPTY_INDEX,
    GAP_INDEX,
    ScaleName,
    palette,
    to_index,
)

Scaling = Literal["per_map", "per_layer", "global"]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Montage:
    """Tiles in reading order, row by row; gaps are faint, places without a tile empty."""

    pixels: Bytes  # (H, W) positions in the palette of `scale`, or (H, W, 4) without one
    scale: ScaleName | None  # None: colour filters in their own colours
    limit: float | None  # value of the scale's upper end; None: differs from tile to tile
    blank: npt.NDArray[np.bool_]  # (N,) tiles that are one constant or hold no finite value
    columns: int
    tile: tuple[int, int]  # (h, w) pixels, after zooming
    gap: int  # pixels

    @property
    def image(self) -> Bytes:
        """The picture as RGBA (H, W, 4)."""
        return self.pixels if self.scale is None else palette(self.scale)[self.pixels]

    def png(self) -> bytes:
        """The picture as a PNG; with a scale it has one byte a pixel, packed six times as fast."""
        return encode_png(self.pixels, scale_name=self.scale)

    def box(self, index: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of tile `index` in image pixels."""
        row, column = divmod(index, self.columns)
        top, left = row * (self.tile[0] + self.gap), column * (self.tile[1] + self.gap)
        return left, top, left + self.tile[1], top + self.tile[0]


def montage_maps(
    layers: Sequence[npt.ArrayLike],
    *,
    scaling: Scaling = "per_layer",
    columns: int | None = None,
    zoom: int = 1,
    gap: int = 2,
    limit: float | None = None,
    signed: bool | None = None,
) -> list[Montage]:
    """One montage a layer from maps (C, H, W) each.

    `scaling` says what shares a scale: nothing ("per_map"), the maps of a layer ("per_layer") or
    all layers ("global"). A layer with any negative value is signed; its scale runs from −limit to
    limit, that of the others from 0 to limit. Where the maps are part of a larger whole, `limit` is
    that of "global" and `signed` says whether the whole has negative values. Default `columns`: near
    square. Each value becomes a square of `zoom` pixels, so that it stays crisp; `gap` is in pixels
    of the result.
    """
    stacks = [np.asarray(maps, np.float32) for maps in layers]
    everywhere = max((_limit(maps) for maps in stacks), default=0.0) if limit is None else limit
    return [
        _montage(maps, scaling, everywhere, columns, zoom, gap, signed=signed) for maps in stacks
    ]


def montage_filters(
    weights: npt.ArrayLike,
    *,
    scaling: Scaling = "per_layer",
    columns: int | None = None,
    zoom: int = 1,
    gap: int = 2,
    max_inputs: int = 16,
    limit: float | None = None,
) -> Montage:
    """Filters (O, I, kh, kw) as tiles.

    I = 3: a colour tile a filter, weight 0 as mid-grey. I = 1: a tile a filter, signed colours.
    Otherwise: a row a filter and a column an input channel, the first `max_inputs` of them; `blank`
    then counts kernels. Where the filters are part of a larger whole, `limit` is that of "global";
    without it "global" is the same as "per_layer".
    """
    filters = np.asarray(weights, np.float32)
    in_channels, height, width = filters.shape[1:]
    if in_channels == 3:
        return _color_tiles(filters, scaling, limit, columns, zoom, gap)
    used = filters[:, :max_inputs]
    everywhere = _limit(used) if limit is None else limit
    kernels = used.reshape(-1, height, width)  # (O * inputs, kh, kw)
    columns = columns if in_channels == 1 else used.shape[1]
    return _montage(kernels, scaling, everywhere, columns, zoom, gap, signed=True)


def encode_png(
    image: npt.ArrayLike, *, zoom: int = 1, scale_name: ScaleName | None = None
) -> bytes:
    """A PNG of uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), each pixel `zoom` pixels wide.

    With `scale_name`, (H, W) are positions in that palette.
    """
    pixels = np.asarray(image, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if zoom > 1:
        pixels = pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    # Level 1: these pictures live for a second, and packing them harder takes ten times as long.
    options: dict[str, Any] = {"compress_level": 1}
    if scale_name is not None:
        picture.putpalette(palette(scale_name)[:, :3].tobytes())
        options["transparency"] = palette(scale_name)[:, 3].tobytes()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def fit_zoom(width: int, target: int) -> int:
    """Whole factor that brings `width` pixels nearest below `target`, at least 1."""
    return max(1, target // max(width, 1))


def _limit(values: npt.NDArray[np.float32]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max(initial=0.0))


def _montage(
    maps: Floats,
    scaling: Scaling,
    everywhere: float,
    columns: int | None,
    zoom: int,
    gap: int,
    *,
    signed: bool | None = None,
) -> Montage:
    finite = np.where(np.isfinite(maps), maps, 0)
    if signed is None:
        signed = bool((finite < 0).any())
    scale: ScaleName = "diverging" if signed else "sequential"
    shares: npt.NDArray[np.floating]
    if scaling == "per_map":
        limit = None
        tops = np.abs(finite).max(axis=(1, 2), keepdims=True, initial=0.0)  # (N, 1, 1)
        shares = maps / np.where(tops > 0, tops, np.float32(1))
    else:
        limit = everywhere if scaling == "global" else _limit(maps)
        shares = maps / np.float32(limit or 1)
    tiles = to_index(shares, scale, vmin=-1 if signed else 0, vmax=1)  # (N, h, w)
    return _assemble(tiles, _blank(maps), scale, limit, columns, zoom, gap)


def _color_tiles(
    filters: Floats,
    scaling: Scaling,
    everywhere: float | None,
    columns: int | None,
    zoom: int,
    gap: int,
) -> Montage:
    per_map = scaling == "per_map"
    whole = everywhere if scaling == "global" and everywhere is not None else _limit(filters)
    tops = np.array([_limit(f) if per_map else whole for f in filters])  # (O,)
    scale = np.where(tops > 0, tops, 1)[:, None, None, None]
    shares = filters / scale  # (O, 3, kh, kw) in -1..1
    tiles = np.rint(np.nan_to_num(0.5 + 0.5 * shares, nan=0.5).clip(0, 1) * 255).astype(np.uint8)
    limit = None if per_map else whole
    blank = _blank(filters.reshape(len(filters), -1, 1))
    opaque = np.full((len(tiles), 1, *tiles.shape[2:]), 255, np.uint8)
    tiles = np.concatenate([tiles, opaque], axis=1).transpose(0, 2, 3, 1)  # (O, kh, kw, 4)
    return _assemble(tiles, blank, None, limit, columns, zoom, gap)


def _blank(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """(N,) True where a map is one constant or has no finite value at all."""
    flat = maps.reshape(len(maps), math.prod(maps.shape[1:]))
    finite = np.isfinite(flat)
    if flat.shape[1] == 1:  # a single value is no map to be blank
        return np.logical_not(finite[:, 0])
    low = np.where(finite, flat, np.inf).min(axis=1)
    high = np.where(finite, flat, -np.inf).max(axis=1)
    constant: npt.NDArray[np.bool_] = ~(low < high)
    return constant


def _assemble(
    tiles: Bytes,
    blank: npt.NDArray[np.bool_],
    scale: ScaleName | None,
    limit: float | None,
    columns: int | None,
    zoom: int,
    gap: int,
) -> Montage:
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    count, height, width, *depth = tiles.shape  # depth: [] or [4]
    columns = max(1, min(columns or math.ceil(math.sqrt(count)), count))
    rows = math.ceil(count / columns)
    cell_h, cell_w = height + gap, width + gap
    # Colour filters have grey for 0, so grey gaps would melt into them.
    gaps, nothing = (0, 0) if depth else (GAP_INDEX, EMPTY_INDEX)
    grid = np.empty((rows * columns, cell_h, cell_w, *depth), np.uint8)
    grid[:count], grid[count:] = gaps, nothing
    grid[:count, :height, :width] = tiles
    grid = grid.reshape(rows, columns, cell_h, cell_w, *depth).swapaxes(1, 2)
    pixels = grid.reshape(rows * cell_h, columns * cell_w, *depth)
    pixels = pixels[: rows * cell_h - gap, : columns * cell_w - gap]
    return Montage(pixels, scale, limit, blank, columns, (height, width), gap)
