"""State in the address: what a person chose stands in the link, under short stable names.

Streamlit can bind widgets to the query string by itself, but writes the words people see there; a
link must survive a reworded label, so values are written as the program names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import streamlit as st

from training.spec import SpecError, TrainSpec
from ui.spec_form import CUSTOM, FIELDS, form_values, read_spec


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
        if key not in query or (key == "net" and query[key] == CUSTOM):
            continue
        try:
            value = _parse(key, query[key])
            read_spec({**standard, key: value})
        except (SpecError, ValueError) as error:
            problems.append(f"The link's {key}={query[key][:40]!r} is left out. {error}")
        else:
            values[key] = value
    return values, problems


def _parse(key: str, text: str) -> Any:
    if key in ("net", "milestones"):
        return text
    kinds = _kinds(FIELDS[key])
    if text == "" and type(None) in kinds:
        return None
    if bool in kinds:
        return text in ("1", "true")
    try:
        if float in kinds:
            return float(text)
        if int in kinds:
            return int(text)
    except ValueError:
        raise ValueError("It should be a number.") from None
    return text


def _kinds(path: tuple[str, ...]) -> set[Any]:
    """The types a field of TrainSpec may have; for Literal the types of its values."""
    model: Any = TrainSpec
    for name in path[:-1]:
        model = model.model_fields[name].annotation
    annotation = model.model_fields[path[-1]].annotation
    kinds: set[Any] = {annotation}
    todo = list(get_args(annotation))
    while todo:
        item = todo.pop()
        kinds.add(item if isinstance(item, type) else type(item))
        todo += get_args(item)
    return kinds


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)
