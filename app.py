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
        "Look inside": [
            st.Page(
                "pages/look/filters.py",
                title="Filters",
                icon=":material/grid_view:",
                url_path="filters",
            ),
            st.Page(
                "pages/look/maps.py",
                title="Feature maps",
                icon=":material/layers:",
                url_path="maps",
            ),
            st.Page(
                "pages/look/fields.py",
                title="Receptive fields",
                icon=":material/center_focus_strong:",
                url_path="fields",
            ),
            st.Page(
                "pages/look/time.py",
                title="Time machine",
                icon=":material/history:",
                url_path="time",
            ),
            st.Page(
                "pages/look/visualize.py",
                title="Feature visualisation",
                icon=":material/auto_awesome:",
                url_path="visualize",
            ),
        ],
        "Explain": [
            st.Page(
                "pages/explain/saliency.py",
                title="Saliency",
                icon=":material/local_fire_department:",
                url_path="saliency",
            ),
            st.Page(
                "pages/explain/trust.py",
                title="Trust",
                icon=":material/verified:",
                url_path="trust",
            ),
            st.Page(
                "pages/explain/autopsy.py",
                title="Autopsy",
                icon=":material/troubleshoot:",
                url_path="autopsy",
            ),
            st.Page(
                "pages/explain/adversarial.py",
                title="Adversarial",
                icon=":material/bug_report:",
                url_path="adversarial",
            ),
        ],
        "Learn": [
            st.Page(
                "pages/learn/convolution.py",
                title="Convolution",
                icon=":material/calculate:",
                url_path="convolution",
            ),
        ],
    },
    position="top",
)
page.run()
runtime.settle()
