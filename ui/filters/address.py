"""What the Filters page keeps in the link: `?view=&layer=&filter=&channel=&scale=&show=&from=&edits=`.

Numbers are read here with the range they must lie in; what does not fit is left out with a sentence,
because the network may have been changed in the same link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

import streamlit as st

from ui.url_state import linked_int, upcoming
from viz.figures.filters import Scope

_Key = TypeVar("_Key", bound=str)
VIEWS: Final = {
    "filters": ":material/grid_view: Filters",
    "one": ":material/zoom_in: One filter",
    "edit": ":material/edit: Edit",
    "lesion": ":material/content_cut: Lesion",
}
SCALES: Final[Mapping[Scope, str]] = {
    "filter": "Each filter",
    "layer": "Layer",
    "network": "Network",
}


def linked_view() -> str:
    """The view that is about to be drawn, before its control is."""
    return upcoming("view", VIEWS, "filters")


def read_number(key: str, count: int, what: str) -> int:
    """The number from 0 to `count` − 1 that the link gives; 0 where it gives none or a wrong one."""
    return linked_int(key, 0, count - 1, 0, f"This layer's {what}")


def put_number(key: str, value: int) -> None:
    """Write a number into the link; 0 is what is meant without."""
    if value:
        st.query_params[key] = str(value)
    else:
        st.query_params.pop(key, None)


def choose_number(label: str, count: int, *, key: str, what: str) -> int:
    """A small field for a number from 0 to `count` − 1 that lives in the link as `?key=`."""
    value = read_number(key, count, what)
    widget = f"filters.link.{key}"
    st.session_state[widget] = value

    def take() -> None:
        put_number(key, int(st.session_state[widget]))

    st.number_input(
        label, min_value=0, max_value=count - 1, step=1, key=widget, on_change=take,
        help=f"From 0 to {count - 1}",
    )  # fmt: skip
    return value


def choose_part(count: int, size: int, *, key: str, what: str) -> int:
    """Which part of a long list is shown, in the link as `?key=`; its first number."""
    if count <= size:
        return 0
    linked = read_number(key, count, what)
    starts = range(0, count, size)
    start = linked // size * size
    widget = f"filters.link.{key}"
    st.session_state[widget] = start

    def take() -> None:
        put_number(key, st.session_state[widget])

    st.selectbox(
        f"{what.capitalize()} shown", starts, key=widget, on_change=take,
        format_func=lambda first: f"{first} to {min(first + size, count) - 1} of {count}",
    )  # fmt: skip
    return start


def choose(label: str, options: Mapping[_Key, str], *, key: str, default: _Key) -> _Key:
    """A segmented control with its label, whose choice lives in the link as `?key=`."""
    linked = st.query_params.get(key)
    chosen = next((option for option in options if option == linked), default)
    widget = f"filters.link.{key}"
    st.session_state[widget] = chosen

    def take() -> None:
        value = st.session_state[widget]
        if value == default:
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = value

    st.segmented_control(
        label, list(options), key=widget, format_func=options.__getitem__, required=True,
        on_change=take,
    )  # fmt: skip
    return chosen
