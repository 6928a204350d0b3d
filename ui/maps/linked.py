"""Numbers that stand in the link: a slider whose value a link restores."""

from __future__ import annotations

import streamlit as st

from ui.text import sentence_safe
from ui.url_state import write


def linked_slider(
    label: str, *, key: str, low: int, high: int, default: int, unit: str = "px"
) -> int:
    """A slider for a whole number from `low` to `high`, in the link as `?key=`."""
    widget = f"maps.{key}"
    _prepare(label, key, widget, low, high, default)
    value = int(st.slider(label, low, high, key=widget, format=f"%d {unit}"))
    write({key: value}, {key: default})
    return value


def _prepare(label: str, key: str, widget: str, low: int, high: int, default: int) -> None:
    """Take the value from the link; one that is no number or out of range is left out, and said."""
    if low <= st.session_state.get(widget, low - 1) <= high:
        return
    st.session_state[widget] = default
    linked = st.query_params.get(key)
    if linked is None:
        return
    digits = linked.removeprefix("-")
    if digits.isdecimal() and len(digits) < 8 and low <= int(linked) <= high:
        st.session_state[widget] = int(linked)
        return
    st.caption(
        f":material/info: The link's {key}={sentence_safe(repr(linked[:20]))} is left out: "
        f"{label.lower()} goes from {low} to {high}."
    )
