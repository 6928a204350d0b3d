"""Filters as pictures: tiles with marks, the numbers of a kernel, spectra, histograms, damage.

Weights are signed, so every picture of them has the diverging scale with 0 in its pale middle; only
filters that read red, green and blue are shown in those colours, with 0 as mid-grey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from viz.figures.theme import (
    ACCENT,
    MUTED,
    SCALES,
    WARNING,
    Drawing,
    ScaleName,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
    to_rgb,
)
from viz.figures.tiles import Montage, encode_png, fit_zoom, montage_filters, montage_maps

Scope = Literal["filter", "layer", "network"]
Mark = Literal["dead", "alike"]
Bytes = npt.NDArray[np.uint8]

GAP = 4  # pixels
NARROW = 18  # tiles up to this wide have gaps of one pixel
BLOCK_GAP = 22
LARGEST_TILE = 150
TALLEST = 520  # of a figure with a row for each layer
# Symbols of 7×7 pixels, so that a mark does not rest on its colour.
_SYMBOLS: Final[Mapping[Mark, tuple[str, ...]]] = {
    "dead": (".......", ".#...#.", "..#.#..", "...#...", "..#.#..", ".#...#.", "......."),
    "alike": (".......", ".......", ".#####.", ".......", ".#####.", ".......", "......."),
}
_MARK_COLORS: Final[Mapping[Mark, str]] = {"dead": "#b3002d", "alike": "#5b1fd6"}


def mark_color(mark: Mark) -> str:
    """The colour behind a mark's symbol, as CSS."""
    return _MARK_COLORS[mark]


@dataclass(frozen=True)
class FilterTiles:
    """Filters as one picture, and where on it each tile lies."""

    image: Bytes  # (H, W, 4) RGBA
    boxes: tuple[tuple[int, int, int, int], ...]  # left, top, right, bottom of each tile
    per_filter: int  # tiles of one filter: 1, or one for each of its kernels
    scale: ScaleName | None  # None: filters in red, green and blue
    limit: float | None  # value of the scale's ends; None: each filter's own largest weight


