"""ConvScope's entry: page config, navigation, shared style; nothing else."""

import streamlit as st

from ui import runtime, style

st.set_page_config(page_title="ConvScope", page_icon=style.icon(), layout="wide")
runtime.start_engine()
style.apply()

page = st.navigation(
    {
        "": [
            st.Page("pages/home/home.py", title="Home", icon=":material/home:", default=True),
        ],
        "Train": [
            st.Page(
                "pages/train/live.py", title="Live", icon=":material/monitoring:", url_path="live"
            ),
            st.Page(
                "pages/train/runs.py",
                title="Runs",
                icon=":material/stacked_line_chart:",
                url_path="runs",
            ),
        ],
    },
    position="top",
)
page.run()
runtime.settle()
