"""One unit: the map it is chosen on, the box it can see, and where in the box it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st

from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.fields.effective import Asked, fetch_now, field_figures, field_html, now_sentence
from ui.fields.stage import Stage, draw_box, stage_for
from ui.fields.words import unit_sentence
from ui.looking import glance
from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.subject.layers import choose_unit, set_unit
from ui.text import sentence_safe
from viz.figures.fields import map_png
from viz.figures.tiles import encode_png
from viz.results.fields import EffectiveField, FieldTable, LayerField, Support, UnitMap

_QUICK_MACS: Final = 1e9  # up to which the gradient check runs unasked
_MANY_UNITS: Final = 4096  # beyond which units have no words on hover


@dataclass(frozen=True)
class Seen:
    """What is on the screen, for what stands below it."""

    asked: Asked
    stage: Stage
    now: EffectiveField


def render_unit(
    chosen: Chosen, table: FieldTable, field: LayerField, channel: int | None, num_channels: int
) -> Seen:
    """The three pictures side by side; a click on the map chooses another unit.

    Raises:
        EngineError: one of them cannot be computed, with a sentence.
    """
    linked = choose_unit((num_channels, *field.units)) if field.placed else None
    unit = (field.units[0] // 2, field.units[1] // 2) if linked is None else linked[1:]
    asked = Asked(field.layer, unit, channel)
    stage = stage_for(table.image, field.box(*unit))
    maps, boxes, looks = st.columns(3, gap="medium")
    shown: UnitMap = glance(
        "unit_map", chosen.model, chosen.image, layer=field.layer, channel=channel, **chosen.options
    )
    with maps, st.container(gap="xsmall"):
        _map(field, shown, unit, linked)
    with boxes, st.container(gap="xsmall"):
        _box(field, shown, unit, stage)
        _check(chosen, asked)
    with looks, st.container(gap="xsmall"):
        now = fetch_now(chosen, asked)
        title = "What it does see" if now.step is None else f"What it does see, update {now.step:,}"
        st.html(field_html(now, stage, title))
        st.html(field_figures(now) + html.caption(now_sentence(now)))
    if field.misaligned:
        st.caption(f":material/warning: {sentence_safe(field.misaligned)}")
    return Seen(asked, stage, now)


def _map(
    field: LayerField, shown: UnitMap, unit: tuple[int, int], linked: tuple[int, int, int] | None
) -> None:
    what = (
        "mean |activation| of all channels" if shown.channel is None else f"channel {shown.channel}"
    )
    st.html(html.heading("Click a unit"))
    if not field.placed:
        st.html(html.caption("Its units have no place in the image: each sees all of it."))
        return
    height, width = field.units
    png, is_signed = map_png(shown.values)
    picked = clickable_picture(
        png, key="fields.map", alt=f"Map of {field.layer}, {what}",
        grid=Grid(height, width, 0, (1, 1), height * width), texts=_texts(field, shown),
        selected=unit[0] * width + unit[1],
    )  # fmt: skip
    st.html(
        html.color_bar("diverging" if is_signed else "sequential", _top(shown))
        + html.caption(f"{field.layer}, {what}, {height}×{width} units.")
    )
    if picked is not None:
        set_unit((0 if linked is None else linked[0], *divmod(picked, width)))
        st.rerun()


def _texts(field: LayerField, shown: UnitMap) -> list[str] | None:
    if shown.values.size > _MANY_UNITS:
        return None
    texts = []
    for y, row in enumerate(shown.values.tolist()):
        for x, value in enumerate(row):
            top, left, bottom, right = field.box(y, x)
            texts.append(
                f"unit {y}, {x}: {value:.3g}\nrows {top}…{bottom - 1}, columns {left}…{right - 1}"
            )
    return texts


def _top(shown: UnitMap) -> float:
    return float(np.abs(np.nan_to_num(shown.values)).max(initial=0.0))


def _box(field: LayerField, shown: UnitMap, unit: tuple[int, int], stage: Stage) -> None:
    box = field.box(*unit)
    alt = f"The image with the receptive field of unit {unit[0]}, {unit[1]}"
    st.html(
        html.heading("What it can see")
        + draw_box(stage, encode_png(shown.image), box, alt)
        + html.caption(
            unit_sentence(field, unit, stage.image)
            + (" Hatched: padding." if stage.shown != (0, 0, *stage.image) else "")
            + (" The box goes on beyond the picture." if stage.cuts(box) else "")
            + (f" {shown.note}" if shown.note else "")
        )
    )


def _check(chosen: Chosen, asked: Asked) -> None:
    """The tick: theory against the support of the gradient."""
    if chosen.network.macs > _QUICK_MACS and not st.button(
        "Check with a gradient", icon=":material/check:", key="fields.check",
        help="Takes some seconds for a network of this size",
    ):  # fmt: skip
        return
    found: Support = ask_once(  # of the structure: no moment differs from another
        "gradient_support", chosen.base, layer=asked.layer, unit=list(asked.unit), timeout=120.0,
        **chosen.options,
    )  # fmt: skip
    if found.matches:
        st.html(
            html.badge("✓ theory = gradient", "good")
            + html.caption(
                f"With positive weights in this structure, {found.num_pixels:,} pixels have a gradient: "
                "exactly up to the borders of the box."
            )
        )
    else:
        st.html(
            html.badge("theory and gradient differ", "bad")
            + html.caption(
                f"Expected {found.expected}, found {found.found} (top, left, bottom, right)."
            )
        )
