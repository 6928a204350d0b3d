"""State in the address: what a person chose stands in the link, under short stable names.

Streamlit can bind widgets to the query string by itself, but writes the words people see there; a
link must survive a reworded label, so values are written as the program names them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from models.registry import get_architecture
from training.spec import TrainSpec
from ui.spec_form import (
    CUSTOM,
    FIELDS,
    form_values,
    limits,
    number_kind,
    number_text,
    read_spec,
    spec_field,
)
from ui.text import sentence_safe

_YES_NO: Final = {"1": True, "true": True, "0": False, "false": False}
SETTLING: Final = 1.0  # seconds in which a browser takes a new link over
_LAST: Final = "url_state.last."
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_RANGE_TEST: Final = "A range test is started from the Learning rate tab, not by a link."


def choice(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """A segmented control whose value lives in the link as `?key=value`; the default is left out.

    What changed since it was drawn last wins: the control, or else the link, as after a step back
    in the browser.
    """
    value = upcoming(key, options, default)
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    chosen = st.segmented_control(
        label, list(options), key=key, format_func=options.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    before = st.query_params.get(key)
    write({key: chosen}, {key: default})
    _remember(key, str(chosen), before)
    return str(chosen)


def upcoming(key: str, options: Mapping[str, str], default: str) -> str:
    """What `choice` is about to be, for a page that must know before it is drawn."""
    if not _follows_link(key, options):
        return str(st.session_state[key])
    linked = st.query_params.get(key)
    return linked if linked is not None and linked in options else default


@dataclass(frozen=True)
class _Written:
    """What a control was, and what its link said, when it was drawn last."""

    value: str
    link: str | None
    before: str | None  # what the link said until the control changed it
    at: float  # when that was, in seconds


def _follows_link(key: str, options: Mapping[str, str]) -> bool:
    """Whether the control takes its value from the link now."""
    value = st.session_state.get(key)
    if value not in options:
        return True
    last = st.session_state.get(_LAST + key)
    linked = st.query_params.get(key)
    if not isinstance(last, _Written) or last.value != value or last.link == linked:
        return False
    # A rerun that the browser asked for before it heard of the new link still names the old one.
    return linked != last.before or time.monotonic() - last.at > SETTLING


def _remember(key: str, value: str, before: str | None) -> None:
    link = st.query_params.get(key)
    last = st.session_state.get(_LAST + key)
    at = time.monotonic()
    if before == link and isinstance(last, _Written):  # as it was left
        before, at = last.before, last.at
    st.session_state[_LAST + key] = _Written(value, link, before, at)


def linked_int(key: str, low: int, high: int, default: int, what: str) -> int:
    """The whole number from `low` to `high` that the link gives as `?key=`.

    One that is none or lies outside is left out, and said.

    Args:
        key: in the link.
        low: the least it may be.
        high: the most.
        default: what is meant without it.
        what: what the number is, for the sentence, such as `Size`.
    """
    text = st.query_params.get(key)
    if text is None:
        return default
    # Few digits: int() refuses thousands of them, and a link may hold any number.
    if _WHOLE.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    ends = f"{low} to {high}".replace("-", "−")
    st.caption(
        f":material/info: The link's {key}={sentence_safe(repr(text[:20]))} is left out. {what}: {ends}."
    )
    return default


def write(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Put values that are not the default into the link and take the others out."""
    for key, value in values.items():
        text = _text(value)
        if value == defaults.get(key):
            if key in st.query_params:
                del st.query_params[key]
        elif st.query_params.get(key) != text:
            st.query_params[key] = text


def linked_values(query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Form values named in a link, and a sentence for each that cannot be used.

    Returns:
        Values by widget key, of the type the widget wants; problems.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    standard = form_values(TrainSpec())
    for key in (*FIELDS, "net"):
        if key not in query:
            continue
        try:
            value = _parse(key, query[key])
            read_spec({**standard, key: value})
            _check(key, value)
        except ValueError as error:  # a SpecError is one too
            problems.append(f"The link's {key}={query[key][:40]!r} is left out. {error}")
        else:
            values[key] = value
    return values, problems


def _parse(key: str, text: str) -> Any:
    if key == "net":
        return _network(text)
    if key == "minlr" or (key, text) == ("sched", "range_test"):
        raise ValueError(_RANGE_TEST)
    field = spec_field(key)
    if field.annotation is bool:
        if text not in _YES_NO:
            raise ValueError("It should be 1 or 0.")
        return _YES_NO[text]
    if text == "" and field.default is None:
        return None
    kind = int if key == "size" else number_kind(field)
    if kind is None:
        return text
    try:
        return kind(text)
    except ValueError:
        raise ValueError("It should be a number.") from None


def _network(name: str) -> str:
    if name == CUSTOM:
        raise ValueError("Own layers do not travel in a link; use Duplicate of a run.")
    return get_architecture(name).name


def _check(key: str, value: Any) -> None:
    """What the spec allows and a browser cannot count."""
    if key == "net" or value is None or number_kind(spec_field(key)) is None:
        return
    low, high = limits(key)
    if not low <= value <= high:
        raise ValueError(f"Use {number_text(low)} to {number_text(high)}.")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return number_text(value) if isinstance(value, int | float) else str(value)
