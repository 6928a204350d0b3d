"""Which kernel of a filter is looked at: a strip of all of them, one for each input channel."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui.components.clickable import Box, clickable_picture
from ui.filters.address import put_number, read_number
from ui.filters.numbers import decimals, kernel_lines
from ui.filters.scene import Scene
from viz.figures.filters import filter_tiles, marked_png
from viz.results import Filters

_WIDTH: Final = 760
_HEIGHT: Final = 96


def choose_channel(scene: Scene, found: Filters) -> int:
    """The input channel in the link as `?channel=`; with more than one, a strip to click.

    Args:
        scene: what is looked at.
        found: the chosen filter alone, with as many of its kernels as are shown.
    """
    channel = read_number("channel", found.num_inputs, "input channels")
    if found.num_inputs == 1:
        return 0
    kernels = found.weights[0][:, None]  # (I, 1, kh, kw)
    tiles = filter_tiles(
        kernels, scope="layer", layer_limit=found.layer_limit, network_limit=found.network_limit,
        color=False, width=_WIDTH, height=_HEIGHT,
    )  # fmt: skip
    places = decimals(found.layer_limit)
    names = [scene.input_name(index, found) for index in range(len(kernels))]
    picked = clickable_picture(
        marked_png(tiles, {}), key="filters.channels", grid=[Box(*box) for box in tiles.boxes],
        alt=f"The kernels of filter {scene.number} of layer {scene.layer}, one for each input channel",
        texts=[
            f"{name}\n{kernel_lines(kernel[0], places)}" if kernel.size <= 49 else name
            for name, kernel in zip(names, kernels, strict=True)
        ],
        selected=channel, width=f"{tiles.image.shape[1]}px",
    )  # fmt: skip
    shown = "" if len(kernels) == found.num_inputs else f" The first {len(kernels)} are shown."
    st.caption(
        f"Filter {scene.number} has a kernel for each of {found.num_inputs} input channels; chosen: "
        f"{scene.input_name(channel, found)}.{shown}"
    )
    if picked is not None:
        put_number("channel", picked)
        st.rerun()
    return channel
