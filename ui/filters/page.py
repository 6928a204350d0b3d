"""The Filters page: the weights of a layer; one filter closely; edit it; do without it.

Everything chosen stands in the link, so each view of each filter can be sent to somebody.
"""

from __future__ import annotations

import streamlit as st

from engine.protocol import EngineError
from ui.filters import edit, lesions, overview, single
from ui.filters.address import VIEWS, choose_number, linked_view
from ui.filters.scene import Scene
from ui.subject.bar import Chosen, subject_bar
from ui.subject.layers import choose_layer
from ui.text import markdown_safe, sentence_safe
from ui.url_state import choice

_RENDER = {
    "filters": overview.render,
    "one": single.render,
    "edit": edit.render,
    "lesion": lesions.render,
}


def render() -> None:
    """The whole page."""
    view = linked_view()
    chosen = subject_bar(image=view in ("one", "edit"))
    if chosen is None:
        return
    convolutions = [layer for layer in chosen.network.convolutions if len(layer.out_shape) == 3]
    if not convolutions:
        st.info(
            f"{markdown_safe(chosen.title)} has no convolution and so no filters: choose another "
            "network above.",
            icon=":material/grid_off:",
        )
        return
    scene = _choose(chosen, view)
    try:
        _RENDER[view](scene)
    except EngineError as error:
        st.warning(sentence_safe(error), icon=":material/info:")


def _choose(chosen: Chosen, view: str) -> Scene:
    """The row of controls: view, layer and, where one is looked at, filter."""
    layers = {layer.name: layer for layer in chosen.network.convolutions}
    with st.container(key="cs-filters-controls"):
        views, names, number = st.columns([5, 4, 2], vertical_alignment="bottom")
        with views:
            choice("View", VIEWS, key="view", default="filters")
        with names:
            layer = choose_layer(list(layers), chosen.network)
        count = layers[layer].out_shape[0]
        with number:
            filter_number = choose_number("Filter", count, key="filter", what="filters")
    first = layers[layer].inputs == ("",) or layer == next(iter(layers))
    return Scene(chosen, layer, first, filter_number, count)
