"""All channels of a layer as small made pictures; a click opens one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from ui import html
from ui.components.clickable import Box, clickable_picture, png_size
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.visualize.goal_picker import Asked
from ui.visualize.words import number, silent_sentence
from viz.figures.visualize import labelled_sheet
from viz.results.visualize import Visualization

_WIDE, _HIGH = 880, 600  # pixels of the sheet
_TIMEOUT = 600.0


def render_sheet(
    chosen: Chosen, asked: Asked, settings: Mapping[str, Any], image: str | None
) -> Visualization | None:
    """The sheet; it grows sharp while it is made.

    Raises:
        EngineError: with a sentence.
    """
    place = st.empty()

    def draw(found: Visualization) -> None:
        png, _ = _sheet(found, asked)
        with place.container():
            st.html(f'<div class="cs-visualize-sheet">{html.image(png, _alt(found))}</div>')

    found: Visualization | None = watch(
        "feature_visualization", chosen.model, image, key="visualize.sheet", draw=draw,
        timeout=_TIMEOUT, goal=dict(asked.goal), settings=dict(settings), **chosen.options,
    )  # fmt: skip
    if found is None:
        return None
    with place.container():
        picked = _clickable(found, asked)
    if picked is not None:
        st.query_params["channel"] = str(asked.first + picked)
        st.query_params.pop("goal", None)
        st.rerun()
    st.caption(sentence_safe(_sentence(found, asked)))
    return found


def columns_for(found: Visualization) -> int:
    """As many as let the pictures be large in the place they have."""
    count, height, width = (int(side) for side in found.pictures.shape[:3])
    for columns in range(1, count):
        if -(-count // columns) * (_WIDE / columns) * height / width <= _HIGH:
            return columns
    return count


def _clickable(found: Visualization, asked: Asked) -> int | None:
    png, boxes = _sheet(found, asked)
    grid = [Box(*box) for box in boxes]
    texts = [
        f"channel {asked.first + index}: {number(float(value))}" + ("\ndead" if dead else "")
        for index, (value, dead) in enumerate(zip(found.frame_values[-1], found.dead, strict=True))
    ]
    return clickable_picture(
        png, key="visualize.channels", alt=_alt(found), grid=grid, texts=texts,
        width=f"min(100%, {png_size(png)[0]}px)",
    )  # fmt: skip


def _sheet(found: Visualization, asked: Asked) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    """The PNG, each picture with its channel's number and activation, and where each is."""
    labels = [
        f"{asked.first + index} · {number(float(value))}"
        for index, value in enumerate(found.frame_values[-1])
    ]
    return labelled_sheet(found.pictures, labels, columns=columns_for(found), wide=_WIDE)


def _alt(found: Visualization) -> str:
    return f"Pictures made for {found.title}"


def _sentence(found: Visualization, asked: Asked) -> str:
    text = (
        f"{len(found.words)} of {asked.there} channels of {asked.layer} after {int(found.frame_steps[-1])} "
        "steps, each with its number and activation; a click opens one."
    )
    if found.real is not None and not found.real.few:
        beyond = int(np.sum(found.frame_values[-1] > found.real.best))
        text += f" {beyond} are excited more than by the best of {found.real.words}."
    return f"{text} {silent_sentence(found)}".strip()
