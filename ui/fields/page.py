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
from ui.fields.effective import (
    field_html,
    growth_csv,
    heat_csv,
    render_growth,
)
from ui.fields.growth import Filling, gather_growth
from ui.fields.stacks import render_stacks
from ui.fields.table import rows_shown, table_csv, table_html
from ui.fields.unit_view import Seen, render_unit
from ui.fields.words import note, padding, pair, position, short
from ui.subject.bar import Chosen, subject_bar
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer
from ui.text import sentence_safe
from ui.time.past import is_active
from viz.results.fields import FieldGrowth, FieldTable, LayerField
from viz.results.network import NetworkMap

_SOME_UNITS: Final = 4
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
        if table.layers:
            _fields(chosen, table)
        else:
            st.info("This network has no layer that an image leads to: choose another.")
            _rest()
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
        _rest()


def _fields(chosen: Chosen, table: FieldTable) -> None:
    field, channel = _choose(chosen, table)
    seen = render_unit(chosen, table, field, channel, _channel_count(chosen, field.layer))
    training = st.container()  # filled last: it takes seconds, and what follows it takes none
    _layers(table, field)
    _rest()
    with training:
        _training(chosen, table, seen)


def _rest() -> None:
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


def _choose(chosen: Chosen, table: FieldTable) -> tuple[LayerField, int | None]:
    """Layer and channel, and the layer's numbers, in one row."""
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


def _figures(field: LayerField) -> str:
    if not field.placed:
        return html.figures([("receptive field", "the whole image", note(field))])
    return html.figures(
        [
            ("receptive field", f"{pair(field.size)} px", "Rows × columns of the image that a unit sees"),
            ("stride on the image", f"{short(field.stride)} px", "All strides up to here, multiplied"),
            ("padding of the image", f"{padding(field)} px", "How far the first box reaches beyond the image"),
            ("box of unit (y, x) begins at", position(field), "First row, first column"),
            ("units", pair(field.units), "Positions of the layer's maps"),
        ]
    )  # fmt: skip


def _training(chosen: Chosen, table: FieldTable, seen: Seen) -> None:
    """How the field changed while the network learned, and everything to take away."""
    growth: FieldGrowth | None = None
    active = chosen.history is not None and is_active(chosen.history)
    place = st.empty()
    try:
        for filling in gather_growth(chosen, seen.asked):
            growth = filling.growth
            with place.container():
                _growth(filling, seen, active=active)
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
    if chosen.history is None:
        st.caption("No earlier moments of this network are kept, so there is no growth to show.")
    _downloads(table, seen, growth)


def _growth(filling: Filling, seen: Seen, *, active: bool) -> None:
    """The curve beside the fields at its ends, as far as it is there."""
    fields, there = filling.growth.fields, len(filling.growth.fields)
    curve, before, after = st.columns([2, 1, 1], gap="medium")
    with curve:
        # One run may draw a key once: a chart that still fills has another each time.
        key = "fields.growth" if filling.done else f"fields.growth.{there}"
        render_growth(filling.growth, seen.now.step, key=key, active=active)
        if not filling.done:
            st.html(html.caption(f"{there} of {filling.total} moments so far."))
    for place, word, found in (
        (before, "Before", fields[0]),
        (after, "Latest" if active else "After", fields[-1]),
    ):
        with place:
            st.html(field_html(found, seen.stage, f"{word}: update {found.step:,}"))


def _downloads(table: FieldTable, seen: Seen, growth: FieldGrowth | None) -> None:
    name = "".join(char if char.isalnum() else "_" for char in seen.now.layer)
    with st.popover("Download", icon=":material/download:", width="content"):
        st.download_button(
            "All layers (CSV)",
            table_csv(table),
            "receptive_fields.csv",
            "text/csv",
            key="fields.csv",
        )
        st.download_button(
            "Effective field (CSV)", heat_csv(seen.now), f"field_{name}.csv", "text/csv", key="fields.heat"
        )  # fmt: skip
        if growth is not None:
            st.download_button(
                "Growth (CSV)", growth_csv(growth), f"growth_{name}.csv", "text/csv",
                key="fields.growth_csv",
            )  # fmt: skip


def _layers(table: FieldTable, field: LayerField) -> None:
    st.subheader("All layers", anchor=False)
    many = any(not each.leaf for each in table.layers)
    blocks = many and st.toggle("Blocks too", key="fields.blocks")
    st.html(table_html(rows_shown(table, blocks=blocks), field.layer))
