"""The page the browser tests of the player drive: numbers that are easy to tell, and what Python got."""

import dataclasses
import json

import numpy as np
import streamlit as st

from ui.components.player import Bars, Frame, Line, Pictures, Played, Values, player
from viz.figures.tiles import encode_png

state = st.session_state
state.setdefault("count", 4)
state.setdefault("runs", 0)
if st.button("Grow"):
    state.count += 2
state.runs += 1
plain = st.toggle("Only pictures")
moved = st.toggle("Move the player")
link = st.query_params

steps = [0, 1, 10, 100, 1000, 2000, 3000, 4000][: state.count]
count = len(steps)
# moment t: tile n, row y, column x is t + (10n + 3y + x) / 100
base = (10 * np.arange(2)[:, None, None] + 3 * np.arange(2)[:, None] + np.arange(3)) / 100
values = np.arange(count)[:, None, None, None] + base  # (T, 2, 2, 3)
probs = np.stack([np.linspace(0.1, 0.9, count), 1 - np.linspace(0.1, 0.9, count)], axis=1)
shades = [encode_png(np.full((4, 6), 30 * t, np.uint8)) for t in range(count)]
frames = [Frame(f"Update {step}", caption=f"moment {t}", at=step) for t, step in enumerate(steps)]
if plain:
    shown = player(
        [dataclasses.replace(frame, png=png) for frame, png in zip(frames, shades, strict=True)],
        key="plain",
    )
else:
    with st.container() if moved else st.columns(1)[0]:
        shown = player(
            frames, key="player", label="Moment", live=True,
            start=Played(int(link["at"]) if "at" in link else None),
            panels=[
                Pictures("Shade", shades),
                Values("Maps", values, 10.0, columns=2, notes=[f"note {t}" for t in range(count)], note="All."),
                Values("Table", values[:, :1, :2, :2] / 10, 1.0, scale="sequential", tile="", percent=True,
                       rows=["cat", "dog"], cells=["cat", "dog"], axes=("true", "predicted"), own_scale=False),
                Bars("Chances", ["yes", "no"], probs, target=0),
            ],
            lines=[Line("loss", steps, np.linspace(2, 0.5, count), "#2f7de1", 2.0),
                   Line("accuracy", steps, np.linspace(0, 1, count), "#d9730d", 1.0, percent=True)],
        )  # fmt: skip
st.html(f'<pre id="held">{json.dumps({**dataclasses.asdict(shown), "runs": state.runs})}</pre>')
