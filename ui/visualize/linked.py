"""Controls whose value stands in the link under a short name; a value there that cannot be used is said
and left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from ui.text import sentence_safe
from ui.url_state import write

_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")


def say(name: str, text: str, why: str) -> None:
    """That something of the link is left out."""
    st.caption(
        f":material/info: The link's {name}={sentence_safe(repr(text[:20]))} is left out. {sentence_safe(why)}"
    )


def read_whole(name: str, low: int, high: int, default: int, what: str) -> int:
    """The whole number that the link gives, said and left out where it is none from `low` to `high`."""
    text = st.query_params.get(name)
    if text is None:
        return default
    if _WHOLE.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    say(name, text, f"{what}: {low} to {high}.")
    return default


def read_word(name: str, words: Mapping[str, Any], default: str) -> str:
    """The word that the link gives, said and left out where there is no such."""
    text = st.query_params.get(name, default)
    if text in words:
        return text
    say(name, text, f"There are {', '.join(words)}.")
    return default


def to_number(text: str) -> float | None:
    """A number without a sign as links write it; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def whole_number(
    label: str, name: str, low: int, high: int, default: int, *, help: str = "", **more: Any
) -> int:
    """A number input for `?name=`."""
    value = read_whole(name, low, high, default, label)
    st.number_input(
        label, low, high, key=key_of(name), on_change=_taker(name, default), help=help or None,
        **standing_at(key_of(name), value), **more,
    )  # fmt: skip
    return value


def select(label: str, name: str, words: Mapping[str, str], default: str, *, help: str = "") -> str:
    """A list for `?name=`."""
    value = read_word(name, words, default)
    st.selectbox(
        label, list(words), key=_set(name, value), on_change=_taker(name, default),
        format_func=words.__getitem__, help=help or None,
    )  # fmt: skip
    return value


def standing_at(key: str, value: float) -> dict[str, Any]:
    """Arguments that let a number input show `value`.

    The first time it is given as the default: a browser that answers before it has heard of a value
    from the session would answer the lowest, and take the link's number back.
    """
    if key not in st.session_state:
        return {"value": value}
    st.session_state[key] = value
    return {}


def key_of(name: str) -> str:
    """The widget's key."""
    return f"visualize.{name}"


def _set(name: str, value: Any) -> str:
    st.session_state[key_of(name)] = value
    return key_of(name)


def _taker(name: str, default: Any) -> Callable[[], None]:
    def take() -> None:
        write({name: st.session_state[key_of(name)]}, {name: default})

    return take
