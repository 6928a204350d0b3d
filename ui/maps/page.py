"""Feature maps: one page, six views of the same network and image, chosen by `?view=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui.maps.compare_view import render_compare
from ui.maps.maps_view import render_maps
from ui.maps.move_view import render_move
from ui.maps.overview import render_overview
from ui.maps.patches_view import render_patches
from ui.maps.unit import render_unit
from ui.subject.bar import Chosen, subject_bar
from ui.text import sentence_safe
from ui.url_state import choice

_VIEWS: Final[dict[str, tuple[str, Callable[[Chosen], None]]]] = {
    "maps": ("Maps", render_maps),
    "network": ("Network", render_overview),
    "unit": ("Unit", render_unit),
    "patches": ("Best patches", render_patches),
    "compare": ("Compare", render_compare),
    "move": ("Move", render_move),
}


def render() -> None:
    """The page."""
    chosen = subject_bar(image=True, moment=True)
    if chosen is None:
        return
    words = {name: word for name, (word, _) in _VIEWS.items()}
    view = choice("View", words, key="view", default="maps")
    try:
        _VIEWS[view][1](chosen)
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
