"""Paint out: click patches of the image away and see what the network says at once.

Beside it: what would become of the answer if each patch alone were painted out, so one sees where to
click. Both pictures can be clicked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.case import Case
from ui.autopsy.label_words import named
from ui.components.clickable import Box, clickable_picture
from ui.downloads import download_picture
from ui.looking import glance
from ui.maps.parts import heading
from ui.saliency.link import pick, put, read_word, say
from ui.streaming import watch
from ui.text import sentence_safe
from viz.figures.attribution import enlarge, find_extent, overlay, stretch
from viz.figures.tiles import encode_png
from viz.results.autopsy import PatchEffects, Repaint

FILLS: Final = {
    "mean": "Mean colour",
    "blur": "Blurred",
    "neighbours": "From around",
}
BRUSHES: Final = {"1": "One patch", "3": "3 × 3"}
_SIDES: Final = (28, 16, 14, 8, 7, 4)
_SIDE: Final = 288  # pixels of a picture
_EDGE: Final = (47, 125, 225)  # the accent colour
_HEX: Final = re.compile(r"[0-9a-f]{1,256}")


def grid_sides(height: int, width: int) -> list[int]:
    """Patches a side that can be chosen: whole pixels each where that goes."""
    least = min(height, width)
    found = [side for side in _SIDES if side <= least and least % side == 0]
    if 28 in found:  # pictures of 28, 224: not two grids that are nearly the same
        found = [28, 14, 7, 4]
    return found[::-1] or [side for side in (2, 4, 8) if side <= least] or [1]


def read_cells(text: str | None, count: int) -> list[int] | None:
    """Patches of the link, where bit i of a hexadecimal number is patch i; None: it is none."""
    if text is None:
        return []
    if not _HEX.fullmatch(text) or int(text, 16) >> count:
        return None
    bits = int(text, 16)
    return [cell for cell in range(count) if bits >> cell & 1]


def write_cells(cells: list[int]) -> str | None:
    """The patches as the link has them; None for none."""
    return f"{sum(1 << cell for cell in set(cells)):x}" if cells else None


def brushed(cell: int, brush: int, grid: tuple[int, int]) -> list[int]:
    """The patches that a click on `cell` is about."""
    row, column = divmod(cell, grid[1])
    reach = range(-(brush // 2), brush // 2 + 1)
    return [
        (row + y) * grid[1] + column + x
        for y in reach
        for x in reach
        if 0 <= row + y < grid[0] and 0 <= column + x < grid[1]
    ]


def toggled(cells: list[int], touched: list[int], clicked: int) -> list[int]:
    """All touched patches painted out if the clicked one was not, else all shown again."""
    return sorted(set(cells) - set(touched) if clicked in cells else set(cells) | set(touched))


@st.fragment
def render_paint(case: Case) -> None:
    """The view; a click reruns nothing else."""
    try:
        _paint(case)
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")


def _paint(case: Case) -> None:
    chosen = case.chosen
    height, width = case.said.image.shape[:2]
    side, fill, brush = _controls(height, width)
    grid = _grid(height, width, side)
    cells = read_cells(st.query_params.get("paint"), grid[0] * grid[1])
    if cells is None:
        say("The link's patches do not fit this grid: none is painted out.")
        cells = []
    found: Repaint = glance(
        "repaint", chosen.model, chosen.image, patches=side, cells=cells, fill=fill,
        **chosen.options,
    )  # fmt: skip
    left, right = st.columns(2, gap="small")
    with left:
        st.html(heading("Click patches to paint them out"))
        texts = [
            f"row {cell // grid[1] + 1}, column {cell % grid[1] + 1}\n"
            + ("painted out; click to show it" if cell in cells else "click to paint it out")
            for cell in range(grid[0] * grid[1])
        ]
        clicked = _picture(
            found.painted, grid, "autopsy.paint", "The painted image", texts, marked=cells
        )
        _answers(case, found)
    with right:
        st.html(heading(f"Each patch alone: loss of {named(case.classes, case.answer)}"))
        effects, other = _effects(case, side, fill, grid)
        clicked = other if clicked is None else clicked
    if clicked is not None:
        put(paint=write_cells(toggled(cells, brushed(clicked, brush, grid), clicked)))
        st.rerun(scope="fragment")
    st.html(f'<p class="cs-autopsy-sentence">{escape(_sentence(case, found))}</p>')
    _buttons(case, found, effects)


def _controls(height: int, width: int) -> tuple[int, str, int]:
    sides = [str(side) for side in grid_sides(height, width)]
    standard = sides[min(1, len(sides) - 1)]
    side = read_word("grid", sides, standard, "grid")
    fill = read_word("fill", list(FILLS), "mean", "filling")
    brush = read_word("brush", list(BRUSHES), "1", "brush")
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-autopsy-paint"):
        _pick_grid(sides, side, standard)
        pick("Painted with", FILLS, fill, key="fill", default="mean")
        pick("Brush", BRUSHES, brush, key="brush", default="1")
    return int(side), fill, int(brush)


def _pick_grid(sides: list[str], side: str, standard: str) -> None:
    """Another grid: what was painted out on the old one leaves."""
    key = "autopsy.grid"
    st.session_state[key] = side

    def changed() -> None:
        value = st.session_state[key]
        put(grid=None if value == standard else value, paint=None)

    st.segmented_control(
        "Patches a side", sides, key=key, on_change=changed, required=True,
        help="Into how many patches the shorter side is cut",
    )  # fmt: skip


def _grid(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns, as the lens cuts them."""
    patch = min(height, width) / side
    return round(height / patch), round(width / patch)


