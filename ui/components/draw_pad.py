"""A square to draw a digit on; Python receives the picture as the network will see it.

The browser averages the strokes down to `size`×`size` and sends those bytes, never a PNG. Strokes
are light on dark with a soft edge, like the pen of MNIST, in both themes: the network does not know
which theme is on.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.components.assets import renderer


def draw_pad(*, key: str, size: int = 28, label: str = "Draw a digit") -> NDArray[np.uint8] | None:
    """Show the pad and return what is drawn on it, or None while it is blank.

    A rerun follows 0.15 s after a stroke ends and after undo and clear; call it inside an
    `st.fragment` so that only the prediction beside it is redone.

    Args:
        key: names the pad. Another key is another, empty pad.
        size: pixels a side of the array, 8..128. Changing it resamples what is drawn.
        label: accessible name, shown above the pad.

    Returns:
        (size, size) uint8, 0 = background, 255 = ink.
    """
    saved = _saved(key)
    result: Any = renderer("draw_pad")(
        key=key,
        # what was drawn goes back, so that a pad that was away (another tab, a closed expander)
        # shows again what Python still has
        data={"size": size, "label": label, "drawing": saved},
        default={"drawing": None},
        on_drawing_change=lambda: None,
    )
    return decode_drawing(result.drawing, size)


def decode_drawing(value: object, size: int) -> NDArray[np.uint8] | None:
    """The array in a message of the pad; None for a blank pad and for anything malformed.

    A drawing of another size is None too: it was sent before `size` changed and the pad is about
    to send it anew.
    """
    if not isinstance(value, dict) or not isinstance(value.get("pixels"), str):
        return None
    try:
        data = base64.b64decode(value["pixels"], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != size * size:
        return None
    pixels = np.frombuffer(data, dtype=np.uint8).reshape(size, size)  # (H, W)
    return pixels if pixels.any() else None


def _saved(key: str) -> Any:
    state: Any = st.session_state.get(key)
    return state.get("drawing") if isinstance(state, dict) else None
