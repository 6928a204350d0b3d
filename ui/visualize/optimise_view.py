"""Optimise: a picture made for a unit, channel, layer, class or direction, while one looks on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.visualize.ablation_view import render_ablation
from ui.visualize.evidence import link_patches, render_real
from ui.visualize.goal_picker import Asked, choose_goal, choose_kind, kind_sentence
from ui.visualize.makers import WIDTHS
from ui.visualize.result_view import draw_numbers, draw_picture, draw_player
from ui.visualize.settings_picker import asked as asked_settings
from ui.visualize.settings_picker import linked_settings, render_switches
from ui.visualize.sheet_view import render_sheet
from ui.visualize.take_away import download_menu
from ui.visualize.words import SOURCES
from viz.results.visualize import Visualization

_TIMEOUT: Final = 600.0


def render(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: the picture cannot be made, with a sentence.
    """
    channels, height, width = chosen.network.input_shape
    shape = (channels, height, width)
    kind = choose_kind()
    widths = [WIDTHS[0], sum(WIDTHS[1:])] if kind == "sheet" else WIDTHS
    with st.container(key="cs-visualize"):
        controls, middle, *side = st.columns(widths, gap="medium")
    with controls:
        asked = choose_goal(chosen, kind)
        settings = linked_settings(shape)
        render_switches(settings, shape, several=asked.several)
        st.caption(kind_sentence(kind))
        downloads = st.container()
    given = {**asked_settings(settings, shape), **asked.more}
    image = chosen.image if kind == "direction" else None
    with middle:
        try:
            if kind == "sheet":
                found = render_sheet(chosen, asked, given, image)
            else:
                found = _one(chosen, asked, given, image, settings.negative, side[0])
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")
            found = None
    if found is not None:
        with downloads:
            download_menu(found)
    if kind != "sheet" and found is not None:
        render_ablation(chosen, asked, given, image)
    st.caption(SOURCES)


def _one(
    chosen: Chosen,
    asked: Asked,
    settings: Mapping[str, Any],
    image: str | None,
    negative: bool,
    side: Any,
) -> Visualization | None:
    """The pictures in the column at hand, numbers and real pictures in the one beside."""
    picture = st.empty()
    with side:
        numbers, beside = st.empty(), st.container()

    def draw(found: Visualization) -> None:
        with picture.container():
            draw_picture(found)
        with numbers.container():
            draw_numbers(found, negative=negative, key="visualize.curve")

    found: Visualization | None = watch(
        "feature_visualization", chosen.model, image, key="visualize.climb", draw=draw,
        timeout=_TIMEOUT, goal=dict(asked.goal), pictures=asked.pictures, settings=dict(settings),
        **chosen.options,
    )  # fmt: skip
    if found is None:
        return None
    with picture.container():
        draw_player(found, key="visualize.player")
    with beside:
        render_real(found)
        if asked.channel is not None and asked.layer is not None and _has_maps(chosen, asked.layer):
            link_patches(chosen, asked.layer, asked.channel)
    return found


def _has_maps(chosen: Chosen, layer: str) -> bool:
    info = chosen.network.find(layer)
    return info is not None and len(info.out_shape) == 3
