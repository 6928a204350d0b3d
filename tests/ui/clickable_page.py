"""The page the browser tests of the clickable picture drive: a grid, boxes, and what Python got."""

import json

import numpy as np
import streamlit as st

from ui.components.clickable import Box, Grid, clickable_picture
from viz.figures.tiles import encode_png

GRID = Grid(rows=3, columns=4, gap=2, tile=(8, 10), count=10)
BOXES = (
    Box(0, 0, 46, 28),
    Box(4, 4, 14, 14),
    Box(30, 4, 40, 14),
    Box(30, 18, 40, 26),
    Box(4, 18, 14, 26),
)

state = st.session_state
state.setdefault("shade", 60)
state.setdefault("clicks", [])
if st.button("New picture"):
    state.shade += 40
boxes = st.toggle("Boxes")
said = st.toggle("Say something", value=True)

canvas = np.full(
    (28, 46, 3), 255, np.uint8
)  # (H, W, RGB): 3 rows of 8 and 4 columns of 10, gaps of 2
for index in range(10):
    top, left = index // 4 * 10, index % 4 * 12
    canvas[top : top + 8, left : left + 10] = (state.shade, 20 * index, 128)
cells = BOXES if boxes else GRID
count = len(BOXES) if boxes else GRID.count
linked = st.query_params.get("cell")
picked = clickable_picture(
    encode_png(canvas), key="maps", alt="Ten maps", grid=cells,
    texts=[f"cell {index}\nmean {index / 2}" for index in range(count)] if said else None,
    selected=None if linked is None else int(linked), width="460px",
)  # fmt: skip
if picked is not None:
    state.clicks.append(picked)
    st.query_params["cell"] = str(picked)
    st.rerun()
st.html(f'<pre id="held">{json.dumps({"clicks": state.clicks, "shade": state.shade})}</pre>')
