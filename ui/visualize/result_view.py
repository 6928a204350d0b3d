"""A climb on the page: the pictures large, live while they are made and to be played afterwards, with the
curve and the numbers beside."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import streamlit as st

from ui import html
from ui.charts import CHART_CONFIG
from ui.components.player import Frame, Line, Pictures, player
from ui.text import sentence_safe
from ui.visualize.makers import pixels
from ui.visualize.words import (
    counted_in,
    mixes,
    number,
    outcome,
    outcome_negative,
    silent_sentence,
)
from viz.figures.theme import ACCENT
from viz.figures.visualize import pictures_png, plot_climb
from viz.results.visualize import Visualization

SIDE = 480  # pixels


def draw_picture(found: Visualization) -> None:
    """The pictures as they are now, as large as the player shows them."""
    step = int(found.frame_steps[-1])
    alt = f"Made to excite {found.title}, after {step} steps"
    said = (
        f"activation {number(float(found.frame_values[-1].mean()))} · {pixels(found.pictures[0])}"
    )
    head = f'<div class="cs-visualize-moment"><b>Step {step}</b> {said}</div>'
    row = mixes(found.words)
    if row:
        cells = "".join(
            f'<figure class="cs-visualize-way"><b>{escape(words)}</b>'
            f"{html.image(pictures_png(picture[None], side=SIDE // 2), words)}</figure>"
            for words, picture in zip(row, found.pictures, strict=True)
        )
        head = f'<div class="cs-visualize-moment"><b>Step {step}</b> {pixels(found.pictures[0])} each</div>'
        st.html(f'{head}<div class="cs-visualize-ways cs-visualize-mixes">{cells}</div>')
        return
    png = html.image(pictures_png(found.pictures, side=SIDE), alt)
    st.html(f'{head}<div class="cs-visualize-picture">{png}</div>')


def draw_player(found: Visualization, key: str) -> None:
    """All kept moments, to scrub through."""
    if len(found.frames) < 2:
        draw_picture(found)
        return
    row = mixes(found.words)
    size = pixels(found.pictures[0])
    frames = [
        Frame(
            label=f"Step {int(step)}",
            png=b"" if row else pictures_png(frame, side=SIDE // 2),
            caption=f"{size} each"
            if row
            else f"activation {number(float(values.mean()))} · {size}",
            at=int(step),
        )
        for step, frame, values in zip(
            found.frame_steps, found.frames, found.frame_values, strict=True
        )
    ]
    values = found.frame_values.mean(1)
    top = float(np.nanmax(np.abs(values)))
    line = Line(
        "mean over the mixes" if row else "activation",
        found.frame_steps,
        values.clip(0),
        ACCENT,
        1.05 * top,
    )
    panels = [
        Pictures(
            words, [pictures_png(frame[place][None], side=SIDE // 2) for frame in found.frames],
            alt=f"Made for {words}", pixels=118,
        )
        for place, words in enumerate(row)
    ]  # fmt: skip
    player(frames, key=key, panels=panels, lines=[line], label="Step of the optimisation")


def draw_numbers(found: Visualization, *, negative: bool, key: str) -> None:
    """Numbers, the curve and the sentence."""
    row = mixes(found.words)
    if row:
        st.html(_mix_table(found, row))
    else:
        st.html(html.figures(_figures(found, negative=negative)))
    st.plotly_chart(
        plot_climb(found, negative=negative, height=280), key=f"{key}.{len(found.objective)}", config=CHART_CONFIG,
        alt="The goal over the steps of the optimisation",
    )  # fmt: skip
    said = outcome_negative(found) if negative else outcome(found)
    st.caption(sentence_safe(f"{said} {counted_in(found)}".strip()))
    silent = silent_sentence(found)
    if silent:
        st.caption(f":material/healing: {sentence_safe(silent)}")


def _mix_table(found: Visualization, row: list[str]) -> str:
    """What each mix reaches, and the best real picture for that same mix."""
    lines = []
    for place, words in enumerate(row):
        value = float(found.frame_values[-1][place])
        best = math.nan if found.real is None else float(found.real.best[place])
        lines.append((words, number(value), number(best) if math.isfinite(best) else "–"))
    unit = "deviations" if found.in_deviations else "activation"
    return html.table(("mix", f"{unit} now", "best real picture"), lines, numeric=(1, 2))


def _figures(found: Visualization, *, negative: bool) -> list[tuple[str, str, str]]:
    value = float(found.frame_values[-1].mean())
    best = math.nan if found.real is None else float(found.real.best.mean())
    items = [
        ("activation now", number(value), "Of the picture as it is shown, in the network as it is"),
        ("best real picture", number(best) if math.isfinite(best) else "–", _searched(found)),
    ]
    few = found.real is not None and found.real.few
    if np.isfinite(found.above).all() and value > 0 and not negative and not few:
        items.append(
            (
                "times the best",
                f"{number(float(found.above.mean()))}×",
                "Activation now / best real picture",
            )
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
    return items


def _searched(found: Visualization) -> str:
    return "No pictures are here" if found.real is None else f"The highest of {found.real.words}"
