"""The same method at every layer: what the network could still say where, and what it knew already."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Final

import streamlit as st

from ui import html
from ui.saliency.asking import Question
from ui.saliency.link import put, say, set_method, switch
from ui.saliency.method import DEFAULT, render_card, render_method, render_options
from ui.saliency.scene import Scene
from ui.saliency.target import render_bars, render_target
from ui.saliency.tiles import choose_shown, fill, open_view, place_tiles, tile, tile_html, wait
from ui.text import sentence_safe
from viz.attribution.method import Method
from viz.attribution.table import METHODS
from viz.results.attribution import Attribution, AttributionLayer, AttributionSupport

MOST: Final = 12


def render_layers(scene: Scene) -> None:
    """The view."""
    method = layered_method(scene)
    controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_method(scene.asked, scene.support)
        render_target(scene.chosen, scene.said, scene.target)
        render_bars(scene.said, scene.target)
        shown = choose_shown()
        everything = len(scene.support.layers) > MOST and switch(
            f"All {len(scene.support.layers)} layers", key="all"
        )
        if method is not None and method.name == scene.asked.method.name:
            render_options(scene.asked, scene.chosen, scene.support)
    with stage:
        if method is None or not scene.support.layers:
            why = scene.support.why or scene.asked.refusal
            st.info(
                sentence_safe(why or "No method looks at a single layer of this network."),
                icon=":material/block:",
            )
            return
        if method.name != scene.asked.method.name:
            say(
                f"{scene.asked.method.title} looks at the whole network and not at one layer: "
                f"shown is {method.title}."
            )
        _tiles(scene, method, shown_layers(scene.support, everything=everything), shown)
        render_card(scene.asked, scene.chosen.network.input_shape)


def layered_method(scene: Scene) -> Method | None:
    """The method of the link where it looks at a layer, else the first that does and is allowed."""
    allowed = [
        method for method in METHODS.values()
        if method.layered and method.name not in scene.support.refusals
    ]  # fmt: skip
    if scene.asked.method in allowed:
        return scene.asked.method
    return allowed[0] if allowed else None


def shown_layers(support: AttributionSupport, *, everything: bool) -> list[AttributionLayer]:
    """Up to `MOST` layers evenly spread, the first, the default one and the last among them; or all."""
    layers = list(support.layers)
    if everything or len(layers) <= MOST:
        return layers
    chosen = {round(at * (len(layers) - 1) / (MOST - 2)) for at in range(MOST - 1)}
    return [
        layer for at, layer in enumerate(layers)
        if at in chosen or layer.name == support.default_layer
    ]  # fmt: skip


def _tiles(scene: Scene, method: Method, layers: list[AttributionLayer], shown: str) -> None:
    with place_tiles():
        places = [
            tile(
                f"layer-{at}", layer.name, explain=f"{layer.kind}: open this one",
                open_it=_open, args=(layer.name, method.name, scene.support.default_layer),
            )
            for at, layer in enumerate(layers)
        ]  # fmt: skip
    for place in places:
        wait(place, "Comes…")
    own = method.name == scene.asked.method.name
    for at, (layer, place) in enumerate(zip(layers, places, strict=True)):
        asked = Question(
            scene.chosen.model, scene.chosen.image, method.name, scene.target.request, layer.name,
            scene.asked.settings if own else None,
        )  # fmt: skip
        fill(
            place, asked, scene.chosen, name=f"layers.{at}",
            make=partial(_tile, scene, layer, shown),
        )  # fmt: skip
    st.html(
        html.caption(
            f"{method.title} for {scene.target.words}, from the first layer to the last; each map has a "
            "scale of its own. Early layers have many places and little meaning, late ones few places "
            f"and much. {scene.support.why}"
        )
    )


def _tile(scene: Scene, layer: AttributionLayer, shown: str, found: Attribution) -> str:
    return tile_html(found, scene.display, shown, line=_line(layer, scene))


def _line(layer: AttributionLayer, scene: Scene) -> str:
    channels, height, width = layer.shape
    default = " · <b>default</b>" if layer.name == scene.support.default_layer else ""
    return f"<span>{escape(layer.kind)} {channels}×{height}×{width}</span>{default}"


def _open(layer: str, method: str, default: str | None) -> None:
    linked = None if layer == default else layer
    if st.query_params.get("method", DEFAULT) == method:
        put(layer=linked)
    else:
        set_method(method, DEFAULT, layer=linked)
    open_view("one")
