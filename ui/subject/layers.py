"""Which layer, and which unit of it, is looked at: `?layer=features.3&unit=5,10,12`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import streamlit as st

from ui.text import markdown_safe, sentence_safe
from viz.results.network import LayerInfo, NetworkMap

_UNIT: Final = re.compile(r"(\d{1,6}),(\d{1,6}),(\d{1,6})")


def choose_layer(
    names: Sequence[str], network: NetworkMap, *, key: str = "layer", default: str | None = None,
    label: str = "Layer",
) -> str:  # fmt: skip
    """A searchable list of layers whose choice lives in the link as `?key=`.

    A layer that the link names and the network does not have is said to be left out: the network
    may have been changed in the same link.

    A network that has none to choose from, such as one without convolutions, ends the page here
    with a sentence.

    Args:
        names: the dotted names to choose from, in the order shown.
        network: tells kinds and shapes.
        default: of `names`; None: the first.
        label: what is chosen, where a page has several.

    Returns:
        One of `names`.
    """
    if not names:
        st.caption(
            f":material/info: {markdown_safe(network.title)} has no layer to choose here: "
            "choose another network above."
        )
        st.stop()
    start = default if default is not None and default in names else names[0]
    linked = st.query_params.get(key, start)
    chosen = linked if linked in names else start
    if linked != chosen:
        st.caption(
            f":material/info: This network has no layer {markdown_safe(linked[:40])} to choose here; "
            f"{markdown_safe(start)} is shown instead."
        )
    infos = {layer.name: layer for layer in network.layers}
    widget = f"subject.{key}"
    st.session_state[widget] = chosen

    def take() -> None:
        set_layer(st.session_state[widget], key=key, default=start)

    st.selectbox(
        label, list(names), key=widget, on_change=take,
        format_func=lambda name: layer_title(name, infos.get(name)),
    )  # fmt: skip
    return chosen


def set_layer(name: str, *, key: str = "layer", default: str | None = None) -> None:
    """Put another layer into the link, as a click on a picture does; a unit of the old one leaves."""
    if name == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = name
    st.query_params.pop("unit", None)


def layer_title(name: str, info: LayerInfo | None) -> str:
    """`features.3 · Conv2d · 16×14×14`."""
    if info is None:
        return name
    return f"{name} · {info.kind} · {'×'.join(map(str, info.out_shape))}"


def choose_unit(shape: Sequence[int], *, key: str = "unit") -> tuple[int, int, int] | None:
    """The unit (channel, row, column) that the link names, None for none.

    One that lies outside `shape` is left out with a sentence: it belonged to another layer.

    Args:
        shape: (C, H, W) of the layer.
    """
    text = st.query_params.get(key)
    if text is None:
        return None
    match = _UNIT.fullmatch(text)
    if match is None:
        st.caption(
            f":material/info: {sentence_safe(repr(text[:30]))} names no unit: write channel,row,column."
        )
        return None
    channel, row, column = (int(part) for part in match.groups())
    if channel < shape[0] and row < shape[1] and column < shape[2]:
        return channel, row, column
    size = "×".join(map(str, shape))
    st.caption(
        f":material/info: Unit {channel}, {row}, {column} is not in this layer of {size}: choose another."
    )
    return None


def set_unit(unit: tuple[int, int, int] | None, *, key: str = "unit") -> None:
    """Put the unit a person clicked into the link."""
    if unit is None:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = ",".join(map(str, unit))
