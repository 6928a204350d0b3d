"""Numbers that stand in the link: a slider whose value a link restores."""

from __future__ import annotations

import streamlit as st

from ui.url_state import linked_int, write


def linked_slider(
    label: str, *, key: str, low: int, high: int, default: int, unit: str = "px"
) -> int:
    """A slider for a whole number from `low` to `high`, in the link as `?key=`."""
    widget = f"maps.{key}"
    if not low <= st.session_state.get(widget, low - 1) <= high:
        st.session_state[widget] = linked_int(key, low, high, default, label)
    value = int(st.slider(label, low, high, key=widget, format=f"%d {unit}"))
    write({key: value}, {key: default})
    return value
