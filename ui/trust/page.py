"""The page that measures attribution maps: how far they can be believed, on this network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from data.catalogue import DataError
from engine.protocol import EngineError
from ui.fresh import fresh_place
from ui.subject.bar import Chosen, subject_bar
from ui.text import sentence_safe
from ui.trust.curves_view import render_faithfulness, render_road, render_robustness
from ui.trust.ground_truth_view import render_ground_truth
from ui.trust.randomisation_view import render_randomisation
from ui.trust.ranking_view import render_ranking
from ui.trust.shortcut_view import render_shortcut
from ui.url_state import choice

_VIEWS: Final[dict[str, tuple[str, Callable[[Chosen], None]]]] = {
    "ranking": ("Ranking", render_ranking),
    "truth": ("Ground truth", render_ground_truth),
    "deletion": ("Deletion & insertion", render_faithfulness),
    "road": ("ROAD", render_road),
    "robustness": ("Robustness", render_robustness),
    "randomisation": ("Randomisation", render_randomisation),
    "shortcut": ("Shortcut trap", render_shortcut),
}


def render() -> None:
    """The page."""
    chosen = subject_bar(image=False, moment=True)
    if chosen is None:
        return
    words = {name: word for name, (word, _) in _VIEWS.items()}
    linked = st.query_params.get("view")
    if linked is not None and linked not in words:
        st.caption(
            f":material/info: There is no view {sentence_safe(repr(linked[:30]))}: "
            f"{words['ranking']} is shown. There are {', '.join(words.values())}."
        )
    view = choice("View", words, key="view", default="ranking")
    with fresh_place("trust.view", view):
        try:
            _VIEWS[view][1](chosen)
        except (EngineError, DataError) as error:
            st.error(sentence_safe(error), icon=":material/error:")
