"""The shared look: one stylesheet, sent once a page run. `ui/style.css` holds what all pages share;
the `style.css` of a folder of `ui/` holds what its page alone needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image


@cache
def _stylesheet() -> str:
    here = Path(__file__).parent
    files = [here / "style.css", *sorted(here.glob("*/style.css"))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def icon() -> Image.Image:
    """The tab's icon, 48×48: a 3×3 edge kernel in the colours of every signed picture here.

    Made here because a Material symbol would be fetched from the network.
    """
    negative, zero, positive = (49, 104, 171), (246, 246, 246), (201, 110, 59)
    kernel = np.array([[negative, zero, positive]] * 3, np.uint8)
    return Image.fromarray(kernel.repeat(16, axis=0).repeat(16, axis=1))


def apply() -> None:
    """Send the stylesheet to this browser tab."""
    st.html(f"<style>{_stylesheet()}</style>")