def _picture(
    pixels: Any,
    grid: tuple[int, int],
    key: str,
    alt: str,
    texts: list[str],
    marked: Sequence[int] = (),
) -> int | None:
    """A picture (H, W, C) whose patches can be clicked; the one that was. `marked` have an edge."""
    height, width = pixels.shape[:2]
    large = enlarge(pixels, _SIDE)
    zoom = large.shape[0] // height
    ends = [
        [-(-cell * size // count) * zoom for cell in range(count + 1)]
        for size, count in ((height, grid[0]), (width, grid[1]))
    ]
    boxes = [
        Box(ends[1][x], ends[0][y], ends[1][x + 1], ends[0][y + 1])
        for y in range(grid[0])
        for x in range(grid[1])
    ]
    picture = np.broadcast_to(large, (*large.shape[:2], 3)).copy()
    for cell in marked:
        box = boxes[cell]
        inner = picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
        inner[[0, -1]] = inner[:, [0, -1]] = _EDGE
    return clickable_picture(
        encode_png(picture), key=key, alt=alt, grid=boxes, texts=texts, width=f"{_SIDE}px"
    )


def _effects(
    case: Case, side: int, fill: str, grid: tuple[int, int]
) -> tuple[PatchEffects | None, int | None]:
    """The heat map, drawn as it fills; and the patch that was clicked on it, once it is whole."""
    chosen = case.chosen

    def show(result: PatchEffects) -> None:
        st.html(html.picture(_heat(result), "What each patch does"))

    place = st.empty()
    with place.container(gap=None):
        found: PatchEffects | None = watch(
            "patch_effects", chosen.model, chosen.image, key="autopsy.effects", timeout=600.0,
            draw=show,
            patches=side, fill=fill, target=case.answer, **chosen.options,
        )  # fmt: skip
    if found is None or found.share < 1:
        return found, None
    texts = [
        f"row {y + 1}, column {x + 1}\n{case.name(found.target)} "
        f"{html.percent(float(found.before[found.target] - found.drop[y, x]))}, "
        f"was {html.percent(float(found.before[found.target]))}\nsays {case.name(int(found.answers[y, x]))}"
        for y in range(grid[0])
        for x in range(grid[1])
    ]
    with place.container(gap=None):
        picked = _picture(
            _heat(found), grid, "autopsy.effects.picture", "What each patch does", texts
        )
        limit = float(np.nanmax(np.abs(found.drop), initial=0.0))
        st.html(html.color_bar("diverging", limit))
        flips = int((found.answers != found.target).sum())
        st.html(
            html.caption(
                f"Probability lost when the patch alone is painted out; orange patches held the answer up. "
                f"{flips} of {found.drop.size} patches change the answer by themselves."
            )
        )
    return found, picked


def _heat(found: PatchEffects) -> Any:
    """The changes over the image."""
    extent = find_extent(found.drop, percentile=100, signed=True)
    placed = stretch(found.drop, found.image.shape[:2], smooth=False)
    known = np.nan_to_num(placed, nan=0.0)
    return overlay(found.image, known, extent, opacity=0.85)


def _answers(case: Case, found: Repaint) -> None:
    """What the network says now, and what it said of the whole image."""
    order = list(dict.fromkeys([case.answer, _after(found), case.rival]))
    rows = []
    for index in order:
        mark = "" if not case.known else " cs-true" if index == case.truth else " cs-other"
        tick = "✓ " if case.known and index == case.truth else ""
        now, before = float(found.after[index]), float(found.before[index])
        rows.append(
            f'<div class="cs-bar{mark}" style="--share:{np.nan_to_num(now) * 100:.1f}%">'
            f"<span>{tick}{escape(found.classes[index])}</span>"
            f"<b>{html.whole_percent(before)} → {html.whole_percent(now)}</b></div>"
        )
    st.html(f'<div class="cs-autopsy-bars">{"".join(rows)}</div>')


def _after(found: Repaint) -> int:
    return int(np.nan_to_num(found.after, nan=-1).argmax())


def _sentence(case: Case, found: Repaint) -> str:
    if not found.cells:
        return "Nothing is painted out yet. Paint out what you think misled it."
    after = _after(found)
    before = float(found.before[case.answer])
    now = float(found.after[case.answer])
    count = f"{len(found.cells)} of {found.grid[0] * found.grid[1]} patches painted out"
    change = (
        f"{count}: {named(case.classes, case.answer)} goes from {html.percent(before)} to "
        f"{html.percent(now)}"
    )
    if after == case.answer:
        return f"{change}; the answer stays."
    verdict = ""
    if case.wrong and after == case.truth:
        verdict = ", which is right: what is hidden now had misled it"
    return f"{change}; the answer becomes {named(found.classes, after)}{verdict}."


def _buttons(case: Case, found: Repaint, effects: PatchEffects | None) -> None:
    count = found.grid[0] * found.grid[1]
    cells = list(found.cells)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Clear", icon=":material/ink_eraser:", key="autopsy.clear", disabled=not cells,
            on_click=lambda: put(paint=None),
        )  # fmt: skip
        rest = [cell for cell in range(count) if cell not in cells]
        st.button(
            "Swap", icon=":material/invert_colors:", key="autopsy.swap", disabled=not cells,
            help="Paint out the others: what is left alone, is it enough?",
            on_click=lambda: put(paint=write_cells(rest)),
        )  # fmt: skip
        strongest = _strongest(effects, cells)
        st.button(
            "Paint out the strongest", icon=":material/north_east:", key="autopsy.strongest",
            disabled=strongest is None,
            help="The patch that alone costs the answer most, of those still shown",
            on_click=lambda: put(paint=write_cells([*cells, *([] if strongest is None else [strongest])])),
        )  # fmt: skip
        download_picture(
            f"Painted {case.chosen.title}", key="autopsy.paint.download",
            png=lambda: encode_png(found.painted),
            arrays={
                "painted": found.painted, "cells": np.array(cells, np.int64),
                "before": found.before, "after": found.after,
                "drop": np.zeros((0, 0), np.float32) if effects is None else effects.drop,
            },
        )  # fmt: skip


def _strongest(effects: PatchEffects | None, cells: list[int]) -> int | None:
    if effects is None or effects.share < 1:
        return None
    drop = effects.drop.ravel().copy()
    drop[cells] = -np.inf
    best = int(np.nan_to_num(drop, nan=-np.inf).argmax())
    return best if np.isfinite(drop[best]) else None
