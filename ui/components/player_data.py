"""What the player shows, and how it travels to the browser.

Numbers travel as numbers, not as pictures: the browser colours them itself, so that it can also
show the difference of any two moments, read a value out and change the scale without asking the
server. Each is a 16-bit share of the panel's largest, which keeps more than a screen can show.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from viz.figures.theme import ScaleName, palette

STEPS: Final = 32_000
"""The panel's limit as a 16-bit number; a value is off by at most limit / 64,000."""
MISSING: Final = -32_768  # a value that is not a finite number
_Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Frame:
    """One moment. `at` names it wherever it stands in the row, such as the number of updates."""

    label: str
    png: bytes = b""  # a picture of the moment, when there are no panels
    caption: str = ""
    at: int | None = None  # rising; None: its place in the row


@dataclass(frozen=True)
class Pictures:
    """A panel of finished pictures, one a frame, or one for all."""

    title: str
    pngs: Sequence[bytes]
    note: str = ""
    alt: str = ""
    grow: float = 1.0  # how much of the row it takes, against the other panels
    pixels: int = 420  # CSS pixels it is wide at most


@dataclass(frozen=True)
class Values:
    """A panel of tiles of numbers. `limit` is the scale's end, the same at every moment."""

    title: str
    values: _Array  # (T, N, h, w), or (T, N, 3, h, w) for colour tiles: 0 is mid-grey
    limit: float
    scale: ScaleName = "diverging"  # without a meaning for colour tiles
    columns: int = 1
    tile: str = "map"  # what a tile is called, with its number, when it is read out; "" for one
    tiles: Sequence[str] = ()  # names of the tiles; () for their numbers
    rows: Sequence[str] = ()  # names of the rows in a tile; () for numbers
    cells: Sequence[str] = ()  # names of the columns in a tile
    axes: tuple[str, str] = ("row", "column")
    percent: bool = False
    own_scale: bool = True  # whether a moment may have a scale of its own
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom, outlined
    notes: Sequence[str] = ()  # one a frame
    note: str = ""
    grow: float = 1.0
    pixels: int = 420


@dataclass(frozen=True)
class Bars:
    """A panel of bars, such as class probabilities: values from 0 to 1, NaN for no number."""

    title: str
    names: Sequence[str]
    values: _Array  # (T, K)
    target: int | None = None  # the bar that should be long
    note: str = ""
    grow: float = 1.0
    pixels: int = 300


Panel = Pictures | Values | Bars


@dataclass(frozen=True)
class Line:
    """A curve above the slider. Lines of one `axis` share their scale, from 0 to `top`."""

    name: str
    at: Sequence[float] | NDArray[Any]  # as `Frame.at`, rising
    values: Sequence[float] | NDArray[Any]  # NaN leaves a gap
    color: str
    top: float
    dash: str = ""
    percent: bool = False
    points: bool = field(default=False)  # a dot at each: measured there and not in between


def encode(frames: Sequence[Frame], panels: Sequence[Panel], lines: Sequence[Line]) -> Any:
    """Everything that is shown, as JSON values.

    Raises:
        ValueError: no frames, `at` that does not rise, or a panel of another length.
    """
    if not frames:
        raise ValueError("A player needs at least one frame.")
    places = [index if frame.at is None else frame.at for index, frame in enumerate(frames)]
    if any(after <= before for before, after in itertools.pairwise(places)):
        raise ValueError(f"The frames' places have to rise: {places[:20]}.")
    if any(frame.png for frame in frames):
        panels = [Pictures("", [frame.png for frame in frames], pixels=900), *panels]
    shown: dict[str, Any] = {
        "frames": [
            {"at": place, "label": frame.label, "caption": frame.caption}
            for place, frame in zip(places, frames, strict=True)
        ],
        "panels": [_panel(panel, len(frames)) for panel in panels],
        "lines": [_line(line, places) for line in lines],
        "palettes": {
            name: base64.b64encode(palette(name).tobytes()).decode("ascii")
            for name in ("diverging", "sequential")
        },
    }
    # By this the browser knows, without looking, that it has all of it already.
    content = json.dumps(shown, separators=(",", ":")).encode()
    return {**shown, "version": hashlib.blake2b(content, digest_size=12).hexdigest()}


def pack_values(values: _Array, limit: float) -> str:
    """Numbers as base64 of little-endian 16-bit shares of `limit`."""
    shares = np.asarray(values, np.float64) / (limit if limit > 0 else 1.0)
    finite = np.isfinite(shares)
    steps = np.rint(np.clip(np.where(finite, shares, 0), -1, 1) * STEPS)
    return base64.b64encode(np.where(finite, steps, MISSING).astype("<i2").tobytes()).decode(
        "ascii"
    )


def place_of(at: float, places: Sequence[int]) -> float:
    """Where `at` stands among the frames: 2.5 is half way from the third to the fourth."""
    return float(np.interp(at, places, np.arange(len(places))))


def _panel(panel: Panel, count: int) -> dict[str, Any]:
    common = {"title": panel.title, "note": panel.note, "grow": panel.grow, "pixels": panel.pixels}
    if isinstance(panel, Pictures):
        if len(panel.pngs) not in (1, count):
            raise ValueError(f"{panel.title!r} has {len(panel.pngs)} pictures for {count} frames.")
        data = [base64.b64encode(png).decode("ascii") for png in panel.pngs]
        return {"kind": "pictures", **common, "alt": panel.alt, "data": data}
    if len(panel.values) != count:
        raise ValueError(f"{panel.title!r} has {len(panel.values)} moments for {count} frames.")
    if isinstance(panel, Bars):
        rounded = np.round(np.asarray(panel.values, np.float64), 5).tolist()
        bars = [[None if math.isnan(value) else value for value in row] for row in rounded]
        names = [str(name) for name in panel.names]
        return {"kind": "bars", **common, "names": names, "target": panel.target, "data": bars}
    if panel.notes and len(panel.notes) != count:
        raise ValueError(f"{panel.title!r} has {len(panel.notes)} notes for {count} frames.")
    shape = panel.values.shape  # (T, N, h, w) or (T, N, 3, h, w)
    return {
        "kind": "values",
        **common,
        "count": shape[1],
        "channels": shape[2] if len(shape) == 5 else 1,
        "height": shape[-2],
        "width": shape[-1],
        "columns": max(1, min(panel.columns, shape[1])),
        "limit": float(panel.limit),
        "scale": panel.scale,
        "tile": panel.tile,
        "tiles": list(panel.tiles),
        "rows": list(panel.rows),
        "cells": list(panel.cells),
        "axes": list(panel.axes),
        "percent": panel.percent,
        "own": panel.own_scale,
        "box": None if panel.box is None else list(panel.box),
        "notes": list(panel.notes),
        "data": [pack_values(frame, panel.limit) for frame in panel.values],
    }


def _line(line: Line, places: Sequence[int]) -> dict[str, Any]:
    """Points between the first and the last frame; (place, value) with None for a gap."""
    at, values = np.asarray(line.at, float), np.asarray(line.values, float)
    inside = (at >= places[0]) & (at <= places[-1])
    points = [
        [round(place_of(x, places), 3), float(f"{y:.5g}") if np.isfinite(y) else None]
        for x, y in zip(at[inside], values[inside], strict=True)
    ]
    return {
        "name": line.name,
        "color": line.color,
        "dash": line.dash,
        "top": float(line.top) if line.top > 0 else 1.0,
        "percent": line.percent,
        "points": line.points,
        "data": points,
    }
