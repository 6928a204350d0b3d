"""All maps of one layer for one image, one of them large, and where its units truly sit on the image."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from ui import html
from ui.downloads import download_picture
from ui.looking import glance
from ui.maps.blank import blank_sentence, channel_facts
from ui.maps.parts import (
    COUNTS,
    Colors,
    Unit,
    heading,
    labelled_choice,
    layer_colors,
    layers_with_maps,
    make_sheet,
    number,
    shapes,
    show_map,
    show_sheet,
    strongest,
)
from ui.subject.bar import Chosen
from ui.subject.layers import choose_layer, choose_unit, set_unit
from viz.figures.maps import SheetScaling, largest, place_on_image
from viz.results import Ints
from viz.results.maps import ChannelStatistics, LayerSheet

SORTS: Final = {
    "channel": "Channel",
    "mean": "Mean",
    "max": "Highest",
    "selectivity": "Class selectivity",
}
SCALINGS: Final[dict[str, SheetScaling]] = {"unit": "unit", "layer": "layer", "global": "global"}
_SCALING_WORDS: Final = {"unit": "Each map", "layer": "Layer", "global": "Network"}


def render_maps(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    names = layers_with_maps(chosen.network)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-maps-controls"):
        layer = choose_layer(names, chosen.network)
        sort = labelled_choice("Sort by", SORTS, key="sort", default="channel")
        scaling = SCALINGS[
            labelled_choice("One scale for", _SCALING_WORDS, key="scale", default="layer")
        ]
        info = chosen.network.find(layer)
        many = info is not None and info.out_shape[0] > 64
        count = (
            labelled_choice("Show", {name: name for name in COUNTS}, key="show", default="64")
            if many
            else "64"
        )
    wanted = {"peak": True} if scaling == "global" else {}
    sheet: LayerSheet = glance(
        "layer_maps", chosen.model, chosen.image, layer=layer, **wanted, **chosen.options
    )
    colors = layer_colors(sheet.maps, sheet.peak)
    left, right = st.columns([1.25, 1], gap="medium")
    statistics = None
    if sort == "selectivity":
        with left:
            statistics = _statistics(chosen, layer)
    order = sort_channels(sheet, sort, statistics)[: COUNTS[count]]
    unit = _unit(sheet, int(order[0]), colors)
    with left:
        picked = show_sheet(
            sheet.maps, order, _tile_texts(sheet, order, statistics), key="maps.sheet",
            alt=f"Feature maps of {layer}", colors=colors, scaling=scaling, selected=unit[0],
        )  # fmt: skip
        st.html(colors.bar(scaling) + html.caption(_layer_sentence(sheet, len(order))))
        download_picture(
            f"Feature maps of {layer}", key="maps.download",
            png=lambda: make_sheet(sheet.maps[order], colors, scaling).png(),
            arrays={"maps": sheet.maps[order], "channels": order},
        )  # fmt: skip
    if picked is not None:
        place = strongest(sheet.maps[picked], signed=colors.signed)
        set_unit((picked, *place))
        st.rerun()
    with right:
        _zoom(sheet, unit, colors, scaling)
        if statistics is None:
            statistics = _statistics(chosen, layer)
        st.html(channel_facts(sheet, unit[0], statistics))


def sort_channels(sheet: LayerSheet, sort: str, statistics: ChannelStatistics | None) -> Ints:
    """Channels in the order asked for, the largest first; those without a number last."""
    flat = sheet.maps.reshape(len(sheet.maps), -1)
    if sort == "mean":
        values = flat.mean(axis=1)
    elif sort == "max":
        values = flat.max(axis=1)
    elif sort == "selectivity" and statistics is not None:
        values = statistics.selectivity
    else:
        return np.arange(len(flat))
    order: Ints = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    return order


def _statistics(chosen: Chosen, layer: str) -> ChannelStatistics:
    found: ChannelStatistics = glance(
        "map_statistics", chosen.model, layer=layer, timeout=120.0, **chosen.options
    )
    return found


def _unit(sheet: LayerSheet, first: int, colors: Colors) -> Unit:
    """The unit of the link, else the strongest of the first map."""
    unit = choose_unit(sheet.maps.shape)
    if unit is not None:
        return unit
    return (first, *strongest(sheet.maps[first], signed=colors.signed))


def _zoom(sheet: LayerSheet, unit: Unit, colors: Colors, scaling: SheetScaling) -> None:
    channel, row, column = unit
    one = sheet.maps[channel]
    if scaling == "unit":
        colors = Colors(largest(one), colors.signed)
    beside, on_image = st.columns(2, gap="small")
    with beside, st.container(gap="xsmall"):
        st.html(heading(f"Channel {channel}"))
        picked = show_map(
            one, key="maps.map", alt=f"Channel {channel} of {sheet.layer}", colors=colors,
            selected=(row, column),
        )  # fmt: skip
        st.html(colors.bar())
    if picked is not None:
        set_unit((channel, *picked))
        st.rerun()
    with on_image, st.container(gap="xsmall"):
        st.html(heading("On the image"))
        st.html(_on_image(sheet, unit, colors))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(html.caption(_unit_sentence(sheet, unit)), width="stretch")
        st.button(
            "Written out", icon=":material/calculate:", key="maps.write_out", on_click=_write_out,
            args=(unit,), help="The products and their sum that make this unit's value",
        )  # fmt: skip
    blank = blank_sentence(sheet, channel)
    if blank:
        st.html(f'<p class="cs-maps-blank">{escape(blank)}</p>')


def _write_out(unit: Unit) -> None:
    set_unit(unit)
    st.session_state["view"] = "unit"


def _on_image(sheet: LayerSheet, unit: Unit, colors: Colors) -> str:
    if sheet.geometry is None:
        return html.picture(sheet.image, "The input image")
    placed = place_on_image(
        sheet.image, sheet.maps[unit[0]], sheet.geometry, limit=colors.limit, signed=colors.signed,
        unit=unit[1:],
    )  # fmt: skip
    picture = html.picture(placed.pixels, f"Channel {unit[0]} where its units sit on the image")
    return f'<div class="cs-maps-placed">{picture}</div>'


def _unit_sentence(sheet: LayerSheet, unit: Unit) -> str:
    channel, row, column = unit
    text = f"Unit {channel}, {row}, {column} = {number(float(sheet.maps[unit]), 4)}"
    if sheet.geometry is None:
        return f"{text}. Where it sits on the image is not known: no path to it could be followed."
    top, left, bottom, right = sheet.geometry.box(row, column)
    height, width = sheet.geometry.image
    if sheet.geometry.whole:
        return f"{text} and sees the whole image, {height}×{width} pixels."
    outside = top < 0 or left < 0 or bottom > height or right > width
    where = f"rows {_span(top, bottom)} and columns {_span(left, right)}"
    return f"{text} and sees {where}" + (
        "; hatched: beyond the image, in the padding." if outside else "."
    )


def _layer_sentence(sheet: LayerSheet, shown: int) -> str:
    count, *sides = sheet.maps.shape
    some = "" if shown == count else f", {shown} shown"
    text = f"{sheet.layer} ({sheet.kind}): {count} maps of {shapes(sides)}{some}. "
    if sheet.calls > 1:
        text += f"The network runs it {sheet.calls} times; these are of the last time. "
    geometry = sheet.geometry
    if geometry is not None and geometry.whole:
        text += "Every unit sees the whole image. "
    elif geometry is not None:
        text += f"A unit sees {shapes(geometry.size)} pixels; the next one starts "
        text += f"{geometry.stride[1]} px further. "
        off = geometry.offset_of_stretching((sides[0], sides[1]))
        if off >= 0.75:
            text += f"A map merely stretched over the image would misplace units by up to {off:.3g} pixels. "
    if geometry is not None and geometry.misaligned:
        text += geometry.misaligned + " "
    finite = np.isfinite(sheet.maps)
    if not finite.all():
        text += f"{int((~finite).sum()):,} values are no numbers (grey): the network has diverged. "
    return text + sheet.note


def _tile_texts(sheet: LayerSheet, order: Ints, statistics: ChannelStatistics | None) -> list[str]:
    texts = []
    for channel in order:
        one = sheet.maps[channel]
        text = f"Channel {channel}\nmean {number(one.mean())}, highest {number(one.max())}"
        if statistics is not None and np.isfinite(statistics.selectivity[channel]):
            label = statistics.classes[statistics.favourite[channel]]
            text += f"\nselectivity {statistics.selectivity[channel]:.2f}, most for {label}"
        if blank_sentence(sheet, int(channel)):
            text += "\none value everywhere"
        texts.append(text)
    return texts


def _span(low: int, high: int) -> str:
    return f"{low} to {high - 1}".replace("-", "−")
