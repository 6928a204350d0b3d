"""A network as columns of thumbnails: hover shows what a map is made of, a click names it to Python.

One sprite a column travels, and for each pair of connected columns one byte a pair of maps, so that
a network of fifty layers stays well below a megabyte and lines cost nothing until they are drawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.components.assets import renderer


@dataclass(frozen=True)
class Picked:
    """What was clicked: a map (`column`, `index` of those shown), or a block to open or to close."""

    column: int | None = None
    index: int | None = None
    open: str | None = None
    close: str | None = None


def overview_picture(
    data: Mapping[str, Any], *, key: str, on_pick: Callable[[Picked], None]
) -> None:
    """Show the columns; `on_pick` is called before the rerun that a click causes.

    Args:
        data: as `ui.maps.overview_data.overview_data` makes it.
        key: names the picture on its page.
    """
    text = json.dumps(data, sort_keys=True)
    stamp = hashlib.sha256(text.encode()).hexdigest()[:16]

    def take() -> None:
        state: Any = st.session_state.get(key)
        picked = decode_pick(
            state.get("picked") if isinstance(state, dict) else None, data["columns"]
        )
        if picked is not None:
            on_pick(picked)

    renderer("overview")(key=key, data={**data, "stamp": stamp}, on_picked_change=take)


def decode_pick(value: object, columns: Sequence[Mapping[str, Any]]) -> Picked | None:
    """What a message of the browser means; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    opened, closed = (_name(value.get(word)) for word in ("open", "close"))
    if opened is not None or closed is not None:
        return Picked(open=opened, close=closed)
    column = _place(value.get("column"), len(columns))
    if column is None:
        return None
    index = _place(value.get("index"), len(columns[column]["channels"]))
    return None if index is None else Picked(column, index)


def data_url(png: bytes) -> str:
    """A PNG as an address that stands for itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 200 else None


def _place(value: object, count: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < count else None
