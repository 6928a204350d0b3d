"""How a picture is optimised: a switch for each part of the method, and every number behind it.

What differs from the default for the network's size stands in the link under the setting's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import streamlit as st

from ui.url_state import write
from ui.visualize.linked import key_of, say, standing_at, to_number
from viz.visualization.knobs import Knob, SettingError, check
from viz.visualization.settings import KNOBS, Settings, changed, defaults

Shape = tuple[int, int, int]
_YES_NO: Final = {"1": True, "0": False}
_SWITCHES: Final[dict[str, tuple[str, str, float]]] = {
    # name: (what the switch is called, its number in words, what on means where off is the default)
    "jitter": ("Jitter", "{:g} px", 2),
    "scale": ("Scaling", "{:.0%}", 0.05),
    "rotate": ("Rotation", "{:g}°", 5.0),
    "tv": ("TV", "{:g}", 5.0),
    "l2": ("L2", "{:g}", 5.0),
    "blur": ("Blur", "{:g} px", 0.5),
}
_NUMBERS: Final = ("steps", "rate", "seed", "size", "decay", *_SWITCHES, "diversity")
_WORDS: Final = ("valid", "remedy")


def linked_settings(shape: Shape) -> Settings:
    """The defaults with what the link says; a sentence for each that cannot be used."""
    found = defaults(shape)
    for name, knob in KNOBS.items():
        text = st.query_params.get(name)
        if text is None:
            continue
        try:
            found = replace(found, **{name: check(knob, _parse(knob, text))})
        except SettingError as error:
            say(name, text, str(error))
    return found


def render_switches(settings: Settings, shape: Shape, *, several: bool) -> None:
    """The parts of the method as switches; all numbers in a popover."""
    standard = defaults(shape)
    left, right = st.columns(2, gap="small")
    with left:
        _switch(
            "basis", "Fourier basis", settings.basis == "fourier", ("pixels", "fourier"), standard
        )
        if shape[0] > 1:
            _switch("decorrelate", "Decorrelated", settings.decorrelate, (False, True), standard)
        for name in ("jitter", "scale", "rotate"):
            _number_switch(name, settings, standard)
    with right:
        for name in ("tv", "l2", "blur"):
            _number_switch(name, settings, standard)
        _switch("negative", "Minimise", settings.negative, (False, True), standard)
    with st.popover("All settings", icon=":material/tune:", width="stretch"):
        st.caption("A default suits the size of the network's pictures.")
        columns = st.columns(2, gap="small")
        for place, name in enumerate(_NUMBERS):
            if name == "diversity" and not several:
                continue
            with columns[place % 2]:
                _number(name, getattr(settings, name), standard, shape)
        for name in _WORDS:
            _words(name, getattr(settings, name), standard)
        st.button("Back to the defaults", key="visualize.reset", on_click=_reset, width="stretch")


def asked(settings: Settings, shape: Shape) -> dict[str, Any]:
    """What a lens is given: only what differs from the defaults."""
    return changed(settings, shape)


def _parse(knob: Knob, text: str) -> Any:
    if knob.choices is not None:
        return text
    if knob.switch:
        return _YES_NO.get(text, text)
    number = to_number(text)
    return text if number is None else number


def _switch(name: str, label: str, on: bool, values: tuple[Any, Any], standard: Settings) -> None:
    key = key_of(f"{name}.on")
    st.session_state[key] = on

    def take() -> None:
        _write(name, values[1] if st.session_state[key] else values[0], standard)

    st.toggle(label, key=key, on_change=take, help=KNOBS[name].help)


def _number_switch(name: str, settings: Settings, standard: Settings) -> None:
    label, words, otherwise = _SWITCHES[name]
    usual = getattr(standard, name) or otherwise
    value = getattr(settings, name)
    number = words.format(value) if value else ""
    off, on = (0, int(usual)) if KNOBS[name].whole else (0.0, float(usual))
    _switch(name, f"{label} {number}".strip(), bool(value), (off, on), standard)


def _number(name: str, value: float, standard: Settings, shape: Shape) -> None:
    knob, key = KNOBS[name], key_of(name)
    kind = int if knob.whole else float
    title = size_title(knob.title, value, shape) if name == "size" else knob.title

    def take() -> None:
        _write(name, st.session_state[key], standard)

    st.number_input(
        title, kind(knob.low), kind(knob.high), step=kind(knob.step), key=key, on_change=take,
        help=knob.help, format=None if knob.whole else "%g", **standing_at(key, kind(value)),
    )  # fmt: skip


def size_title(title: str, value: float, shape: Sequence[int]) -> str:
    """The label of a size, which says what 0 means: `Size, px: auto (224 px)`."""
    return title if value else f"{title}: auto ({min(shape[1:])} px)"


def _words(name: str, value: str, standard: Settings) -> None:
    knob, key = KNOBS[name], key_of(name)
    choices = dict(knob.choices or {})
    st.session_state[key] = value

    def take() -> None:
        _write(name, st.session_state[key], standard)

    st.selectbox(
        knob.title, list(choices), key=key, on_change=take, format_func=choices.__getitem__, help=knob.help
    )  # fmt: skip


def _write(name: str, value: Any, standard: Settings) -> None:
    write({name: value}, {name: getattr(standard, name)})


def _reset() -> None:
    for name in KNOBS:
        st.query_params.pop(name, None)
