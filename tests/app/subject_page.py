"""A page with nothing but the bar, a layer and a unit: what the tests of `ui.subject` drive."""

import json

import streamlit as st

from ui import runtime, style
from ui.subject.bar import second_image, second_model, subject_bar
from ui.subject.layers import choose_layer, choose_unit

st.set_page_config(page_title="Subject", layout="wide")
runtime.start_engine()
style.apply()
query, state = st.query_params, st.session_state
state["runs"] = state.get("runs", 0) + 1
chosen = subject_bar(image=query.get("bar") != "model", moment=query.get("bar") != "image")
if chosen is not None:
    held = {
        "model": chosen.model,
        "base": chosen.base,
        "step": chosen.step,
        "image": chosen.image,
        "options": dict(chosen.options),
        "steps": chosen.steps,
        "title": chosen.title,
        "runs": state["runs"],  # of the whole page: what the bar's own fragments leave alone
    }
    st.html(f'<pre id="held-subject">{json.dumps(held)}</pre>')
    layer = choose_layer([one.name for one in chosen.network.maps], chosen.network)
    info = chosen.network.find(layer)
    if info is not None:
        st.html(f"<pre>{json.dumps({'layer': layer, 'unit': choose_unit(info.out_shape)})}</pre>")
    if "compare" in query:
        other = second_model()
        if other is not None:
            second = {"model": other.model, "image": second_image(chosen)}
            st.html(f"<pre>{json.dumps({'second': second})}</pre>")
