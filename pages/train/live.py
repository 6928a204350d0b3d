"""Live: set a run up, or watch and steer the one the link names (`?run=<run_id>`)."""

import streamlit as st

from training.run_store import RunError
from ui import live_run, live_setup, runtime
from ui.text import sentence_safe

run_id = st.query_params.get("run")
if run_id is None:
    live_setup.render(st.query_params.get("from"))
else:
    try:
        runtime.store().spec(run_id)
    except RunError as error:
        st.error(sentence_safe(error), icon=":material/link_off:")
        st.page_link("pages/train/runs.py", label="All runs", icon=":material/stacked_line_chart:")
    else:
        live_run.render(run_id)
