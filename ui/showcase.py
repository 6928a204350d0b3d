"""The picture on the home page: what the newest network says, or, before there is one, what there is
to learn from."""

from __future__ import annotations

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.looking import glance
from ui.prediction_tiles import prediction_tiles
from ui.run_list import RunRow
from viz.results import ContactSheet, Predictions

PICTURES = 24
PATIENCE = 1.5  # seconds: nobody waits for a decoration


def render_showcase(newest: RunRow | None) -> None:
    """Drawn only when the engine has it at hand."""
    try:
        if newest is not None and newest.follower.snapshots:
            _newest(newest)
        else:
            _images()
    except EngineError:
        return  # it warms up, is busy, or the status line above says what is wrong with it


def _newest(row: RunRow) -> None:
    found: Predictions = glance(
        "predictions", f"run:{row.run_id}", count=PICTURES, patience=PATIENCE
    )
    st.subheader("What the newest network says")
    st.html(prediction_tiles(found, top=1, width="5.4rem"))
    st.caption("Images it never trained on. Blue with ✓: right. Orange: its answer is wrong.")


def _images() -> None:
    st.subheader("Images to learn from, here at once")
    for name in ("digits", "shapes"):
        sheet: ContactSheet = glance(
            "contact_sheet", dataset={"name": name}, count=PICTURES // 2, patience=PATIENCE
        )
        cells = [
            html.picture(image, sheet.classes[int(label)]) + html.caption(sheet.classes[int(label)])
            for image, label in zip(sheet.images, sheet.labels, strict=True)
        ]
        st.html(html.tiles(cells, width="4.4rem"))
