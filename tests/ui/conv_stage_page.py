"""The page the browser tests of the stage drive: one preset (`?preset=`, `own` for
the setting in the link), and what Python got."""

import json
from dataclasses import asdict

import numpy as np
import streamlit as st

from ui.components.conv_stage import conv_stage, place_of
from ui.components.kernel_pad import kernel_pad
from ui.convolution.link import read_exercise
from viz.arithmetic.presets import PRESETS
from viz.arithmetic.steps import build_steps

name = st.query_params.get("preset", "padded_strided")
exercise = read_exercise(st.query_params)[0] if name == "own" else PRESETS[name].exercise
steps = build_steps(exercise.setting, exercise.numbers)
edit = conv_stage(
    steps,
    titles=("First", "Second")[: len(steps)],
    key="stage",
    label=name,
    at=place_of(st.query_params.get("at")),
)
if edit is not None:
    st.session_state.edit = asdict(edit)
with st.container(key="pad"):
    kernel = kernel_pad(np.array(st.session_state.get("kernel", [[0.0] * 3] * 3)), key="kernel_pad")
if kernel is not None:
    st.session_state.kernel = kernel.tolist()
if st.button("Another kernel"):
    st.session_state.kernel = [[1.0] * 3] * 3
    st.rerun()
held = {
    "kernel": st.session_state.get("kernel"),
    "preset": name,
    "edit": st.session_state.get("edit"),
    "outputs": [step.output.tolist() for step in steps],
}
st.html(f'<pre id="held">{json.dumps(held)}</pre>')
