"""An overview as the browser takes it: one sprite a column, words for each map, bytes for the lines.

Pure functions, so that what travels, and how much, can be tested without a browser.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from ui.components.overview import data_url
from ui.html import percent
from viz.figures.tiles import Montage, Scaling, encode_png, montage_maps
from viz.results import Floats
from viz.results.overview import IMAGE, Column, Overview

_HINT = (
    "Point at a map to see what it is made of; click it to take its strongest unit apart. A head "
    "with + is a folded block: click it to lay its layers out."
)
_SHORT = {
    "adaptive_avg_pool2d": "avg pool",
    "AdaptiveAvgPool2d": "AvgPool",
    "BatchNorm2d": "BatchNorm",
}


def overview_data(overview: Overview, title: str, *, scaling: Scaling) -> dict[str, Any]:
    """The picture of a whole network as JSON-able data."""
    sprites = _sprites(overview.columns, scaling)
    height, width, channels = overview.image.shape
    columns = [
        _column(column, sprite, overview)
        for column, sprite in zip(overview.columns, sprites, strict=True)
    ]
    shown = {number: len(column.channels) for number, column in enumerate(overview.columns)}
    shown[IMAGE] = channels
    return {
        "alt": f"All layers of {title} for this image",
        "hint": _HINT,
        "image": {
            "src": data_url(encode_png(_at_most(overview.image, 160))),
            "ratio": height / width,
            "shape": f"{channels}×{height}×{width}",
        },
        "rows": max((len(c.channels) for c in overview.columns if c.maps is not None), default=8),
        "columns": columns,
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "kind": link.kind,
                "width": shown[link.source],
                "strength": base64.b64encode(link.strength.tobytes()).decode("ascii"),
                "top": link.top,
            }
            for link in overview.links
        ],
        "foldable": list(overview.foldable),
    }


def scale_sentence(scaling: Scaling) -> str:
    """What shares a scale of colours."""
    words = {
        "per_map": "Every map has its own scale",
        "per_layer": "Every layer has its own scale",
        "global": "All layers share one scale",
    }
    return (
        f"{words[scaling]}: dark is 0 where nothing is negative, elsewhere pale is 0, blue "
        "negative and orange positive."
    )


def _column(column: Column, sprite: Montage, overview: Overview) -> dict[str, Any]:
    named = _is_classes(column, overview)
    names = [overview.classes[int(c)] for c in column.channels] if named else None
    ratio = 1.0 if column.maps is None else column.maps.shape[1] / column.maps.shape[2]
    relative = column.name.removeprefix(f"{column.block}.") if column.block else column.name
    what = f"{column.steps} layers" if column.steps > 1 else column.kind
    return {
        "name": column.name,
        "short": _SHORT.get(relative, relative),
        "label": _SHORT.get(what, what),
        "block": column.block,
        "title": f"{column.name}: {what}"
        + (": click to lay its layers out" if column.steps > 1 else ""),
        "shape": "×".join(map(str, column.shape)),
        "folded": column.steps > 1,
        "sprite": data_url(sprite.png()),
        "strip": column.maps is None,
        "ratio": ratio,
        "classes": named,
        "unit": "map" if column.maps is not None else "number",
        "channels": column.channels.tolist(),
        "texts": [_text(column, i, overview, named) for i in range(len(column.channels))],
        "more": column.count - len(column.channels),
        "names": names if column is overview.columns[-1] else None,
        "shares": [_share(value) for value in column.values]
        if named and column.values is not None
        else None,
    }


def _text(column: Column, index: int, overview: Overview, named: bool) -> str:
    channel = int(column.channels[index])
    start = f"{column.step}, {{}} {channel} of {column.count}"
    if column.values is not None:
        name = f" ({overview.classes[channel]})" if named else ""
        return start.format("number") + name + f" = {column.values[index]:.4g}"
    row, place = column.peaks[index]
    if column.limits[index] == 0:
        return start.format("map") + ": 0 everywhere, nothing in this image excites it"
    return start.format("map") + f": strongest at row {row}, column {place}"


def _is_classes(column: Column, overview: Overview) -> bool:
    last = overview.columns[-1]
    return (
        column.values is not None
        and column.count == len(overview.classes)
        and np.array_equal(column.channels, last.channels)
    )


def _share(value: float) -> str:
    return percent(float(value))


def _sprites(columns: Sequence[Column], scaling: Scaling) -> list[Montage]:
    maps = [_numbers(column) for column in columns]
    # numbers in a row compare with each other or not at all: a cell of its own scale says nothing
    shared: Scaling = "per_layer" if scaling == "per_map" else scaling
    found = []
    together = montage_maps(maps, scaling=scaling, columns=1, gap=0)
    for column, one, alone in zip(columns, together, maps, strict=True):
        if column.maps is None and scaling == "per_map":
            [one] = montage_maps([alone], scaling=shared, columns=1, gap=0)
        found.append(one)
    return found


def _numbers(column: Column) -> Floats:
    """(n, h, w) the maps as floats again; single numbers are maps of one pixel."""
    if column.maps is None:
        values = column.limits if column.values is None else column.values
        return np.asarray(values, np.float32)[:, None, None]
    parts = (column.limits / 127).astype(np.float32)
    return column.maps.astype(np.float32) * parts[:, None, None]


def _at_most(image: Any, side: int) -> Any:
    step = -(-max(image.shape[:2]) // side)
    return image[::step, ::step]
