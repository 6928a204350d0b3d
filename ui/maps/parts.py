"""What the views of feature maps share: which layers there are, sheets and single maps to click.

Colours come from the layer, not from the map at hand: a signed layer stays on the diverging scale
even where one of its maps happens to be positive everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
import numpy.typing as npt
import streamlit as st

from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.url_state import choice
from viz.figures.maps import SheetScaling, is_signed, largest, montage_sheet
from viz.figures.theme import ScaleName
from viz.figures.tiles import Montage, montage_maps
from viz.results import Floats
from viz.results.network import NetworkMap

Unit = tuple[int, int, int]
"""Channel, row, column."""
COUNTS: Final = {"64": 64, "128": 128, "256": 256, "all": 4096}
MOST_TEXTS: Final = 4096  # units with words of their own on hover; more make the page slow
_MOST_TILE: Final = 240  # pixels; larger tiles show no more
_LEAST_TILE: Final = 18
GAP: Final = 3
WIDTH: Final = 760  # pixels of a sheet
HEIGHT: Final = 560


@dataclass(frozen=True)
class Colors:
    """How values become colours: the end of the scale, and whether it has a negative side."""

    limit: float
    signed: bool

    @property
    def scale(self) -> ScaleName:
        """The scale of the house for such values."""
        return "diverging" if self.signed else "sequential"

    def bar(self, scaling: SheetScaling = "layer") -> str:
        """The colour bar below a picture."""
        return html.color_bar(self.scale, None if scaling == "unit" else self.limit)


def layer_colors(maps: Floats, limit: float | None = None) -> Colors:
    """The colours of a whole layer (C, h, w); `limit` where more than this layer shares them."""
    return Colors(largest(maps) if limit is None else limit, is_signed(maps))


def layers_with_maps(network: NetworkMap) -> list[str]:
    """Every layer that puts out maps, and every block that does more than pass on its last layer."""
    return [
        layer.name
        for layer in network.layers
        if len(layer.out_shape) == 3 and (layer.leaf or layer.kind != "Sequential")
    ]


def lay_out(count: int, shape: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Columns and the width of a tile so that `count` maps of `shape` fill a place of this size,
    as large as they can be; in more rows than fit where tiles would become too small to see."""
    ratio = shape[0] / shape[1]
    sizes = {}
    for columns in range(1, min(count, width // _LEAST_TILE) + 1):
        rows = -(-count // columns)
        sizes[columns] = int(min(width / columns - GAP, (height / rows - GAP) / ratio, _MOST_TILE))
    largest_tile = max(sizes.values())
    if largest_tile < _LEAST_TILE:
        return width // _LEAST_TILE, _LEAST_TILE
    # Of those nearly as large, the one that leaves the fewest places empty.
    near = [columns for columns, tile in sizes.items() if tile >= 0.88 * largest_tile]
    best = min(near, key=lambda columns: (-count % columns, -sizes[columns], -columns))
    return best, sizes[best]


def make_sheet(
    maps: Floats, colors: Colors, scaling: SheetScaling, width: int = WIDTH, height: int = HEIGHT
) -> Montage:
    """Maps (C, h, w) as tiles that fill about `width` × `height` pixels."""
    columns, tile = lay_out(len(maps), (maps.shape[1], maps.shape[2]), width, height)
    return montage_sheet(
        maps, scaling=scaling, limit=colors.limit, signed=colors.signed, columns=columns, tile=tile,
        gap=GAP,
    )  # fmt: skip


def show_sheet(
    maps: Floats,
    channels: Sequence[int] | npt.NDArray[np.integer],
    texts: Sequence[str],
    *,
    key: str,
    alt: str,
    colors: Colors,
    scaling: SheetScaling = "layer",
    selected: int | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> int | None:
    """Some channels of a layer (C, h, w) as tiles; the channel that was clicked just now."""
    order = [int(channel) for channel in channels]
    sheet = make_sheet(maps[order], colors, scaling, width, height)
    columns, tile = lay_out(len(order), (maps.shape[1], maps.shape[2]), width, height)
    place = order.index(selected) if selected in order else None
    picked = clickable_picture(
        sheet.png(), key=key, alt=alt, grid=_grid(sheet, len(order)), texts=texts, selected=place,
        width=f"{columns * (tile + GAP)}px",
    )  # fmt: skip
    return None if picked is None else order[picked]


def show_map(
    feature_map: Floats,
    *,
    key: str,
    alt: str,
    colors: Colors,
    selected: tuple[int, int] | None = None,
    side: int = 300,
) -> tuple[int, int] | None:
    """One map (h, w) large, its values on hover; the unit that was clicked just now."""
    height, width = feature_map.shape
    [tiles] = montage_maps(
        [feature_map[None]], scaling="global", limit=colors.limit, signed=colors.signed,
        zoom=max(1, side // max(height, width)), gap=0,
    )  # fmt: skip
    zoom = tiles.pixels.shape[1] // width
    picked = clickable_picture(
        tiles.png(), key=key, alt=alt,
        grid=Grid(height, width, 0, (zoom, zoom), height * width),
        texts=unit_texts(feature_map),
        selected=None if selected is None else selected[0] * width + selected[1],
        width=f"{side}px",
    )  # fmt: skip
    if picked is None:
        return None
    row, column = divmod(picked, width)
    return row, column


def unit_texts(feature_map: Floats) -> list[str] | None:
    """What each unit says on hover, row by row; None: so many that their places have to do."""
    if feature_map.size > MOST_TEXTS:
        return None
    return [
        f"{row}, {column}: {number(value, 4)}"
        for row, line in enumerate(feature_map.tolist())
        for column, value in enumerate(line)
    ]


def strongest(feature_map: Floats, *, signed: bool) -> tuple[int, int]:
    """Row and column of the largest value; of a signed map, of the value furthest from 0."""
    values = np.abs(feature_map) if signed else feature_map
    place = int(np.where(np.isfinite(values), values, -np.inf).argmax())
    row, column = divmod(place, feature_map.shape[1])
    return row, column


def number(value: float, digits: int = 3) -> str:
    """A value for people: `−0.0123`."""
    return f"{value:.{digits}g}".replace("-", "−") if np.isfinite(value) else html.NO_NUMBER


def heading(text: str) -> str:
    """A small heading close to what it heads."""
    return f'<div class="cs-maps-head">{escape(text)}</div>'


def shapes(numbers: Sequence[int]) -> str:
    """`16×14×14`."""
    return "×".join(map(str, numbers))


def labelled_choice(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """`choice` with its label above."""
    with st.container(gap=None, width="content"):
        st.caption(label)
        return choice(label, options, key=key, default=default)


def _grid(sheet: Montage, count: int) -> Grid:
    rows = -(-count // sheet.columns)
    return Grid(rows, sheet.columns, sheet.gap, sheet.tile, count)
