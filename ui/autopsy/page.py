"""The page that takes a mistake apart: from a cell of the confusion matrix to one image, and from the
image to what misled the network, what it was reminded of, and whether the label is right."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui.autopsy.case import Case, read_case, render_head
from ui.autopsy.cells import Found, fetch_cells, jump_to_worst, own_dataset, render_cells
from ui.autopsy.doubt import render_doubt
from ui.autopsy.near import render_near
from ui.autopsy.paint import render_paint
from ui.autopsy.why import render_why
from ui.fresh import fresh_place
from ui.saliency.link import say
from ui.subject.bar import Chosen, subject_bar
from ui.text import sentence_safe
from ui.url_state import choice

VIEWS: Final = {
    "why": ":material/local_fire_department: Why",
    "paint": ":material/format_paint: Paint out",
    "near": ":material/hub: Nearest training images",
    "labels": ":material/fact_check: Doubtful labels",
}
_OWN_IMAGES: Final = ("near", "labels")  # they look at the data that the network was trained on


def render() -> None:
    """The page."""
    chosen = subject_bar()
    if chosen is None:
        return
    try:
        dataset = own_dataset(chosen)
        if dataset is None:
            left, right = st.columns([1, 1.9], gap="medium")
            with left:
                render_head(case := read_case(chosen), words_width=1.6)
                st.caption(
                    ":material/info: This network was trained on ImageNet, whose images are not here, "
                    "so there is no confusion matrix. Any picture can be taken apart all the same."
                )
            with right:
                _view(chosen, case, None)
            return
        left, right = st.columns([1, 1.45], gap="medium")
        with left:
            found = fetch_cells(chosen, dataset)
            if found is not None:
                jump_to_worst(chosen, found)
        with right:
            render_head(case := read_case(chosen))
        with left:
            if found is not None:
                render_cells(chosen, found)
        with right:
            _view(chosen, case, found)
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")


def _view(chosen: Chosen, case: Case, found: Found | None) -> None:
    here = own_dataset(chosen) is not None
    views = {name: words for name, words in VIEWS.items() if here or name not in _OWN_IMAGES}
    linked = st.query_params.get("view")
    if linked in VIEWS and linked not in views:
        say(
            f"“{VIEWS[linked].rpartition(': ')[2]}” needs the network's own images, which are not here."
        )
    view = choice("View", views, key="view", default="why")
    with fresh_place("autopsy.view", view):
        if view == "why":
            render_why(case)
        elif view == "paint":
            render_paint(case)
        elif view == "near":
            render_near(case)
        elif found is None:
            st.info(
                "There are no answers to check the labels against: choose another set of images."
            )
        else:
            render_doubt(chosen, found)
