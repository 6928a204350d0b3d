"""Receptive fields: what a unit can see, by the structure of the network, and what it does see.

Click a unit of a layer's map: its exact box on the image stands beside it, padding included, and
beside that where inside the box the network really looks. Below: how that changed in training, the
table of all layers, and why 3×3 kernels are stacked.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.fields import effective
from ui.fields.effective import Asked
from ui.fields.stacks import render_stacks
from ui.fields.stage import Stage, draw_box, stage_for
from ui.fields.table import rows_shown, table_csv, table_html
from ui.fields.words import note, padding, pair, position, short, unit_sentence
from ui.looking import glance
from ui.subject.bar import Chosen, subject_bar
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer, choose_unit, set_unit
from ui.text import sentence_safe
from viz.figures.fields import map_png
from viz.figures.tiles import encode_png
from viz.results.fields import EffectiveField, FieldGrowth, FieldTable, LayerField, Support, UnitMap
from viz.results.network import NetworkMap

_QUICK_MACS: Final = 1e9  # up to which the gradient check runs unasked
_SOME_UNITS: Final = 4
_MANY_UNITS: Final = 4096  # beyond which units have no words on hover
_ALL: Final = -1
_SOURCES: Final = (
    "Araujo, Norris and Sim, [Computing receptive fields of convolutional neural networks]"
    "(https://distill.pub/2019/computing-receptive-fields/), Distill 2019 · Luo, Li, Urtasun and Zemel, "
    "[Understanding the effective receptive field](https://arxiv.org/abs/1701.04128), NeurIPS 2016 · "
    "Simonyan and Zisserman, [Very deep convolutional networks](https://arxiv.org/abs/1409.1556), ICLR 2015"
)


def render() -> None:
    """The page."""
    chosen = subject_bar()
    if chosen is None:
        return
    try:
        table: FieldTable = ask_once("receptive_fields", chosen.base, **chosen.options)
        picked = _choose(chosen, table)
        if picked is None:
            st.info("This network has no layer that an image leads to: choose another.")
        else:
            _unit(chosen, table, *picked)
            _layers(table, picked[0])
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
    render_stacks()
    st.caption(_SOURCES)


def default_layer(table: FieldTable, network: NetworkMap) -> str:
    """The last convolution with some units to choose from, else the last layer that has any."""
    convolutions = {each.name for each in network.convolutions}
    for each in reversed(table.layers):
        if each.layer in convolutions and each.placed and min(each.units) >= _SOME_UNITS:
            return each.layer
    placed = [
        each.layer for each in table.layers if each.leaf and each.placed and each.units != (1, 1)
    ]
    return placed[-1] if placed else table.layers[-1].layer


def _choose(chosen: Chosen, table: FieldTable) -> tuple[LayerField, int | None] | None:
    """Layer and channel, and the layer's numbers, in one row; None: there is no layer."""
    if not table.layers:
        return None
    picker, channels, numbers = st.columns([1.3, 0.8, 3], vertical_alignment="bottom", gap="medium")
    with picker:
        standard = default_layer(table, chosen.network)
        names = [each.layer for each in table.layers]
        layer = choose_layer(names, chosen.network, default=standard)
    field = next(each for each in table.layers if each.layer == layer)
    with channels:
        channel = _channel(_channel_count(chosen, layer))
    with numbers:
        st.html(_figures(field))
    return field, channel


def _channel_count(chosen: Chosen, layer: str) -> int:
    info = chosen.network.find(layer)
    return info.out_shape[0] if info is not None and info.out_shape else 1


def _figures(field: LayerField) -> str:
    if not field.placed:
        return html.figures([("receptive field", "the whole image", note(field))])
    return html.figures(
        [
            ("receptive field", f"{pair(field.size)} px", "Rows × columns of the image that a unit sees"),
            ("stride", f"{short(field.stride)} px", "From one unit's box to the next one's"),
            ("padding", f"{padding(field)} px", "How far the first unit's box reaches beyond the image"),
            ("box of unit (y, x) begins at", position(field), "First row, first column"),
            ("units", pair(field.units), "Positions of the layer's maps"),
        ]
    )  # fmt: skip


def _unit(chosen: Chosen, table: FieldTable, field: LayerField, channel: int | None) -> None:
    """The map to click on, the box on the image, and the effective field beside it."""
    shape = (_channel_count(chosen, field.layer), *field.units)
    linked = choose_unit(shape) if field.placed else None
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
    now = growth = None
    with looks, st.container(gap="xsmall"):
        now = effective.fetch_now(chosen, asked)
        title = "What it does see" if now.step is None else f"What it does see, update {now.step:,}"
        st.html(effective.field_html(now, stage, title))
        st.html(effective.field_figures(now) + html.caption(effective.now_sentence(now)))
    if field.misaligned:
        st.caption(f":material/warning: {sentence_safe(field.misaligned)}")
    growth = effective.fetch_growth(chosen, asked)
    if growth is None:
        st.caption("No earlier moments of this network are kept, so there is no growth to show.")
    else:
        _training(growth, stage, now.step)
    _downloads(table, now, growth)


def _channel(count: int) -> int | None:
    """Whose map and gradient, in the link as `?channel=`; None: all channels."""
    linked = st.query_params.get("channel")
    valid = linked is None or (linked.isdecimal() and len(linked) < 7 and int(linked) < count)
    if not valid:
        st.caption(
            f":material/info: This layer has no channel {sentence_safe(repr(linked)[:20])}: all are shown."
        )
    key = "fields.channel"
    channel = int(linked) if linked is not None and valid else _ALL
    st.session_state[key] = channel

    def take() -> None:
        if st.session_state[key] == _ALL:
            st.query_params.pop("channel", None)
        else:
            st.query_params["channel"] = str(st.session_state[key])

    st.selectbox(
        "Channel", [_ALL, *range(count)], key=key, on_change=take,
        format_func=lambda each: "All" if each == _ALL else str(each),
        help="Whose map is shown and whose gradient is taken; all: the sum of all channels",
    )  # fmt: skip
    return None if channel == _ALL else channel


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
    return float(abs(shown.values).max(initial=0.0))


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
    found: Support = glance(
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


def _training(growth: FieldGrowth, stage: Stage, step: int | None) -> None:
    first, last = growth.fields[0], growth.fields[-1]
    curve, before, after = st.columns([2, 1, 1], gap="medium")
    with curve:
        effective.render_growth(growth, step)
    for place, word, found in ((before, "Before", first), (after, "After", last)):
        with place:
            st.html(effective.field_html(found, stage, f"{word}: update {found.step:,}"))


def _downloads(table: FieldTable, now: EffectiveField, growth: FieldGrowth | None) -> None:
    name = "".join(char if char.isalnum() else "_" for char in now.layer)
    with st.popover("Download", icon=":material/download:", width="content"):
        st.download_button(
            "All layers (CSV)",
            table_csv(table),
            "receptive_fields.csv",
            "text/csv",
            key="fields.csv",
        )
        st.download_button(
            "Effective field (CSV)", effective.heat_csv(now), f"field_{name}.csv", "text/csv", key="fields.heat"
        )  # fmt: skip
        if growth is not None:
            st.download_button(
                "Growth (CSV)", effective.growth_csv(growth), f"growth_{name}.csv", "text/csv",
                key="fields.growth_csv",
            )  # fmt: skip


def _layers(table: FieldTable, field: LayerField) -> None:
    st.subheader("All layers", anchor=False)
    many = any(not each.leaf for each in table.layers)
    blocks = many and st.toggle("Blocks too", key="fields.blocks")
    st.html(table_html(rows_shown(table, blocks=blocks), field.layer))
