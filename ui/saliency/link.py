"""What the saliency page keeps in the link, and controls whose value lives there.

The link is the only place these are kept, so a click on a picture and a control change the same
thing, and a link that somebody was sent shows what its sender saw. What a link says and nothing
here knows is left out with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from ui.subject.address import mend
from ui.text import sentence_safe

_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?(e-?[0-9]{1,2})?")
SETTING: Final = "set-"
"""Begins the link's names of a method's settings: `set-samples=20`."""


def put(**parts: str | None) -> None:
    """Write parts into the link, in a callback or before `st.rerun()`; None takes one out.

    Once a callback: what a first call changed, a second would take for an old message's mistake.
    """
    mend()
    for key, value in parts.items():
        if value is None:
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = value


def set_method(name: str, default: str, **more: str | None) -> None:
    """Another method, and more parts; the settings of the old one leave the link."""
    gone = {key: None for key in st.query_params if key.startswith(SETTING)}
    put(**{**gone, "method": None if name == default else name, **more})


def say(sentence: str) -> None:
    """One quiet sentence, such as why a part of the link is left out."""
    st.caption(f":material/info: {sentence_safe(sentence)}")


def read_number(
    key: str, low: float, high: float, what: str, *, whole: bool = True
) -> float | None:
    """The number from `low` to `high` of the link; None where it has none, or a wrong one, and has
    said so."""
    text = st.query_params.get(key)
    if text is None:
        return None
    if _NUMBER.fullmatch(text):
        value = float(text)
        if low <= value <= high and not (whole and value != int(value)):
            return value
    kind = "a whole number" if whole else "a number"
    say(
        f"The link's {key}={text[:20]!r} is left out. {what} takes {kind} from {low:g} to {high:g}."
    )
    return None


def read_word(key: str, words: Sequence[str], default: str, what: str) -> str:
    """The word of the link; the default where it has none, or one that is not there, and says so."""
    text = st.query_params.get(key)
    if text is None or text in words:
        return default if text is None else text
    say(f"There is no {what} {text[:40]!r}: the link's {key} is left out.")
    return default


def select(
    label: str,
    values: Sequence[str],
    value: str,
    *,
    key: str,
    take: Callable[[str], None],
    words: Callable[[str], str] = str,
    explain: str | None = None,
) -> None:
    """A list in which `value` is chosen; another choice goes to `take`, which writes the link."""
    widget = f"saliency.{key}"
    st.session_state[widget] = value

    def changed() -> None:
        take(st.session_state[widget])

    st.selectbox(
        label, list(values), key=widget, on_change=changed, format_func=words, help=explain
    )


def switch(label: str, *, key: str, explain: str | None = None) -> bool:
    """A toggle that is on where the link says `?key=1`."""
    widget = f"saliency.{key}"
    value = st.query_params.get(key) == "1"
    st.session_state[widget] = value

    def changed() -> None:
        put(**{key: "1" if st.session_state[widget] else None})

    st.toggle(label, key=widget, on_change=changed, help=explain)
    return value


def switch_choice(
    label: str, value: str, *, key: str, default: str, explain: str | None = None
) -> None:
    """A toggle for a setting that is yes or no, in the link by these words."""
    widget = f"saliency.{key}"
    st.session_state[widget] = value == "yes"

    def changed() -> None:
        word = "yes" if st.session_state[widget] else "no"
        put(**{key: None if word == default else word})

    st.toggle(label, key=widget, on_change=changed, help=explain)


def slide(
    label: str,
    value: float,
    *,
    key: str,
    low: float,
    high: float,
    default: float,
    step: float | None = None,
    form: str | None = None,
    explain: str | None = None,
) -> None:
    """A slider that stands at `value`; its default is left out of the link."""
    widget = f"saliency.{key}"
    whole = isinstance(default, int)
    kind: type[float] = int if whole else float
    st.session_state[widget] = kind(value)

    def changed() -> None:
        chosen = st.session_state[widget]
        put(**{key: None if chosen == default else f"{chosen:.6g}"})

    st.slider(
        label, kind(low), kind(high), key=widget, on_change=changed, format=form, help=explain,
        step=None if step is None else kind(step),
    )  # fmt: skip


def type_number(
    label: str, value: int, *, key: str, low: int, high: int, default: int,
    explain: str | None = None,
) -> None:  # fmt: skip
    """A field for a whole number whose range is too wide for a slider."""
    widget = f"saliency.{key}"
    st.session_state[widget] = value

    def changed() -> None:
        chosen = st.session_state[widget]
        put(**{key: None if chosen == default else str(chosen)})

    st.number_input(label, low, high, key=widget, on_change=changed, help=explain)


def pick(
    label: str,
    words: Mapping[str, str],
    value: str,
    *,
    key: str,
    default: str,
    hidden: bool = False,
) -> None:
    """A segmented control that stands at `value`, in the link as `?key=`."""
    widget = f"saliency.{key}"
    st.session_state[widget] = value

    def changed() -> None:
        chosen = st.session_state[widget]
        put(**{key: None if chosen == default else chosen})

    st.segmented_control(
        label, list(words), key=widget, on_change=changed, format_func=words.__getitem__,
        required=True, label_visibility="collapsed" if hidden else "visible",
    )  # fmt: skip
