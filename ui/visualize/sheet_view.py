"""All channels of a layer as small made pictures; a click opens one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.maps.parts import lay_out
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.visualize.goal_picker import Asked
from ui.visualize.words import number, silent_sentence
from viz.figures.tiles import encode_png
from viz.figures.visualize import GAP, pictures_png, tile_pictures
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
        png = pictures_png(found.pictures, side=_WIDE, columns=columns_for(found))
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
    count, height, width = found.pictures.shape[:3]
    return lay_out(count, (height, width), _WIDE, _HIGH)[0]


def _clickable(found: Visualization, asked: Asked) -> int | None:
    columns = columns_for(found)
    sheet = tile_pictures(found.pictures, columns=columns)
    zoom = max(1, _WIDE // sheet.shape[1])
    count, height, width = found.pictures.shape[:3]
    grid = Grid(-(-count // columns), columns, GAP * zoom, (height * zoom, width * zoom), count)
    texts = [
        f"channel {asked.first + index}: {number(float(value))}" + ("\ndead" if dead else "")
        for index, (value, dead) in enumerate(zip(found.frame_values[-1], found.dead, strict=True))
    ]
    return clickable_picture(
        encode_png(sheet, zoom=zoom), key="visualize.channels", alt=_alt(found), grid=grid, texts=texts,
        width=f"min(100%, {_WIDE}px)",
    )  # fmt: skip


def _alt(found: Visualization) -> str:
    return f"Pictures made for {found.title}"


def _sentence(found: Visualization, asked: Asked) -> str:
    beyond = int(np.sum(np.nan_to_num(found.above) > 1))
    text = (
        f"{len(found.words)} of {asked.there} channels of {asked.layer} after {int(found.frame_steps[-1])} "
        "steps; a click opens one."
    )
    if found.real is not None:
        text += f" {beyond} are excited more than by the best of {found.real.words}."
    return f"{text} {silent_sentence(found)}".strip()
