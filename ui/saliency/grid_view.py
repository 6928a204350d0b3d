"""Every method on one image, side by side: where they agree, and which have their own opinion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Final

import streamlit as st

from ui import html
from ui.saliency.asking import Question
from ui.saliency.display import picture
from ui.saliency.link import set_method, switch
from ui.saliency.method import DEFAULT, FAMILIES, layer_of
from ui.saliency.scene import Scene
from ui.saliency.target import render_bars, render_target
from ui.saliency.tiles import (
    WIDTH,
    choose_shown,
    fill,
    open_view,
    place_tiles,
    tile,
    tile_html,
    wait,
)
from ui.text import markdown_safe, sentence_safe
from viz.attribution.method import Cost, Method
from viz.attribution.table import METHODS
from viz.results.attribution import Attribution

QUICK_PASSES: Final = 100
QUICK_MACS: Final = 2e10
"""Of all passes; below either a method is run without being asked for: it takes about a second."""


def render_grid(scene: Scene) -> None:
    """The view."""
    controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_target(scene.chosen, scene.said, scene.target)
        render_bars(scene.said, scene.target)
        shown = choose_shown()
        methods = allowed(scene)
        slow = [method.name for method in methods if is_slow(scene, method)]
        if slow and switch(
            "Slow methods too", key="slow",
            explain="They run the network hundreds or thousands of times; each can be stopped.",
        ):  # fmt: skip
            slow = []
    with stage:
        _tiles(scene, shown, methods, slow)
        _refused(scene)


def allowed(scene: Scene) -> list[Method]:
    """The methods that this network allows, cheap ones first."""
    methods = [method for name, method in METHODS.items() if name not in scene.support.refusals]
    return sorted(methods, key=lambda method: cost_of(scene, method).passes)


def cost_of(scene: Scene, method: Method) -> Cost:
    """What a method takes with its default settings."""
    channels, height, width = scene.chosen.network.input_shape
    return method.cost(method.settings({}), (channels, height, width))


def is_slow(scene: Scene, method: Method) -> bool:
    """Whether a method is run only when it is asked for."""
    passes = cost_of(scene, method).passes
    return passes > QUICK_PASSES and passes * scene.chosen.network.macs > QUICK_MACS


def _tiles(scene: Scene, shown: str, methods: Sequence[Method], slow: Sequence[str]) -> None:
    """All tiles stand at once and fill one after the other; those in `slow` say what they cost."""
    with place_tiles():
        with st.container(key="saliency-cell-image", width=WIDTH):
            st.html('<div class="cs-saliency-head"><b>The image</b></div>')
            st.html(picture(scene.said.image, "The image"))
        places = [
            tile(method.name, method.title, explain=_help(method), open_it=_open, args=(method.name,))
            for method in methods
        ]  # fmt: skip
    later = []
    for method, place in zip(methods, places, strict=True):
        if method.name not in slow:
            wait(place, "Comes…")
            later.append((method, place))
        else:
            wait(place, f"{cost_of(scene, method).words}: switch it on at the left.")
    for method, place in later:
        fill(
            place, _question(scene, method), scene.chosen, name=f"grid.{method.name}",
            make=partial(_tile, scene, method, shown),
        )  # fmt: skip
    st.html(
        html.caption(
            f"All for {scene.target.words}, each on a scale of its own, with its default settings. "
            "Methods answer different questions: where they differ, see Trust for which of them "
            "follow this network. A click opens one."
        )
    )


def _question(scene: Scene, method: Method) -> Question:
    own = method.name == scene.asked.method.name
    return Question(
        scene.chosen.model, scene.chosen.image, method.name, scene.target.request,
        layer_of(method, scene.support), scene.asked.settings if own else None,
    )  # fmt: skip


def _open(name: str) -> None:
    if st.query_params.get("method", DEFAULT) != name:
        set_method(name, DEFAULT)
    open_view("one")


def _help(method: Method) -> str:
    return f"{FAMILIES[method.family]}. {sentence_safe(method.what)}"


def _tile(scene: Scene, method: Method, shown: str, found: Attribution) -> str:
    return tile_html(found, scene.display, shown, line=_line(found, method))


def _line(found: Attribution, method: Method) -> str:
    words = f"{found.seconds * 1000:,.0f} ms" if found.seconds < 1 else f"{found.seconds:.1f} s"
    where = FAMILIES[method.family] if found.layer is None else found.layer
    return f"<span>{escape(where)} · {words}</span>"


def _refused(scene: Scene) -> None:
    """The methods that this network does not allow, and why."""
    refused = {
        name: why for name, why in scene.support.refusals.items() if name in METHODS
    }  # fmt: skip
    if refused:
        lines = [
            f"- **{markdown_safe(METHODS[name].title)}** {sentence_safe(why)}"
            for name, why in refused.items()
        ]
        st.markdown("Not for this network:\n" + "\n".join(lines))
