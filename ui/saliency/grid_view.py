"""Every method on one image, side by side: where they agree, and which have their own opinion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Final

import numpy as np
import streamlit as st

from ui import html
from ui.saliency.asking import Question
from ui.saliency.display import has_sign, picture
from ui.saliency.link import set_method, switch
from ui.saliency.method import DEFAULT, FAMILIES, cost_words, layer_of
from ui.saliency.scene import Scene
from ui.saliency.series import Item, place_line, run_series
from ui.saliency.target import render_bars, render_target
from ui.saliency.tiles import (
    WIDTH,
    choose_shown,
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

_SLOW: Final = "Slow methods too"
QUICK_PASSES: Final = 100
QUICK_MACS: Final = 2e10
"""Of all passes; below either a method is run without being asked for: it takes about a second."""


def render_grid(scene: Scene) -> None:
    """The view."""
    with st.container(key="cs-saliency-many"):
        controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_target(scene.chosen, scene.said, scene.target)
        render_bars(scene.said, scene.target)
        shown = choose_shown()
        methods = allowed(scene)
        slow = [method.name for method in methods if is_slow(scene, method)]
        if slow and switch(
            _SLOW, key="slow",
            explain="They run the network hundreds or thousands of times; Stop keeps what is there.",
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
    line = place_line()
    with place_tiles(tall=True):
        with st.container(key="saliency-cell-image", width=WIDTH):
            st.html('<div class="cs-saliency-name">The image</div>')
            st.html(picture(scene.said.image, "The image"))
        places = [
            tile(method.name, method.title, explain=_help(method), open_it=_open, args=(method.name,))
            for method in methods
        ]  # fmt: skip
    items = []
    for method, place in zip(methods, places, strict=True):
        if method.name in slow:
            wait(
                place,
                f"{cost_words(method, {}, scene.chosen.network.input_shape)} Switch on “{_SLOW}”.",
            )
            continue
        wait(place, "Waiting")
        make = partial(_tile, scene, method, shown)
        items.append(Item(_question(scene, method), place, make))
    found = run_series(
        items, scene.chosen, key="methods", line=line,
        words=f"All for {scene.target.words}, each on a scale of its own. A click opens one.",
    )  # fmt: skip
    lesson = equal_words([one for one in found if one is not None])
    if lesson:
        st.info(sentence_safe(lesson), icon=":material/equal:")
    st.html(
        html.caption(
            "Methods answer different questions: where they differ, see Trust for which of them follow "
            "this network."
        )
    )


def equal_words(found: Sequence[Attribution]) -> str:
    """What is to be learned where class activation maps of one layer are the same; else empty.

    What speaks against the answer is left out, as some of the methods cut it off.
    """
    cams = [
        one for one in found if METHODS[one.method].family == "cam" and one.values.shape[0] == 1
    ]
    groups: list[list[Attribution]] = []
    for one in cams:
        group = next((each for each in groups if _same(each[0], one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    largest = max(groups, key=len, default=[])
    if len(largest) < 2:
        return ""
    titles = [METHODS[one.method].title for one in largest]
    names = f"{', '.join(titles[:-1])} and {titles[-1]}"
    signed = any(has_sign(METHODS[one.method]) for one in largest)
    return (
        f"{names} are the same map here{' in what speaks for the answer' if signed else ''}: "
        f"everything behind {largest[0].layer} treats all its places alike, as global average pooling "
        "does, so the gradient is the same at every place, and it makes no difference where it is "
        "averaged (Selvaraju et al. 2017; Draelos and Carin 2020)."
    )


def _same(one: Attribution, other: Attribution) -> bool:
    """Whether two maps of one layer agree, as far as float32 carries, in what is above 0."""
    if one.layer != other.layer or one.values.shape != other.values.shape:
        return False
    first, second = (np.maximum(each.values, 0) for each in (one, other))
    largest = float(first.max(initial=0.0))
    return largest > 0 and bool(np.abs(first - second).max() <= 1e-4 * largest)


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
    settings = _question(scene, method).settings
    return tile_html(found, scene.display, shown, line=_line(found, method), settings=settings)


def _line(found: Attribution, method: Method) -> str:
    """Passes and not seconds: those depend on what the engine did before."""
    passes = found.forward_passes + found.backward_passes
    words = f"{passes:,} {'pass' if passes == 1 else 'passes'}"
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
