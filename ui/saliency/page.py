"""The page of attribution maps: one network and image, five views of what spoke for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui.fresh import fresh_place
from ui.looking import glance
from ui.saliency.display import read_display
from ui.saliency.grid_view import render_grid
from ui.saliency.images_view import render_images
from ui.saliency.layers_view import render_layers
from ui.saliency.method import fetch_support, read_asked, read_method
from ui.saliency.one_view import render_one
from ui.saliency.scene import Scene
from ui.saliency.target import read_target
from ui.saliency.training_view import render_training
from ui.subject.bar import Chosen, subject_bar
from ui.text import sentence_safe
from ui.url_state import choice, upcoming
from viz.results import Classification

_VIEWS: Final[dict[str, tuple[str, Callable[[Scene], None]]]] = {
    "one": ("One map", render_one),
    "methods": ("All methods", render_grid),
    "images": ("Many images", render_images),
    "training": ("Over training", render_training),
    "layers": ("Layers", render_layers),
}


def render() -> None:
    """The page."""
    words = {name: word for name, (word, _) in _VIEWS.items()}
    # A view of all moments has a timeline of its own; a second one beside it would choose nothing.
    moment = upcoming("view", words, "one") != "training"
    chosen = subject_bar(image=True, moment=moment)
    if chosen is None:
        return
    view = choice("View", words, key="view", default="one")
    with fresh_place("saliency.view", view):
        try:
            _VIEWS[view][1](_scene(chosen))
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")


def _scene(chosen: Chosen) -> Scene:
    said: Classification = glance("classify", chosen.model, chosen.image, **chosen.options)
    support = fetch_support(chosen)
    asked = read_asked(read_method(), support)
    return Scene(chosen, said, support, asked, read_target(chosen, said), read_display())
