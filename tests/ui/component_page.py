"""The page the browser tests of the components drive: a pad, an editor, and what Python holds."""

import json

import streamlit as st

from models.layers import Activation, Conv, Flatten, Linear, Pool
from ui.components.draw_pad import draw_pad
from ui.components.layer_editor import layer_editor
from ui.components.layer_rows import dump_layers

FIRST = (
    Conv(out_channels=6, kernel_size=5),
    Activation(),
    Pool(),
    Flatten(),
    Linear(),
)
SECOND = (Flatten(), Linear())

state = st.session_state
state.setdefault("net", FIRST)
if st.button("Another network"):
    state.net = SECOND
colour = st.toggle("Colour images")
size = st.segmented_control("Size", [16, 28], default=28, required=True)
shown = st.toggle("Show the pad", value=True)
moved = st.toggle("Move the pad")

edited = layer_editor(
    state.net, input_shape=(3, 32, 32) if colour else (1, 28, 28), num_classes=10, key="net.editor"
)
state.net = edited.layers
held = {"layers": dump_layers(edited.layers), "problem": edited.problem}
st.html(f'<pre id="held-net">{json.dumps(held)}</pre>')

with st.container() if moved else st.columns(2)[1]:
    drawing = draw_pad(key="pad", size=size) if shown else None
st.html(f'<pre id="held-drawing">{json.dumps(None if drawing is None else drawing.tolist())}</pre>')
