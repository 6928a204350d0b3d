"""What is said in place of a run that somebody deleted while it was looked at."""

from __future__ import annotations

import streamlit as st

from training.run_store import RunError
from ui.text import sentence_safe


def say_gone(error: RunError) -> None:
    """The sentence, and the way to the runs that are there."""
    st.error(sentence_safe(error), icon=":material/link_off:")
    st.page_link("pages/train/runs.py", label="All runs", icon=":material/stacked_line_chart:")
