"""How a map is shown, apart from what it says: nothing here asks the engine anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import streamlit as st

from ui import html
from ui.saliency.link import read_number, slide, switch
from viz.attribution.method import Method
from viz.attribution.table import METHODS
from viz.figures.attribution import (
    Bytes,
    Extent,
    Floats,
    bar_ends,
    color_map,
    find_extent,
    gradient,
    keep_top,
    overlay,
    stretch,
    sum_channels,
)
from viz.results.attribution import Attribution

OPACITY: Final = 85
TOP: Final = 20
_CLIP: Final = 99.0
_CUT: Final = ("relu", "yes")  # the setting that cuts off what speaks against the answer
_LARGE: Final = 128  # pixels a side from which a photograph is scaled smoothly


@dataclass(frozen=True)
class Display:
    """What the display controls say."""

    opacity: int = OPACITY  # per cent
    clip: float | None = None  # percentile; None: what suits the method
    smooth: bool = False
    masked: bool = False
    top: int = TOP  # per cent of the pixels that a masked image shows
    dark: bool = False  # whether 0 is dark on a signed scale, as on a dark page

    def clip_of(self, found: Attribution) -> float:
        """The percentile for a result."""
        return standard_clip(found) if self.clip is None else self.clip


@dataclass(frozen=True)
class Drawn:
    """A map as it is shown."""

    values: Floats  # (h, w), as the method gave it, channels summed
    placed: Floats  # (H, W) on the image
    extent: Extent
    map: Bytes  # (H, W, 3)
    over: Bytes  # (H, W, 3) the overlay, or the masked image
    shown: int  # pixels that a masked image shows


def is_coarse(found: Attribution) -> bool:
    """Whether the map has fewer places than the image has pixels."""
    return found.values.shape[1:] != found.image.shape[:2]


def standard_clip(found: Attribution) -> float:
    """The percentile without a wish: a map of few places has no outliers among them."""
    return 100.0 if is_coarse(found) else _CLIP


def read_display() -> Display:
    """What the link says."""
    opacity = read_number("opacity", 0, 100, "Opacity")
    clip = read_number("clip", 50, 100, "Clip", whole=False)
    top = read_number("top", 1, 100, "Shown")
    return Display(
        opacity=OPACITY if opacity is None else int(opacity),
        clip=clip,
        smooth=st.query_params.get("smooth") == "1",
        masked=st.query_params.get("masked") == "1",
        top=TOP if top is None else int(top),
        dark=st.context.theme.type == "dark",
    )


def render_display(display: Display, found: Attribution) -> None:
    """The controls, in a row below the picture."""
    standard = standard_clip(found)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-saliency-display"):
        if display.masked:
            slide(
                "Pixels shown", display.top, key="top", low=1, high=100, default=TOP, form="%d %%",
                explain="The pixels that speak most for what is explained stay, the others fade.",
            )  # fmt: skip
        else:
            slide(
                "Opacity", display.opacity, key="opacity", low=0, high=100, default=OPACITY,
                form="%d %%", explain="Of the end colour over the image; weaker values cover less.",
            )  # fmt: skip
        slide(
            "Clip at percentile", display.clip_of(found), key="clip", low=50.0, high=100.0,
            default=standard, step=0.5, form="%g",
            explain="Sizes beyond this percentile take the end colour, so that a few outliers do not "
            "leave all else pale. 100: nothing is clipped.",
        )  # fmt: skip
        switch("Masked image", key="masked", explain="Show only the pixels that speak most for it")
        if is_coarse(found):
            switch(
                "Smooth", key="smooth",
                explain="Blend between the places of the layer. The map has no more places for it: off, "
                "each is one block.",
            )  # fmt: skip


def has_sign(method: Method, settings: Mapping[str, Any] | None = None) -> bool:
    """Whether negative values can occur with these settings, which differ from the defaults.

    Decided by what was asked for and not by what came out: a signed map that happens to have no
    negative value still keeps its two sides.
    """
    return method.signed and method.settings(settings or {}).get(_CUT[0]) != _CUT[1]


def draw(
    found: Attribution,
    display: Display,
    *,
    limit: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Drawn:
    """A result in pictures.

    Args:
        found: of the lens.
        display: how.
        limit: the end of the scale, where several maps share it.
        settings: of the method, that differ from the defaults.
    """
    method = METHODS[found.method]
    values = sum_channels(found.values)
    height, width = found.image.shape[:2]
    extent = find_extent(
        values, percentile=display.clip_of(found), signed=has_sign(method, settings), limit=limit
    )
    placed = stretch(values, (height, width), smooth=display.smooth)
    shown = 0
    if display.masked:
        over, shown = keep_top(found.image, placed, display.top / 100)
    else:
        over = overlay(
            found.image, placed, extent, opacity=display.opacity / 100, dark=display.dark
        )
    return Drawn(values, placed, extent, color_map(placed, extent, dark=display.dark), over, shown)


def picture(pixels: Bytes, alt: str) -> str:
    """An image as HTML; small ones keep their pixels sharp."""
    kind = " cs-saliency-photo" if min(pixels.shape[:2]) >= _LARGE else ""
    return f'<div class="cs-saliency-picture{kind}">{html.picture(pixels, alt)}</div>'


def color_bar(extent: Extent, *, words: bool = False, dark: bool = False) -> str:
    """The colours with the values at their ends, and what the ends mean."""
    if is_empty(extent):
        return '<div class="cs-saliency-scale"><span>0 everywhere</span></div>'
    low, high = bar_ends(extent)
    middle = "<span>0</span>" if extent.signed and words else ""
    against = "<em>speaks against</em>" if extent.signed else "<em>no influence</em>"
    speaks = "<em>speaks for it</em>" if extent.signed else "<em>most influence</em>"
    if not words:
        against = speaks = ""
    return (
        f'<div class="cs-saliency-scale">{against}<span>{escape(low)}</span>'
        f'<i style="background:{gradient(extent, dark=dark)}">{middle}</i>'
        f"<span>{escape(high)}</span>{speaks}</div>"
    )


def is_empty(extent: Extent) -> bool:
    """Whether a map says nothing at all."""
    return not math.isfinite(extent.largest) or extent.largest == 0
