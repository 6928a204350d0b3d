"""State in the address: what a person chose stands in the link, under short stable names.

Streamlit can bind widgets to the query string by itself, but writes the words people see there; a
link must survive a reworded label, so values are written as the program names them.
"""

from __future__ import annotations

from collections.abc import Mapping
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

_YES_NO: Final = {"1": True, "true": True, "0": False, "false": False}
_RANGE_TEST: Final = "A range test is started from the Learning rate tab, not by a link."


def choice(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """A segmented control whose value lives in the link as `?key=value`; the default is left out."""
    if st.session_state.get(key) not in options:
        linked = st.query_params.get(key)
        st.session_state[key] = linked if linked in options else default
    chosen = st.segmented_control(
        label, list(options), key=key, format_func=options.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    write({key: chosen}, {key: default})
    return str(chosen)


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
