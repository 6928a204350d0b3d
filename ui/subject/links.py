"""From a network to the pages that look into it."""

from __future__ import annotations

import streamlit as st

from ui.pages import PAGES


def look_links(base_ref: str, **more: str) -> None:
    """A row of links that open this network on every page that looks inside.

    Args:
        base_ref: a model reference without a step, such as `run:<id>`.
        more: further parts of the link, such as `image` or `data`.
    """
    with st.container(horizontal=True, gap="small"):
        for page in PAGES:
            if page.lens:
                query = {"model": base_ref, **more}
                st.page_link(page.path, label=page.title, icon=page.icon, query_params=query)
