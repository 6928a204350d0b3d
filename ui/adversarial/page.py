"""The page of the smallest changes that a network falls for: one image at a strength one chooses, and
what is left of the accuracy when a whole set is attacked."""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui.adversarial.many import render_many
from ui.adversarial.one import render_one
from ui.fresh import fresh_place
from ui.subject.bar import subject_bar
from ui.text import sentence_safe
from ui.url_state import choice, upcoming

VIEWS: Final = {
    "one": ":material/image: One image",
    "set": ":material/photo_library: A set of images",
}
_SOURCES: Final = (
    "Szegedy et al., [Intriguing properties of neural networks](https://arxiv.org/abs/1312.6199), ICLR 2014 · "
    "Goodfellow, Shlens and Szegedy, [Explaining and harnessing adversarial examples]"
    "(https://arxiv.org/abs/1412.6572), ICLR 2015 (FGSM) · Madry et al., [Towards deep learning models "
    "resistant to adversarial attacks](https://arxiv.org/abs/1706.06083), ICLR 2018 (PGD)"
)


def render() -> None:
    """The page."""
    many = upcoming("view", VIEWS, "one") == "set"  # of the network's own images, not the bar's one
    chosen = subject_bar(image=not many)
    if chosen is None:
        return
    view = choice("View", VIEWS, key="view", default="one")
    with fresh_place("adversarial.view", view):
        try:
            if view == "one":
                render_one(chosen)
            else:
                render_many(chosen)
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")
    st.caption(_SOURCES)
