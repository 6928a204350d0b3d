"""The same method at every layer: what the network could still say where, and what it knew already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Final

import streamlit as st

from ui import html
from ui.saliency.asking import Question
from ui.saliency.link import put, say, set_method, switch
from ui.saliency.method import DEFAULT, render_card, render_method, render_settings
from ui.saliency.scene import Scene
from ui.saliency.series import Item, place_line, run_series
from ui.saliency.target import render_bars, render_target
from ui.saliency.tiles import choose_shown, open_view, place_tiles, tile, tile_html, wait
from ui.text import sentence_safe
from viz.attribution.method import Method
from viz.attribution.table import METHODS
from viz.results.attribution import Attribution, AttributionLayer, AttributionSupport

MOST: Final = 12
LAYERED: Final = tuple(name for name, method in METHODS.items() if method.layered)
_ACTIVATIONS: Final = frozenset(
    {
        *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish"),
        *("Hardswish", "Hardsigmoid", "Hardtanh", "Sigmoid", "Tanh", "Softplus", "Softsign"),
    }
)


def render_layers(scene: Scene) -> None:
    """The view."""
    method = layered_method(scene)
    if method is None or not scene.support.layers:
        why = scene.support.why or scene.asked.refusal
        st.info(
            sentence_safe(why or "No method looks at a single layer of this network."),
            icon=":material/block:",
        )
        return
    given = scene.asked.method
    if method.name != given.name:
        scene = replace(scene, asked=replace(scene.asked, method=method, settings={}, refusal=""))
    with st.container(key="cs-saliency-many"):
        controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_method(scene.asked, scene.support, LAYERED)
        render_target(scene.chosen, scene.said, scene.target)
        render_bars(scene.said, scene.target)
        shown = choose_shown()
        everything = len(scene.support.layers) > MOST and switch(
            f"All {len(scene.support.layers)} layers", key="all"
        )
        render_settings(scene.asked, scene.chosen)
    with stage:
        if method.name != given.name:
            why = scene.support.refusals.get(given.name, "") if given.layered else (
                f"{given.title} looks at the whole network and not at one layer:"
            )  # fmt: skip
            say(f"{why} shown is {method.title}.")
        _tiles(scene, shown_layers(scene.support, everything=everything), shown)
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
    """All layers; or where they are more than `MOST`, the ends of blocks, evenly spread, the first,
    the default one and the last among them.

    A block is what shares the first parts of its dotted name, as many parts as leave at most `MOST`
    blocks or still too many, but not nearly none.
    """
    layers = list(support.layers)
    if everything or len(layers) <= MOST:
        return layers
    ends = [
        layer
        for at, layer in enumerate(layers)
        if at + 1 == len(layers) or not _goes_on(layer, layers[at + 1 :])
    ]
    deepest = max(layer.name.count(".") for layer in ends) + 1
    for depth in range(deepest, 0, -1):
        if len(ends) <= MOST:
            break
        blocks = {tuple(layer.name.split(".")[:depth]): layer for layer in ends}  # the last of each
        names = {layer.name for layer in blocks.values()}
        if len(names) < MOST // 2:
            break
        ends = [layer for layer in ends if layer.name in names]
    count = min(MOST - 1, len(ends))
    spread = {ends[round(at * (len(ends) - 1) / max(count - 1, 1))].name for at in range(count)}
    wanted = spread | {support.default_layer}
    return [layer for layer in layers if layer.name in wanted]


def _goes_on(layer: AttributionLayer, later: Sequence[AttributionLayer]) -> bool:
    """Whether what a layer put out is only normed or bent next; a norm may have to wait for what
    comes by a shortcut until the activation of its block bends it."""
    if _bends(later[0]) and later[0].shape == layer.shape:
        return True
    block = layer.name.rpartition(".")[0]
    return "Norm" in layer.kind and any(
        _bends(other) and other.shape == layer.shape and other.name.rpartition(".")[0] == block
        for other in later
    )


def _bends(layer: AttributionLayer) -> bool:
    return "Norm" in layer.kind or layer.kind in _ACTIVATIONS


def _tiles(scene: Scene, layers: list[AttributionLayer], shown: str) -> None:
    method = scene.asked.method
    line = place_line()
    with place_tiles(tall=True):
        places = [
            tile(
                f"layer-{at}", layer.name, explain=f"{layer.name}, {layer.kind}: open this one",
                open_it=_open, args=(layer.name, method.name, scene.support.default_layer),
            )
            for at, layer in enumerate(layers)
        ]  # fmt: skip
    for place in places:
        wait(place, "Waiting")
    items = [
        Item(
            Question(
                scene.chosen.model, scene.chosen.image, method.name, scene.target.request,
                layer.name, scene.asked.settings,
            ),
            place, partial(_tile, scene, layer, shown),
        )
        for layer, place in zip(layers, places, strict=True)
    ]  # fmt: skip
    count = len(scene.support.layers)
    which = (
        f"all {count} layers with maps" if len(layers) == count
        else f"{len(layers)} of {count} layers with maps: the ends of blocks, evenly spread"
    )  # fmt: skip
    run_series(
        items, scene.chosen, key="layers", line=line,
        words=f"{method.title} for {scene.target.words}: {which}, from the first to the last.",
    )  # fmt: skip
    st.html(
        html.caption(
            "Each map has a scale of its own. Early layers have many places and little meaning, late "
            f"ones few places and much. {scene.support.why}"
        )
    )


def _tile(scene: Scene, layer: AttributionLayer, shown: str, found: Attribution) -> str:
    return tile_html(
        found, scene.display, shown, line=_line(layer, scene), settings=scene.asked.settings
    )


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
