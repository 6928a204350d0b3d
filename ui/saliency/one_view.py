"""One map: the image, what in it spoke for an answer, and both in one picture, as large as they can be."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

import streamlit as st

from engine.protocol import EngineError
from ui.saliency.asking import attribute, question
from ui.saliency.display import Drawn, color_bar, draw, picture, render_display
from ui.saliency.method import render_card, render_method, render_options
from ui.saliency.scene import Scene
from ui.saliency.take_away import download_map
from ui.saliency.target import render_bars, render_target, truth_words
from ui.saliency.words import notes_html, numbers_html, picture_words
from ui.text import sentence_safe
from viz.attribution.table import METHODS
from viz.results.attribution import Attribution


def render_one(scene: Scene) -> None:
    """The view."""
    with st.container(key="cs-saliency-one"):
        controls, stage = st.columns([1, 3.1], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_method(scene.asked, scene.support)
        render_target(scene.chosen, scene.said, scene.target)
        render_bars(scene.said, scene.target)
        render_options(scene.asked, scene.chosen, scene.support)
    with stage:
        pictures, below = st.container(), st.container()
    with below:  # first: there is something to read while a slow method computes
        card = st.empty()
    shape = scene.chosen.network.input_shape
    with card:
        render_card(scene.asked, shape)
    with pictures:
        found = _stage(scene)
        if found is not None:
            render_display(scene.display, found)
    if found is not None:
        with card:
            render_card(scene.asked, shape, found)
        with below:
            light = replace(scene.display, dark=False)  # on paper
            drawn = draw(found, light, settings=scene.asked.settings)
            download_map(found, drawn, scene.chosen.title)


def _stage(scene: Scene) -> Attribution | None:
    """The pictures; or why there are none."""
    if scene.asked.refusal:
        st.html(_pictures_without_map(scene))
        st.info(sentence_safe(scene.asked.refusal), icon=":material/block:")
        return None
    try:
        return attribute(
            question(scene.chosen, scene.asked, scene.target), scene.chosen, key="saliency.one",
            make=lambda found: stage_html(found, scene),
        )  # fmt: skip
    except EngineError as error:
        st.html(_pictures_without_map(scene))
        st.error(sentence_safe(error), icon=":material/error:")
        return None


def stage_html(found: Attribution, scene: Scene) -> str:
    """Everything about one result that has no controls, in one piece."""
    drawn = _draw(found, scene)
    method = METHODS[found.method]
    over = "The pixels that speak most" if scene.display.masked else "Map on the image"
    return (
        '<div class="cs-saliency-stage">'
        + _figure("The image", truth_words(scene.said), picture(found.image, "The image"))
        + _figure(
            escape(method.title), f"for <b>{escape(found.aim)}</b>",
            picture(drawn.map, f"{method.title} for {found.aim}"),
        )
        + _figure(over, "", picture(drawn.over, f"{method.title} for {found.aim} on the image"))
        + f'</div>{color_bar(drawn.extent, words=True, dark=scene.display.dark)}'
        + numbers_html(found, method, drawn)
        + notes_html(found, drawn)
        + _caption(found, drawn, scene)
    )  # fmt: skip


def _draw(found: Attribution, scene: Scene) -> Drawn:
    return draw(found, scene.display, settings=scene.asked.settings)


def _caption(found: Attribution, drawn: Drawn, scene: Scene) -> str:
    text = " ".join(
        part for part in (picture_words(found, drawn, scene.display), scene.support.note) if part
    )
    return f"<figcaption>{escape(text)}</figcaption>"


def _figure(title: str, more: str, inner: str) -> str:
    """`title` and `more` are HTML already."""
    plain = re.sub(r"<[^>]+>", "", more)
    return (
        f'<figure><div class="cs-saliency-head" title="{plain}"><b>{title}</b> {more}</div>'
        f"{inner}</figure>"
    )


def _pictures_without_map(scene: Scene) -> str:
    shown = _figure("The image", truth_words(scene.said), picture(scene.said.image, "The image"))
    return f'<div class="cs-saliency-stage">{shown}</div>'
