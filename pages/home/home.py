"""Home: one click to a network that learns, what ran lately, and what each page is for."""

import streamlit as st

from engine.protocol import EngineError
from training.presets import get_preset
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
    st.page_link(
        "pages/train/live.py",
        label="**Live**: choose images, a network and an optimiser; train; watch",
        icon=":material/monitoring:",
    )
    st.page_link(
        "pages/train/runs.py",
        label="**Runs**: reopen, compare, race settings, average over seeds",
        icon=":material/stacked_line_chart:",
    )
    st.page_link(
        "pages/look/filters.py",
        label="**Filters**: weights and what they answer to; edit one, knock one out",
        icon=":material/grid_view:",
    )
    st.page_link(
        "pages/look/maps.py",
        label="**Feature maps**: every layer's answer to an image, down to one unit's sum",
        icon=":material/layers:",
    )
    st.page_link(
        "pages/look/fields.py",
        label="**Receptive fields**: what a unit can see, and what it does see",
        icon=":material/center_focus_strong:",
    )
    st.page_link(
        "pages/look/time.py",
        label="**Time machine**: scrub back through a network's training",
        icon=":material/history:",
    )
    st.page_link(
        "pages/learn/convolution.py",
        label="**Convolution**: the arithmetic, number by number",
        icon=":material/calculate:",
    )

with runs:
    st.subheader("Recent runs")
    newest = recent_runs(limit=6)
    render_showcase(newest)
