"""Many maps beside each other: each a tile with a title that opens it, and a place that fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

import streamlit as st

from ui.saliency.display import Display, Drawn, color_bar, draw, is_empty, picture
from ui.saliency.link import pick
from ui.saliency.words import empty_words
from ui.text import markdown_safe
from viz.results.attribution import Attribution

WIDTH: Final = 154  # pixels of a tile
_SHOWN: Final = {"over": "On the image", "map": "Map alone"}


def open_view(view: str) -> None:
    """Go to another view of this page; in a callback."""
    st.session_state["view"] = view


def choose_shown() -> str:
    """Whether tiles show the map alone or on its image, in the link as `?show=`."""
    linked = st.query_params.get("show", "over")
    shown = linked if linked in _SHOWN else "over"
    pick("Show", _SHOWN, shown, key="show", default="over", hidden=True)
    return shown


def place_tiles(*, tall: bool = False) -> Any:
    """Where tiles stand, as many a row as fit; `tall`: with room for titles of two lines."""
    key = "cs-saliency-tiles-tall" if tall else "cs-saliency-tiles"
    return st.container(horizontal=True, gap="small", key=key)


def tile(
    name: str, title: str, *, width: int = WIDTH, explain: str | None = None,
    open_it: Callable[..., None], args: tuple[Any, ...] = (),
) -> Any:  # fmt: skip
    """One tile with its title; the place below it, to be filled."""
    with st.container(key=f"saliency-cell-{name}", width=width):
        st.button(
            markdown_safe(title), key=f"saliency-open-{name}", type="tertiary", help=explain,
            on_click=open_it, args=args, width="stretch",
        )  # fmt: skip
        return st.empty()


def wait(place: Any, words: str) -> None:
    """What stands in a tile that has no picture."""
    place.html(f'<div class="cs-saliency-wait"><span>{escape(words)}</span></div>')


def tile_html(
    found: Attribution,
    display: Display,
    shown: str,
    *,
    line: str = "",
    beside: bool = False,
    limit: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """A picture with its own colour bar and a line below, which is HTML already.

    Args:
        found: the result.
        display: how.
        shown: "map" or "over".
        line: below.
        beside: whether the image stands beside it.
        limit: the end of the scale, where tiles share it.
        settings: of the method, that differ from the defaults.
    """
    drawn = draw(found, display, limit=limit, settings=settings)
    inner = picture(drawn.map if shown == "map" else drawn.over, f"{found.method} for {found.aim}")
    if beside:
        inner = f'<div class="cs-saliency-two">{picture(found.image, "The image")}{inner}</div>'
    return (
        f"{inner}{color_bar(drawn.extent, dark=display.dark)}"
        f'<div class="cs-saliency-small">{_empty(found, drawn)}{line}</div>'
    )


def _empty(found: Attribution, drawn: Drawn) -> str:
    """Why there is nothing to see."""
    if not is_empty(drawn.extent) or found.share < 1:
        return ""
    return f"<p>{escape(empty_words(found))}</p>"
