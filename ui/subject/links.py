"""From a network to the pages that look into it."""

from __future__ import annotations

from typing import Final

import streamlit as st

PAGES: Final = (
    ("pages/look/filters.py", "Filters", ":material/grid_view:"),
    ("pages/look/maps.py", "Feature maps", ":material/layers:"),
    ("pages/look/fields.py", "Receptive fields", ":material/center_focus_strong:"),
    ("pages/look/time.py", "Time machine", ":material/history:"),
    ("pages/look/visualize.py", "Feature visualisation", ":material/auto_awesome:"),
    ("pages/explain/saliency.py", "Saliency", ":material/local_fire_department:"),
    ("pages/explain/trust.py", "Trust", ":material/verified:"),
)


def look_links(base_ref: str, **more: str) -> None:
    """A row of links that open this network on every page that looks inside.

    Args:
        base_ref: a model reference without a step, such as `run:<id>`.
        more: further parts of the link, such as `image` or `data`.
    """
    with st.container(horizontal=True, gap="small"):
        for page, label, icon in PAGES:
            st.page_link(page, label=label, icon=icon, query_params={"model": base_ref, **more})
