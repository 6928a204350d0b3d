"""One number of the network, taken apart: what it is made of, written out, and equal to torch's.

Layer and unit stand in the link (`?layer=&unit=c,y,x`; a number of a row is `c,0,0`), so a click on
a map, an arrow key and a link from another view all lead to the same place.
"""

from __future__ import annotations

import math
from dataclasses import replace
from html import escape
from typing import Final

import streamlit as st

from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.looking import glance
from ui.maps.parts import MOST_TEXTS
from ui.subject.address import MAIN, read
from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer, choose_unit, set_layer, set_unit
from ui.text import markdown_safe
from ui.unit.explained import explained_html, sources_of
from ui.unit.grids import framed, map_scale
from ui.unit.numbers import number
from ui.url_state import choice, upcoming
from viz.figures.tiles import montage_maps
from viz.results import Floats
from viz.results.network import LayerInfo, NetworkMap
from viz.results.units import InputSum, StepInfo, StepList, UnitView, WindowSum

_ROWS: Final = {"8": "8", "32": "32", "128": "128"}
_MAP_PIXELS: Final = 264
_ARROWS: Final = {"Left": "←", "Up": "↑", "Down": "↓", "Right": "→"}
Place = tuple[int, int, int]


def render_unit(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    # what steps there are is the same at every moment
    steps: StepList = ask_once("steps", chosen.base, **chosen.options)
    known = [step for step in steps.steps if len(step.shape) in (1, 3)]
    _name_the_step(steps)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-unit-controls"):
        layer = choose_layer(
            [step.name for step in known], _as_network(chosen.network, known), default=_first(known)
        )
        told_apart = st.container(gap=None, width="content")
    step = next(one for one in known if one.name == layer)
    shape = _as_map(step.shape)
    unit = choose_unit(shape)
    view: UnitView = glance(
        "unit", chosen.model, chosen.image, layer=layer,
        unit=None if unit is None else list(unit[: len(step.shape)]), rows=_rows(), **chosen.options,
    )  # fmt: skip
    if _can_tell_more(view):
        with told_apart:
            st.caption("Channels or inputs told apart")
            choice("Told apart", _ROWS, key="rows", default=next(iter(_ROWS)))
    at = _as_place(view.unit)
    left, right = st.columns([1, 2.9], gap="medium")
    with left:
        _where(view, at, shape)
        if chosen.network.find(layer) is not None:
            unit_text = ",".join(map(str, at))
            st.page_link(
                "pages/look/visualize.py", label="What would excite it most",
                icon=":material/auto_awesome:",
                query_params={**read(MAIN), "goal": "unit", "layer": layer, "unit": unit_text},
            )  # fmt: skip
    with right:
        _sum(view, step, chosen.network)


def _where(view: UnitView, at: Place, shape: Place) -> None:
    """The unit on its own map, ways to its neighbours, and what it sees of the image."""
    st.html(
        f'<p class="cs-unit-title">{escape(_unit_name(view))} <span>of {escape(view.layer)}</span></p>'
    )
    columns = _columns(view.values)
    picked = _clickable(view, at, columns)
    with st.container(horizontal=True, gap="xsmall", key="cs-unit-moves"):
        for key, to in _neighbours(at, shape, columns).items():
            _move(_ARROWS.get(key, key), key, to, shape)
    if picked is not None and picked != at:
        set_unit(picked)
        st.rerun()
    size = view.image.shape[:2]
    picture = html.picture(view.image, "The input image")
    if view.box is None:
        st.html(f'<div style="width:180px">{picture}</div>')
        return
    box = framed(picture, (size[0], size[1]), view.box, width="180px")
    st.html(box + html.caption(_box_sentence(view, view.box)))


def _sum(view: UnitView, step: StepInfo, network: NetworkMap) -> None:
    targets = sources_of(view)
    if targets:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Follow it back to", width="content")
            for layer, unit in targets:
                words = f"{layer} [{', '.join(map(str, unit))}]"
                st.button(
                    markdown_safe(words), key=f"unit.back.{layer}.{unit}", type="tertiary",
                    icon=":material/arrow_back:", on_click=_go, args=(layer, _as_place(unit)),
                )  # fmt: skip
    st.html(explained_html(view))


def _clickable(view: UnitView, at: Place, columns: int) -> Place | None:
    """The unit's own map, or the row it stands in folded into lines; what was clicked just now."""
    values = view.values
    scale, limit = map_scale(values)
    lines, count = math.ceil(values.size / columns), values.size
    zoom = max(1, _MAP_PIXELS // max(lines, columns))
    # one tile a number, so that places after the last one of a row stay empty
    [tiles] = montage_maps([values.reshape(-1, 1, 1)], columns=columns, zoom=zoom, gap=0)
    picked = clickable_picture(
        tiles.png(), key="unit.map", alt=f"{view.layer}, where the unit stands",
        texts=_texts(view),
        grid=Grid(lines, columns, 0, (zoom, zoom), count),
        selected=at[1] * columns + at[2] if values.ndim == 2 else at[0],
        width=f"{max(120, columns * zoom)}px",
    )  # fmt: skip
    st.html(html.color_bar(scale, limit))
    if picked is None:
        return None
    return (at[0], *divmod(picked, columns)) if values.ndim == 2 else (picked, 0, 0)


def _texts(view: UnitView) -> list[str] | None:
    """What each number says on hover; None: so many that their places have to do."""
    if view.values.size > MOST_TEXTS:
        return None
    return [f"{_cell(i, view)}: {number(float(value))}" for i, value in enumerate(view.values.flat)]


def _columns(values: Floats) -> int:
    """How many numbers stand beside each other."""
    if values.ndim == 2:
        return int(values.shape[1])
    return min(len(values), 10 if len(values) <= 400 else 40)


def _cell(position: int, view: UnitView) -> str:
    if view.values.ndim == 2:
        row, column = divmod(position, view.values.shape[1])
        return f"{view.unit[0]}, {row}, {column}"
    return _number_name(position, view)


def _number_name(index: int, view: UnitView) -> str:
    names: tuple[str, ...] = getattr(view.explanation, "names", ())
    named = bool(names) and names[index] != str(index)
    return f"{index} ({names[index]})" if named else str(index)


def _neighbours(at: Place, shape: Place, columns: int) -> dict[str, Place]:
    """Where the keys lead; in a row of numbers up and down go a line of the picture."""
    channel, row, column = at
    if shape[1:] == (1, 1):
        steps = {"Left": -1, "Up": -columns, "Down": columns, "Right": 1}
        return {key: (channel + step, 0, 0) for key, step in steps.items()}
    return {
        "Left": (channel, row, column - 1), "Up": (channel, row - 1, column),
        "Down": (channel, row + 1, column), "Right": (channel, row, column + 1),
        "PageUp": (channel - 1, row, column), "PageDown": (channel + 1, row, column),
    }  # fmt: skip


def _move(label: str, key: str, to: Place, shape: Place) -> None:
    words = {"PageUp": ("− channel", "Channel before"), "PageDown": ("+ channel", "Next channel")}
    shown, hint = words.get(key, (label, "Neighbour"))
    inside = all(0 <= one < side for one, side in zip(to, shape, strict=True))
    st.button(
        shown, key=f"unit.move.{key}", help=f"{hint} (key {label})", disabled=not inside,
        shortcut=key if inside else None, on_click=set_unit, args=(to,),
    )  # fmt: skip


def _go(layer: str, unit: Place) -> None:
    set_layer(layer)
    set_unit(unit)


def _rows() -> int:
    """How many channels or inputs are told apart; the control comes later, where it is needed."""
    return int(upcoming("rows", _ROWS, next(iter(_ROWS))))


def _can_tell_more(view: UnitView) -> bool:
    found = view.explanation
    match found:
        case WindowSum():
            shown = len(found.channels)
        case InputSum():
            shown = len(found.terms)
        case _:
            return False
    return found.rest_count > 0 or shown > int(next(iter(_ROWS)))


def _name_the_step(steps: StepList) -> None:
    """A link may name a block: its output is that of its last step."""
    linked = st.query_params.get("layer")
    found = steps.find(linked) if linked is not None else None
    if found is not None and found.name != linked:
        st.query_params["layer"] = found.name


def _as_network(network: NetworkMap, steps: list[StepInfo]) -> NetworkMap:
    """The steps as layers, so that the picker can tell their kinds and shapes."""
    layers = tuple(
        LayerInfo(step.name, step.kind, True, (), step.shape, 0, 0, step.inputs) for step in steps
    )
    return replace(network, layers=layers)


def _first(steps: list[StepInfo]) -> str:
    """The first convolution, else the first step."""
    return next((step.name for step in steps if "Conv" in step.kind), steps[0].name)


def _unit_name(view: UnitView) -> str:
    if len(view.unit) == 1:
        return f"Number {_number_name(view.unit[0], view)} = {number(view.value)}"
    return f"Unit {', '.join(map(str, view.unit))} = {number(view.value)}"


def _box_sentence(view: UnitView, box: tuple[int, int, int, int]) -> str:
    top, left, bottom, right = box
    height, width = view.image.shape[:2]
    if (top, left, bottom, right) == (0, 0, height, width):
        text = "It sees the whole image."
    else:
        outside = top < 0 or left < 0 or bottom > height or right > width
        text = f"It sees rows {top} to {bottom - 1} and columns {left} to {right - 1}".replace(
            "-", "−"
        )
        text += "; hatched: padding." if outside else "."
    return " ".join(part for part in (text, view.box_note, view.note) if part)


def _as_map(shape: tuple[int, ...]) -> Place:
    return (shape[0], 1, 1) if len(shape) == 1 else (shape[0], shape[1], shape[2])


def _as_place(unit: tuple[int, ...]) -> Place:
    return (unit[0], 0, 0) if len(unit) == 1 else (unit[0], unit[1], unit[2])