def filter_tiles(
    weights: npt.ArrayLike,
    *,
    scope: Scope,
    layer_limit: float,
    network_limit: float,
    color: bool,
    width: int,
    height: int,
) -> FilterTiles:
    """Filters (O, I, kh, kw) as tiles, as large as fit into `width`×`height` pixels.

    With `color` (I = 3) or I = 1 a tile is a filter; otherwise a filter is a row of tiles, one for
    each of its kernels, and the rows stand in as many blocks side by side as make them largest.
    `scope` says what shares a scale: each filter has its own, the layer has one, or all
    convolutions of the network have.
    """
    filters: npt.NDArray[np.floating] = np.asarray(weights, np.float32)
    count, inputs, *kernel = (int(n) for n in filters.shape)
    limit = {"filter": 1.0, "layer": layer_limit, "network": network_limit}[scope]
    if scope == "filter":
        tops = np.abs(np.nan_to_num(filters, posinf=0, neginf=0)).max(axis=(1, 2, 3), keepdims=True)
        filters = filters / np.where(tops > 0, tops, np.float32(1))
    across = 1 if color else inputs  # tiles of one filter
    apart = 0 if across == 1 else BLOCK_GAP

    def side(blocks: int) -> int:
        wide = (width - (blocks - 1) * apart) // (blocks * across)
        return min(wide, height // math.ceil(count / blocks), LARGEST_TILE)

    def worth(blocks: int) -> tuple[int, int, int]:
        """The largest tiles; of nearly equal large ones those that leave the fewest places empty."""
        size = side(blocks)
        return size if size < 24 else size // 8 * 8, -(-count % blocks), blocks

    blocks = max(range(1, count + 1), key=worth)
    gap = GAP if side(blocks) > NARROW else 1
    zoom = fit_zoom(max(kernel), side(blocks) - gap)
    rows = math.ceil(count / blocks)
    if across == 1:  # reading order
        parts = [_tiles(filters, color, limit, blocks, zoom, gap)]
    else:
        parts = [
            _tiles(filters[first : first + rows], color, limit, across, zoom, gap)
            for first in range(0, count, rows)
        ]
    boxes, left = [], 0
    for part in parts:
        for index in range(len(part.blank)):
            x0, y0, x1, y1 = part.box(index)
            boxes.append((left + x0, y0, left + x1, y1))
        left += part.pixels.shape[1] + BLOCK_GAP
    picture = np.zeros((parts[0].pixels.shape[0], left - BLOCK_GAP, 4), np.uint8)
    left = 0
    for part in parts:
        image = part.image
        picture[: image.shape[0], left : left + image.shape[1]] = image
        left += image.shape[1] + BLOCK_GAP
    own = None if scope == "filter" else limit
    return FilterTiles(picture, tuple(boxes), across, parts[0].scale, own)


def marked_png(tiles: FilterTiles, marks: Mapping[int, Sequence[Mark]]) -> bytes:
    """The picture with symbols in the upper left corner of some tiles: × dead, = near-duplicate."""
    image = tiles.image.copy()
    for index, symbols in marks.items():
        left, top, right, bottom = tiles.boxes[index]
        zoom = max(1, min(right - left, bottom - top) // 40)
        for place, mark in enumerate(symbols):
            stamp = _stamp(mark).repeat(zoom, axis=0).repeat(zoom, axis=1)
            at = left + place * stamp.shape[1]
            room = image[top : top + stamp.shape[0], at : at + stamp.shape[1]]
            room[:] = stamp[: room.shape[0], : room.shape[1]]
    return encode_png(image)


def stamp_png(mark: Mark) -> bytes:
    """A mark by itself, for a legend."""
    return encode_png(_stamp(mark), zoom=2)


def cell_colors(values: npt.ArrayLike, limit: float) -> list[list[tuple[str, str]]]:
    """Background and text colour, as CSS, of each cell of signed numbers (h, w)."""
    colors = to_rgb(values, "diverging", vmin=-limit, vmax=limit)
    light = colors @ np.array([0.299, 0.587, 0.114]) > 140
    return [
        [
            (f"#{bytes(rgb).hex()}", "#111" if bright else "#fff")
            for rgb, bright in zip(row, bright_row, strict=True)
        ]
        for row, bright_row in zip(colors, light, strict=True)
    ]


def plot_spectrum(
    spectrum: npt.ArrayLike, frequencies: npt.ArrayLike, *, title: str, height: int = 300
) -> Drawing:
    """|frequency response| (S, S) over frequencies (S,) across and down, in cycles per cell."""
    values = np.asarray(spectrum, np.float32)
    if not np.isfinite(values).all():
        return empty(title, "The weights are no numbers any more", height=height)
    at = pack(frequencies)
    colors = SCALES["sequential"]
    heat: Trace = {
        "type": "heatmap", "z": pack(values), "x": at, "y": at, "zmin": 0,
        "zmax": float(values.max()) or 1.0,
        "colorscale": [[i / (len(colors) - 1), color] for i, color in enumerate(colors)],
        "colorbar": {"thickness": 10, "outlinewidth": 0, "title": {"text": "response", "side": "right"}},
        "hovertemplate": "%{x:.2f} across, %{y:.2f} down: %{z:.3g}<extra></extra>",
    }  # fmt: skip
    layout = base_layout(title, height=height)
    ticks = {"tickvals": [-0.5, -0.25, 0, 0.25, 0.5], "showgrid": False, "constrain": "domain"}
    layout["xaxis"] = axis("cycles per cell, across", **ticks)
    layout["yaxis"] = axis("down", scaleanchor="x", autorange="reversed", **ticks)
    return Drawing([heat], layout)


def plot_weight_histogram(
    counts: npt.ArrayLike,
    edges: npt.ArrayLike,
    *,
    chosen: npt.ArrayLike | None = None,
    chosen_name: str = "",
    height: int = 220,
) -> Drawing:
    """How often which weight occurs in a layer, and in one filter of it, as shares."""
    bins, layer = np.asarray(edges, float), np.asarray(counts, float)
    if layer.sum() == 0:
        return empty("Weights", "The weights are no numbers any more", height=height)
    middle, width = (bins[:-1] + bins[1:]) / 2, float(bins[1] - bins[0])
    traces: list[Trace] = []
    for values, name, color in (
        (layer, "the layer", faded(MUTED, 0.55)),
        *(
            [(np.asarray(chosen, float), plain(chosen_name), faded(ACCENT, 0.65))]
            if chosen is not None
            else []
        ),
    ):
        traces.append(
            {"type": "bar", "x": pack(middle), "y": pack(values / max(values.sum(), 1)),
             "width": width, "name": name, "marker": {"color": color},
             "hovertemplate": f"%{{x:.3g}}: %{{y:.1%}} of {name}<extra></extra>"}
        )  # fmt: skip
    layout = base_layout("Weights", height=height)
    layout |= {"barmode": "overlay", "bargap": 0, "showlegend": chosen is not None}
    layout["xaxis"] = axis("weight", zeroline=True, zerolinecolor=MUTED)
    layout["yaxis"] = axis(tickformat=".0%", rangemode="tozero")
    return Drawing(traces, layout)


def plot_norms(
    norms: npt.ArrayLike,
    *,
    dead: npt.NDArray[np.bool_],
    alike: npt.NDArray[np.bool_],
    selected: int | None = None,
    height: int = 220,
) -> Drawing:
    """The strength of each filter, L2, in the order of the layer; dead and near-duplicates coloured."""
    values = np.asarray(norms, np.float32)
    colors = np.where(dead, mark_color("dead"), np.where(alike, mark_color("alike"), ACCENT))
    words = np.where(dead, ", dead", np.where(alike, ", near-duplicate", ""))
    bars: Trace = {
        "type": "bar", "x": pack(np.arange(len(values))), "y": pack(values), "text": words.tolist(),
        "textposition": "none", "marker": {"color": colors.tolist(), "opacity": 0.85},
        "hovertemplate": "filter %{x}: %{y:.3g}%{text}<extra></extra>",
    }  # fmt: skip
    if selected is not None:
        bars["selectedpoints"] = [selected]
        bars["unselected"] = {"marker": {"opacity": 0.45}}
    layout = base_layout("Strength of each filter (L2 norm)", height=height)
    layout |= {"showlegend": False, "bargap": 0.2}
    layout["xaxis"] = axis("filter", showgrid=False, tickformat="d")
    layout["yaxis"] = axis(rangemode="tozero")
    return Drawing([bars], layout)


def plot_change_through(
    layers: Sequence[str], moved: npt.ArrayLike, *, height: int | None = None
) -> Drawing:
    """How far each layer's maps have moved, relative to their size; first layer on top."""
    values = np.asarray(moved, float)
    title = "How far the edit travels"
    if not values.any():
        return empty(title, "Nothing has moved yet", height=height or 160)
    finite = np.where(np.isfinite(values), values, np.nan)
    places = np.arange(len(layers))
    named = places[:: math.ceil(18 * len(layers) / TALLEST)]  # as many names as can be read
    bars: Trace = {
        "type": "bar", "orientation": "h", "x": pack(finite), "y": pack(places),
        "text": [plain(name) for name in layers], "textposition": "none",
        "marker": {"color": WARNING, "opacity": 0.85},
        "hovertemplate": "%{text}: moved by %{x:.1%} of its size<extra></extra>",
    }  # fmt: skip
    tall = height or min(70 + 18 * len(layers), TALLEST)
    layout = base_layout(title, height=tall)
    layout |= {"showlegend": False, "bargap": 0.3}
    layout["xaxis"] = axis("|after − before| / |before|", tickformat=".0%", rangemode="tozero")
    layout["yaxis"] = axis(
        tickvals=named.tolist(), ticktext=[plain(layers[at]) for at in named],
        range=[len(layers) - 0.5, -0.5], showgrid=False,
    )  # fmt: skip
    return Drawing([bars], layout)


def plot_damage(
    names: Sequence[str], drops: npt.ArrayLike, errors: npt.ArrayLike, *, height: int | None = None
) -> Drawing:
    """Accuracy lost without each part, most first, with one standard error each way, both shares.

    The axis is in percentage points.
    """
    values, spread = 100 * np.asarray(drops, float), 100 * np.asarray(errors, float)
    places = np.arange(len(names))
    texts = [plain(name) for name in names]
    bars: Trace = {
        "type": "bar", "orientation": "h", "x": pack(values), "y": pack(places),
        "error_x": {"type": "data", "array": pack(spread), "thickness": 1, "width": 2, "color": MUTED},
        "text": texts, "textposition": "none", "customdata": pack(spread),
        "marker": {"color": [WARNING if value > 0 else ACCENT for value in values], "opacity": 0.85},
        "hovertemplate": "without %{text}: %{x:+.1f} ± %{customdata:.1f} percentage points lost<extra></extra>",
    }  # fmt: skip
    layout = base_layout(
        "Accuracy lost without it, percentage points", height=height or 70 + 20 * len(names)
    )
    layout |= {"showlegend": False, "bargap": 0.25}
    layout["xaxis"] = axis(tickformat="+~g", zeroline=True, zerolinecolor=MUTED)
    layout["yaxis"] = axis(
        tickvals=places.tolist(), ticktext=texts, range=[len(names) - 0.5, -0.5], showgrid=False
    )
    return Drawing([bars], layout)


def _tiles(
    filters: npt.NDArray[np.floating],
    color: bool,
    limit: float,
    columns: int,
    zoom: int,
    gap: int,
) -> Montage:
    """Filters in their own colours, or their kernels one after the other."""
    if color:
        return montage_filters(
            filters, scaling="global", limit=limit, columns=columns, zoom=zoom, gap=gap
        )
    kernels = filters.reshape(-1, *filters.shape[2:])
    [tiles] = montage_maps(
        [kernels], scaling="global", limit=limit, signed=True, columns=columns, zoom=zoom, gap=gap
    )
    return tiles


def _stamp(mark: Mark) -> Bytes:
    """(9, 9, 4) RGBA: white on the mark's colour, with a thin white edge."""
    color = [int(mark_color(mark)[at : at + 2], 16) for at in (1, 3, 5)]
    image = np.full((9, 9, 4), 255, np.uint8)
    image[1:8, 1:8, :3] = color
    pixels = np.array([[char == "#" for char in row] for row in _SYMBOLS[mark]])
    image[1:8, 1:8][pixels] = 255
    return image
