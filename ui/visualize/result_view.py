"""A climb on the page: the pictures large, live while they are made and to be played afterwards, with the
curve and the numbers beside."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from ui import html
from ui.charts import CHART_CONFIG
from ui.components.player import Frame, Line, player
from ui.text import sentence_safe
from ui.visualize.words import number, outcome, outcome_negative, silent_sentence
from viz.figures.theme import ACCENT
from viz.figures.visualize import pictures_png, plot_climb
from viz.results.visualize import Visualization

SIDE = 480  # pixels


def draw_picture(found: Visualization) -> None:
    """The pictures as they are now."""
    png = pictures_png(found.pictures, side=SIDE)
    alt = f"Made to excite {found.title}, after {int(found.frame_steps[-1])} steps"
    st.html(f'<div class="cs-visualize-picture">{html.image(png, alt)}</div>')


def draw_player(found: Visualization, key: str) -> None:
    """All kept moments, to scrub through."""
    if len(found.frames) < 2:
        draw_picture(found)
        return
    frames = [
        Frame(
            label=f"Step {int(step)}",
            png=pictures_png(frame, side=SIDE // 2),
            caption=f"activation {number(float(values.mean()))}",
            at=int(step),
        )
        for step, frame, values in zip(
            found.frame_steps, found.frames, found.frame_values, strict=True
        )
    ]
    values = found.frame_values.mean(1)
    top = float(np.nanmax(np.abs(values)))
    line = Line("activation", found.frame_steps, values.clip(0), ACCENT, 1.05 * top)
    player(frames, key=key, lines=[line], label="Step of the optimisation")


def draw_numbers(found: Visualization, *, negative: bool, key: str) -> None:
    """Numbers, the curve and the sentence."""
    value = float(found.frame_values[-1].mean())
    best = math.nan if found.real is None else float(found.real.best.mean())
    items = [
        ("activation now", number(value), "Of the picture as it is shown, in the network as it is"),
        ("best real picture", number(best) if math.isfinite(best) else "–", _searched(found)),
    ]
    if np.isfinite(found.above).all() and not negative:
        items.append(
            ("times the best", f"{found.above.mean():.2g}×", "Activation now / best real picture")
        )
    if math.isfinite(found.similarity):
        items.append(
            (
                "alike",
                f"{found.similarity:.2f}",
                "Mean cosine of the pictures' Gram matrices, 1: the same",
            )
        )
    items.append(("time", f"{found.seconds:.1f} s", "Of the worker, so far"))
    st.html(html.figures(items))
    st.plotly_chart(
        plot_climb(found, height=240), key=f"{key}.{len(found.objective)}", config=CHART_CONFIG,
        alt="The goal over the steps of the optimisation",
    )  # fmt: skip
    said = outcome_negative(found) if negative else outcome(found)
    st.caption(sentence_safe(said))
    silent = silent_sentence(found)
    if silent:
        st.caption(f":material/healing: {sentence_safe(silent)}")


def _searched(found: Visualization) -> str:
    return "No pictures are here" if found.real is None else f"The highest of {found.real.words}"
