"""The whole network as one picture, whichever network it is: layers as columns, maps as thumbnails.

Folded blocks that a person has opened stand in the link as `?open=`.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui import html
from ui.components.overview import Picked, overview_picture
from ui.looking import glance
from ui.maps.overview_data import overview_data, scale_sentence
from ui.subject.bar import Chosen
from ui.subject.layers import set_layer, set_unit
from ui.url_state import choice
from viz.figures.tiles import Scaling
from viz.results.overview import Overview

_PICKS: Final = {"strongest": "Strongest maps", "first": "First maps"}
_SCALING_WORDS: Final = {"unit": "Each map", "layer": "Layer", "global": "Network"}
_SCALINGS: Final[dict[str, Scaling]] = {
    "unit": "per_map",
    "layer": "per_layer",
    "global": "global",
}
_MOST_OPEN: Final = 12


def render_overview(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="cs-overview-controls"):
        pick = _labelled("Show", _PICKS, "pick", "strongest")
        scale = _labelled("One scale for", _SCALING_WORDS, "scale", "layer")
    scaling = _SCALINGS[scale]
    opened = _opened()
    found: Overview = glance(
        "overview", chosen.model, chosen.image, opened=opened, choose=pick, **chosen.options
    )

    def take(picked: Picked) -> None:
        if picked.open is not None:
            _write([*opened, picked.open][-_MOST_OPEN:])
        elif picked.close is not None:
            inside = f"{picked.close}."
            _write([n for n in opened if n != picked.close and not n.startswith(inside)])
        elif picked.column is not None and picked.index is not None:
            _go_to_unit(found, picked.column, picked.index)

    overview_picture(
        overview_data(found, chosen.title, scaling=scaling), key="maps.overview", on_pick=take
    )
    unknown = [name for name in opened if name not in found.foldable]
    left_out = (
        f" The link opens {', '.join(unknown)[:80]}, which is no block of this network, or is laid "
        "out anyway."
        if unknown
        else ""
    )
    st.html(html.caption(f"{scale_sentence(scaling)} {found.note}{left_out}"))


def _labelled(label: str, options: dict[str, str], key: str, default: str) -> str:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.caption(label, width="content")
        return choice(label, options, key=key, default=default)


def _go_to_unit(found: Overview, column: int, index: int) -> None:
    """The strongest unit of a map, taken apart in the Unit view."""
    one = found.columns[column]
    row, place = one.peaks[index]
    st.session_state["view"] = st.query_params["view"] = "unit"
    set_layer(one.step)
    set_unit((int(one.channels[index]), int(row), int(place)))


def _opened() -> list[str]:
    names = st.query_params.get("open", "").split(",")
    return [name for name in names if name and len(name) <= 200][:_MOST_OPEN]


def _write(opened: list[str]) -> None:
    if opened:
        st.query_params["open"] = ",".join(dict.fromkeys(opened))
    else:
        st.query_params.pop("open", None)
