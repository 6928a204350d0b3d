"""Home: one click to a network that learns, what ran lately, and what each page is for."""

import streamlit as st

from engine.protocol import EngineError
from training.presets import get_preset
from ui.pages import sections
from ui.run_list import recent_runs
from ui.showcase import render_showcase
from ui.status import engine_line
from ui.submitting import submit
from ui.text import sentence_safe

FIRST_RUN = "digits_quick"

intro, runs = st.columns([5, 6], gap="large")

with intro:
    st.title("ConvScope")
    st.markdown(
        "Train a small convolutional network in your browser and look at **that same network** while it "
        "learns and after: its filters, its feature maps, its mistakes."
    )
    preset = get_preset(FIRST_RUN)
    if st.button(
        "Train a network now", type="primary", icon=":material/play_arrow:", width="stretch"
    ):
        try:
            [run_id] = submit([preset.spec], form="home")
        except EngineError as error:
            st.error(sentence_safe(error))
        else:
            st.switch_page("pages/train/live.py", query_params={"run": run_id})
    st.caption(f"{preset.title}. {preset.teaches}")
    engine_line()

    st.subheader("Where to go")
    for section, pages in sections().items():
        st.caption(section)
        for page in pages:
            st.page_link(page.path, label=f"**{page.title}**: {page.what}", icon=page.icon)

with runs:
    st.subheader("Recent runs")
    newest = recent_runs(limit=6)
    render_showcase(newest)
