"""The link of the picture view: which picture, which kernel and how it is laid over the picture.

Its names differ from those of the sizes, so that one link holds both views.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import streamlit as st

from ui import url_state
from ui.convolution.controls import MODE_WORDS, ready
from viz.arithmetic.kernels import KERNELS
from viz.arithmetic.numbers import Array

OWN: Final = "own"
FIRST_IMAGE: Final = "sample:camera"
BORDERS: Final = {**MODE_WORDS, "valid": "No padding"}
SHOWN: Final = {"auto": "By the kernel", "signed": "Signed", "grey": "As a picture"}
PREFIX: Final = "conv.picture."
DEFAULTS: Final[dict[str, Any]] = {
    "img": FIRST_IMAGE, "kernel": "sobel_x", "kw": "", "angle": 45, "wave": 6.0, "sigma": 1.5, "ps": 1, "pd": 1,
    "pborder": "reflect", "pflip": False, "color": False, "shown": "auto",
}  # fmt: skip


VALUES: Final = "convolution.picture"
"""Session key of what the view shows, by name of the link."""


def state(name: str) -> Any:
    """What the view shows."""
    return st.session_state[VALUES][name]


def keep(name: str, value: Any) -> Any:
    """Remember a value; returns it."""
    st.session_state[VALUES][name] = value
    return value


def key(name: str) -> str:
    """The key of a widget about to be drawn, which then shows what is remembered."""
    return ready(PREFIX + name, state(name))


def show(name: str, value: Any) -> None:
    """Remember a value, and let the widget that shows it be made anew."""
    keep(name, value)
    st.session_state.pop(PREFIX + name, None)


def fill() -> list[str]:
    """What the link says, on the first run; a sentence for each part that is left out."""
    if VALUES in st.session_state:
        return []
    st.session_state[VALUES] = dict(DEFAULTS)
    checks: dict[str, Callable[[str], Any]] = {
        "img": str, "kernel": lambda text: _member(text, (*KERNELS, OWN)),
        "kw": lambda text: text if parse_kernel(text).size else "",
        "angle": lambda text: _within(int(text), 0, 180), "wave": lambda text: _within(float(text), 2.0, 7.0),
        "sigma": lambda text: _within(float(text), 0.5, 2.8), "ps": lambda text: _within(int(text), 1, 8),
        "pd": lambda text: _within(int(text), 1, 8), "pborder": lambda text: _member(text, tuple(BORDERS)),
        "pflip": lambda text: _member(text, ("0", "1")) == "1", "color": lambda text: _member(text, ("0", "1")) == "1",
        "shown": lambda text: _member(text, tuple(SHOWN)),
    }  # fmt: skip
    problems = []
    for name in DEFAULTS:
        if name in st.query_params:
            text = st.query_params[name]
            try:
                keep(name, checks[name](text))
            except ValueError as error:
                problems.append(f"The link's {name}={text[:40]!r} is left out. {_sentence(error)}")
    return problems


def _sentence(error: ValueError) -> str:
    text = str(error)
    return text if text.endswith(".") else "It should be a number."


def _member(text: str, ways: tuple[str, ...]) -> str:
    if text not in ways:
        raise ValueError(f"It should be {', '.join(ways)}.")
    return text


def _within(value: Any, low: float, most: float) -> Any:
    if not low <= value <= most:
        raise ValueError(f"It should be {low:g} to {most:g}.")
    return value


def write() -> None:
    """Put what the widgets show into the link; parameters of other kernels stay out."""
    values = {name: state(name) for name in DEFAULTS}
    for parameter, kernel in (
        ("angle", "gabor"),
        ("wave", "gabor"),
        ("sigma", "gauss"),
        ("kw", OWN),
    ):
        if values["kernel"] != kernel:
            values[parameter] = DEFAULTS[parameter]
    url_state.write(values, DEFAULTS)


def parse_kernel(text: str) -> Array:
    """A square kernel from a link, row by row.

    Raises:
        ValueError: one sentence.
    """
    try:
        values = [float(part) for part in text.split(",")[:226]]
    except ValueError:
        raise ValueError("It should be numbers with commas.") from None
    side = math.isqrt(len(values))
    if side * side != len(values) or side > 15:
        raise ValueError("It should be as many numbers as a square of up to 15×15 has.")
    if not all(abs(value) <= 1e6 for value in values):
        raise ValueError("Its numbers should be between −1e6 and 1e6.")
    return np.array(values).reshape(side, side)


def resized(kernel: Array, size: int) -> Array:
    """Its middle, or it in the middle of zeros."""
    result = np.zeros((size, size))
    shift = (size - len(kernel)) // 2
    for row, column in np.ndindex(kernel.shape):
        if 0 <= row + shift < size and 0 <= column + shift < size:
            result[row + shift, column + shift] = kernel[row, column]
    return result
