"""The same layer twice, and the difference: one network for two images, or one image in two networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st

from ui import html
from ui.looking import glance
from ui.maps.parts import (
    Colors,
    heading,
    labelled_choice,
    layer_colors,
    layers_with_maps,
    number,
    shapes,
    show_map,
    show_sheet,
    strongest,
)
from ui.subject.bar import Chosen, second_image, second_model
from ui.subject.layers import choose_layer, choose_unit, set_unit
from ui.text import markdown_safe
from viz.figures.maps import largest
from viz.results import Floats, Ints
from viz.results.maps import Comparison, LayerSheet, compare_maps

WITH: Final = {"model": "Another network or moment", "image": "Another image"}
ORDERS: Final = {"channel": "Channel", "difference": "Difference"}
_SHOWN: Final = 48  # channels; three sheets stand side by side
_WIDTH: Final = 400
_HEIGHT: Final = 330


def render_compare(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    names = layers_with_maps(chosen.network)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-maps-controls"):
        with_what = labelled_choice("Compare with", WITH, key="with", default="model")
        layer = choose_layer(names, chosen.network)
        order = labelled_choice("Sort by", ORDERS, key="order", default="channel")
    if with_what == "image":
        image: str | None = second_image(chosen)
        model = chosen
        here, there = "This image", "The other image"
    else:
        found = second_model()
        if found is None:
            return
        model, image = found, chosen.image
        here, there = _moment(chosen), _moment(found)
    if model.network.find(layer) is None:
        st.info(
            f"{markdown_safe(model.title)} has no layer {markdown_safe(layer)}: choose a layer that "
            "both have, or another network."
        )
        return
    first: LayerSheet = glance(
        "layer_maps", chosen.model, chosen.image, layer=layer, **chosen.options
    )
    second: LayerSheet = glance("layer_maps", model.model, image, layer=layer, **model.options)
    if first.maps.shape != second.maps.shape:
        _apart(first, second)
        return
    _together(first, second, here, there, order)


def _moment(chosen: Chosen) -> str:
    """Which network and moment, in a few words."""
    return chosen.title if chosen.step is None else f"{chosen.title}, update {chosen.step:,}"


def _apart(first: LayerSheet, second: LayerSheet) -> None:
    """Maps of different shapes stand side by side; nothing can be subtracted."""
    for place, sheet, key in zip(st.columns(2), (first, second), ("first", "second"), strict=True):
        with place:
            _sheet(
                sheet.maps, range(min(_SHOWN, len(sheet.maps))), [], key, layer_colors(sheet.maps)
            )
    st.info(
        f"The layer has {shapes(first.maps.shape)} values in one and {shapes(second.maps.shape)} in "
        "the other, so there is no difference to show: choose networks or layers of the same shape."
    )


def _together(first: LayerSheet, second: LayerSheet, here: str, there: str, order: str) -> None:
    compared = compare_maps(first.maps, second.maps)
    both = np.concatenate([first.maps, second.maps])
    colors = layer_colors(both)
    difference = Colors(largest(compared.difference), True)
    channels = _order(compared, order)[:_SHOWN]
    texts = _texts(compared, channels)
    _numbers(compared)
    unit = choose_unit(first.maps.shape)
    channel = int(channels[0]) if unit is None else unit[0]
    stacks = (
        (here, first.maps, colors, "first"),
        (there, second.maps, colors, "second"),
        ("Difference: second − first", compared.difference, difference, "difference"),
    )
    picked = None
    for place, (title, maps, shade, key) in zip(st.columns(3, gap="medium"), stacks, strict=True):
        with place, st.container(gap="xsmall"):
            st.html(heading(title))
            clicked = _sheet(maps, channels, texts, key, shade, selected=channel)
            st.html(shade.bar())
        picked = clicked if clicked is not None else picked
    if picked is not None:
        set_unit((picked, *strongest(compared.difference[picked], signed=True)))
        st.rerun()
    _one(stacks, channel, unit)
    more = (
        ""
        if len(channels) == len(first.maps)
        else f" The first {len(channels)} channels are shown."
    )
    st.html(
        html.caption(
            "Both sheets share one scale; in the difference, orange is where the second is higher, blue "
            f"where it is lower.{more} {second.note}"
        )
    )


def _one(
    stacks: Sequence[tuple[str, Floats, Colors, str]],
    channel: int,
    unit: tuple[int, int, int] | None,
) -> None:
    """The chosen channel large, three times."""
    for place, (_, maps, shade, key) in zip(st.columns(3, gap="medium"), stacks, strict=True):
        with place, st.container(gap="xsmall"):
            st.html(heading(f"Channel {channel}"))
            picked = show_map(
                maps[channel], key=f"compare.{key}.map", alt=f"Channel {channel}", colors=shade,
                selected=None if unit is None else unit[1:], side=260,
            )  # fmt: skip
            if unit is not None:
                st.html(html.caption(f"Unit {unit[1]}, {unit[2]}: {number(float(maps[unit]), 4)}"))
        if picked is not None:
            set_unit((channel, *picked))
            st.rerun()


def _sheet(
    maps: Floats,
    channels: Sequence[int] | Ints,
    texts: Sequence[str],
    key: str,
    colors: Colors,
    selected: int | None = None,
) -> int | None:
    return show_sheet(
        maps, channels, texts or [f"Channel {channel}" for channel in channels],
        key=f"compare.{key}", alt=f"Feature maps, {key}", colors=colors, selected=selected,
        width=_WIDTH, height=_HEIGHT,
    )  # fmt: skip


def _numbers(compared: Comparison) -> None:
    st.html(
        html.figures(
            [
                (
                    "Cosine similarity", number(compared.total_cosine),
                    "1: the same up to a factor, 0: nothing in common; over all values of the layer",
                ),
                (
                    "‖second − first‖ / ‖first‖", number(compared.total_relative),
                    "Relative difference over all values of the layer; 0: the same",
                ),
                (
                    "Most changed channel", _most(compared.relative),
                    "by ‖second − first‖ / ‖first‖ of the channel",
                ),
                (
                    "Least similar channel", _most(-compared.cosine),
                    "by cosine similarity of the channel",
                ),
            ]
        )
    )  # fmt: skip


def _most(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    if not np.isfinite(values).any():
        return "none"
    return str(int(np.nanargmax(values)))


def _order(compared: Comparison, order: str) -> Ints:
    if order == "channel":
        return np.arange(len(compared.relative))
    sizes = np.linalg.norm(compared.difference.reshape(len(compared.relative), -1), axis=1)
    ranked: Ints = np.argsort(-np.nan_to_num(sizes, nan=np.inf), kind="stable")
    return ranked


def _texts(compared: Comparison, channels: Ints) -> list[str]:
    return [
        f"Channel {channel}\ncosine similarity {number(compared.cosine[channel])}\n"
        f"relative difference {number(compared.relative[channel])}"
        for channel in channels
    ]
