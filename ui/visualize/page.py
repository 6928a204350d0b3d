"""Feature visualisation: one page, four ways to make pictures by following the gradient to the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui.fresh import fresh_place
from ui.subject.bar import Chosen, subject_bar
from ui.text import sentence_safe
from ui.url_state import choice, upcoming
from ui.visualize.dream_view import render as render_dream
from ui.visualize.goal_picker import WITH_IMAGE
from ui.visualize.inversion_view import render as render_inversion
from ui.visualize.optimise_view import render as render_optimise
from ui.visualize.style_view import render as render_style

_VIEWS: Final[dict[str, tuple[str, Callable[[Chosen], None]]]] = {
    "optimise": ("Optimise", render_optimise),
    "dream": ("DeepDream", render_dream),
    "inversion": ("Inversion", render_inversion),
    "style": ("Style", render_style),
}


def render() -> None:
    """The page."""
    words = {name: word for name, (word, _) in _VIEWS.items()}
    view = upcoming("view", words, "optimise")
    chosen = subject_bar(image=view != "optimise" or st.query_params.get("goal") in WITH_IMAGE)
    if chosen is None:
        return
    view = choice("View", words, key="view", default="optimise")
    with fresh_place("visualize.view", view):
        try:
            _VIEWS[view][1](chosen)
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")
