"""Shift, rotate or occlude the image and see what moves with it, layer by layer."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from ui import html
from ui.charts import CHART_CONFIG
from ui.looking import glance
from ui.maps.linked import linked_slider
from ui.maps.parts import (
    Colors,
    heading,
    labelled_choice,
    layer_colors,
    layers_with_maps,
    number,
    show_sheet,
)
from ui.subject.bar import Chosen
from ui.subject.layers import choose_layer
from viz.figures.equivariance import plot_layer_changes
from viz.figures.maps import largest
from viz.results import Floats
from viz.results.maps import LayerChange, Moved

KINDS: Final = {"shift": "Shift", "rotate": "Rotate", "occlude": "Occlude"}
_FORMULAS: Final = (
    "x: the image, T: the change, f: the layer. From staying: ‖f(Tx) − f(x)‖ / ‖f(x)‖. From moving along: "
    "‖f(Tx) − T f(x)‖ / ‖T f(x)‖. Classes moved: ½ Σ |p − q|.",
    "x: the image, T: the square, f: the layer. From staying: ‖f(Tx) − f(x)‖ / ‖f(x)‖. "
    "Classes moved: ½ Σ |p − q|.",
)
EXACT: Final = 1e-5  # relative distance below which only rounding is left
_SHOWN: Final = 16
_WIDTH: Final = 250
_HEIGHT: Final = 250


def render_move(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    names = layers_with_maps(chosen.network)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-maps-controls"):
        kind = labelled_choice("Change the image", KINDS, key="motion", default="shift")
        options = _motion(kind, chosen.network.input_shape)
        layer = choose_layer(names, chosen.network)
    moved: Moved = glance(
        "transform", chosen.model, chosen.image, kind=kind, layer=layer, limit=_SHOWN,
        **options, **chosen.options,
    )  # fmt: skip
    change = next((each for each in moved.changes if each.layer == layer), None)
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        _pictures(moved)
        st.html(html.caption(_motion_sentence(moved, kind, options)))
    with right:
        st.html(_meter(moved, change, kind))
        st.plotly_chart(
            plot_layer_changes(moved.changes, moved.probs_moved, chosen=layer, height=290),
            key="maps.moved", config=CHART_CONFIG, alt="How far each layer moved",
        )  # fmt: skip
        st.html(_verdict(change, kind))
        st.html(_probs(moved))


def _motion(kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """The sliders of one kind of motion, as options of the lens."""
    height, width = shape[1], shape[2]
    if kind == "rotate":
        angle = linked_slider("Angle", key="angle", low=-180, high=180, default=15, unit="°")
        return {"angle": float(angle)}
    if kind == "shift":
        return {
            "dx": linked_slider("Right", key="dx", low=-width // 2, high=width // 2, default=2),
            "dy": linked_slider("Down", key="dy", low=-height // 2, high=height // 2, default=0),
        }
    side = max(2, min(height, width) // 4)
    return {
        "left": linked_slider(
            "Left edge", key="left", low=0, high=width - 1, default=(width - side) // 2
        ),
        "top": linked_slider(
            "Top edge", key="top", low=0, high=height - 1, default=(height - side) // 2
        ),
        "size": linked_slider("Side", key="size", low=1, high=min(height, width), default=side),
    }


def _pictures(moved: Moved) -> None:
    colors = layer_colors(np.concatenate([moved.maps_before, moved.maps_after]))
    count = len(moved.maps_before)
    reference = moved.maps_before if moved.maps_expected is None else moved.maps_expected
    difference = moved.maps_after - reference
    stacks = [
        ("Before", moved.before, moved.maps_before, colors, "before"),
        ("After", moved.after, moved.maps_after, colors, "after"),
        (
            "After − before" if moved.maps_expected is None else "After − before moved along",
            None, difference, Colors(largest(difference), True), "difference",
        ),
    ]  # fmt: skip
    for place, (title, image, maps, shade, key) in zip(st.columns(3), stacks, strict=True):
        with place, st.container(gap="xsmall"):
            st.html(heading(title))
            if image is not None:
                picture = html.picture(image, f"The image {title.lower()}")
                st.html(f'<div class="cs-maps-moved">{picture}</div>')
            else:
                st.html(f'<div class="cs-maps-moved cs-maps-note">{escape(_note(moved))}</div>')
            show_sheet(
                maps, range(count), _texts(maps), key=f"maps.{key}", alt=f"Maps {title.lower()}",
                colors=shade, width=_WIDTH, height=_HEIGHT,
            )  # fmt: skip
            st.html(shade.bar())


def _note(moved: Moved) -> str:
    if moved.maps_expected is None:
        return "What the change to the image did to each unit. Pale is 0: nothing changed there."
    return (
        "How far the maps are from those of the first image moved in the same way. Pale is 0: the layer "
        "moves along. Grey: units to which nothing moved, as it came from outside."
    )


def _texts(maps: Floats) -> list[str]:
    return [
        f"Channel {channel}\nlargest size {number(largest(one))}"
        for channel, one in enumerate(maps)
    ]


def _motion_sentence(moved: Moved, kind: str, options: dict[str, Any]) -> str:
    first = f"{moved.layer} ({moved.kind})"
    if len(moved.maps_before) < moved.num_channels:
        first += f", the first {len(moved.maps_before)} of {moved.num_channels} channels"
    text = f"{first}. Before and after share one scale. "
    if kind == "occlude":
        return (
            text
            + f"The square has the data set's mean colour, which the network sees as 0. {moved.note}"
        )
    text += "Bare pixels take the median colour of the image's border. "
    if kind == "rotate":
        return text + f"Pixels and units between others are interpolated linearly. {moved.note}"
    if moved.stride is not None and moved.stride != (1, 1):
        down, right = options["dy"] / moved.stride[0], options["dx"] / moved.stride[1]
        text += f"Units are {moved.stride[1]} pixels apart, so the shift is {number(right)} units right "
        text += f"and {number(down)} down"
        whole = right.is_integer() and down.is_integer()
        text += ". " if whole else "; maps in between are interpolated linearly. "
    return text + moved.note


def _meter(moved: Moved, change: LayerChange | None, kind: str) -> str:
    cells = []
    if change is not None:
        cells.append(
            (
                "Distance from staying", number(change.invariance),
                "Invariance: ‖f(Tx) − f(x)‖ / ‖f(x)‖ over all units of the layer; 0 is invariant",
            )
        )  # fmt: skip
        if kind != "occlude":
            cells.append(
                (
                    "Distance from moving along", number(change.equivariance),
                    "Equivariance: ‖f(Tx) − T f(x)‖ / ‖T f(x)‖ over the units that both have; 0 is "
                    "equivariant (Lenc & Vedaldi 2015)",
                )
            )  # fmt: skip
    cells.append(
        (
            "Classes moved", html.percent(moved.probs_moved),
            "Total variation distance, ½ Σ |p − q|: 0 % the same, 100 % nothing in common",
        )
    )  # fmt: skip
    return html.figures(cells) + html.caption(_FORMULAS[kind == "occlude"])


def _verdict(change: LayerChange | None, kind: str) -> str:
    """What the numbers of this layer prove, with a tick where it is exact."""
    if change is None:
        return ""
    if kind == "occlude":
        if not change.num_unseeing:
            return html.caption(f"Every unit of {change.layer} sees the square.")
        units = f"{change.num_unseeing:,} positions of {change.layer} cannot see the square"
        if change.unseeing <= EXACT:
            return html.caption(f"✓ {units}, and none of their values changed.")
        return html.caption(
            f"{units}, yet values there changed by {number(change.unseeing)} of the largest."
        )
    if not change.num_interior:
        return html.caption(
            f"No unit of {change.layer} has its whole field in both images, so border effects reach all."
        )
    units = f"the {change.num_interior:,} positions of {change.layer} whose whole field lies in both images"
    if change.interior <= EXACT:
        return html.caption(
            f"✓ Away from the border it moves along exactly: distance 0 over {units}."
        )
    return html.caption(
        f"Away from the border its distance from moving along is {number(change.interior)}, over {units}."
    )


def _probs(moved: Moved) -> str:
    before, after = (
        html.probability_bars(probs, moved.classes, target=moved.label, top=3)
        for probs in (moved.probs_before, moved.probs_after)
    )
    return (
        f'<div class="cs-maps-pair"><div>{heading("Before")}{before}</div>'
        f"<div>{heading('After')}{after}</div></div>"
    )
