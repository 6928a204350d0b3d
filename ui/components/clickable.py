"""A picture whose cells answer: hover says what a cell is, a click or Enter tells Python which.

A selectable plotly chart loses its selection as soon as its figure changes, and a heatmap cell
cannot be clicked at all; a picture of maps that is redrawn while a network trains needs both. The
picture travels as one PNG and the cells as numbers, so a new picture replaces the old one in place.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ui.components.assets import renderer

_PNG: Final = b"\x89PNG\r\n\x1a\n"
MAX_CELLS: Final = 250_000


@dataclass(frozen=True)
class Grid:
    """Cells in reading order, as a montage has them; sizes are pixels of the picture."""

    rows: int
    columns: int
    gap: int
    tile: tuple[int, int]  # (h, w)
    count: int  # cells there are; the places after them are empty


@dataclass(frozen=True)
class Box:
    """One cell anywhere, half-open, in pixels of the picture. Where boxes overlap, the smallest
    under the pointer is meant."""

    left: float
    top: float
    right: float
    bottom: float


def clickable_picture(
    png: bytes,
    *,
    key: str,
    alt: str,
    grid: Grid | Sequence[Box],
    texts: Sequence[str] | None = None,
    selected: int | None = None,
    width: str = "100%",
) -> int | None:
    """Show the picture; the index of the cell that was clicked just now, else None.

    The index is there in one run only: store it, in the link best, and pass it back as `selected`,
    which is outlined in the accent colour. A click inside an `st.fragment` reruns only that.

    Args:
        png: the picture. With the same `key` a new one takes the old one's place without a flicker.
        key: names the picture on its page.
        alt: what the picture shows, for those who hear it.
        grid: where the cells are, in pixels of the PNG.
        texts: what each cell says on hover and when it is reached with the arrow keys; lines are
            kept. None: "row 3, column 7" of a grid, the number of a box.
        selected: the cell to outline; an index that no cell has outlines nothing.
        width: CSS width; never wider than the place there is. Pixels stay sharp when enlarged.

    Raises:
        ValueError: `png` is no PNG, or the number of texts is not that of the cells.
    """
    size = png_size(png)
    cells = cell_data(grid)
    count = cells["count"]
    if texts is not None and len(texts) != count:
        raise ValueError(f"{len(texts)} texts for {count} cells: give one each, or none.")
    result: Any = renderer("clickable")(
        key=key,
        data={
            "png": base64.b64encode(png).decode("ascii"),
            "size": size,
            "alt": alt,
            "cells": cells,
            "texts": None if texts is None else list(texts),
            "selected": selected if selected is not None and 0 <= selected < count else None,
            "width": width,
        },
        on_picked_change=lambda: None,
    )
    return decode_pick(result.picked, count)


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height from the header, so that the place is kept before the picture is decoded.

    Raises:
        ValueError: these bytes are not a PNG.
    """
    if not png.startswith(_PNG) or len(png) < 24:
        raise ValueError("`png` does not begin as a PNG does: encode the picture with encode_png.")
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)


def cell_data(grid: Grid | Sequence[Box]) -> dict[str, Any]:
    """The cells as the browser takes them.

    Raises:
        ValueError: there are more than the browser can outline quickly, or a grid has no tiles.
    """
    if isinstance(grid, Grid):
        data = {"kind": "grid", **asdict(grid)}
        if (
            min(grid.rows, grid.columns, *grid.tile) < 1
            or not 0 <= grid.count <= grid.rows * grid.columns
        ):
            raise ValueError(f"{grid} cannot be laid out: it needs tiles, and room for `count`.")
    else:
        boxes = [[box.left, box.top, box.right, box.bottom] for box in grid]
        data = {"kind": "boxes", "boxes": boxes, "count": len(boxes)}
    if data["count"] > MAX_CELLS:
        raise ValueError(f"{data['count']} cells are too many: up to {MAX_CELLS} can be shown.")
    return data


def decode_pick(value: object, count: int) -> int | None:
    """The index in a message of the browser; None for none and for anything that is no cell."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        return None
    return value
