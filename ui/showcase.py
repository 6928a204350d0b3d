"""The picture on the home page: what the newest network says, or, before there is one, what there is
to learn from."""

from __future__ import annotations

import streamlit as st

from engine.protocol import EngineError
from ui import html, runtime
from ui.run_list import RunRow
from viz.results import ContactSheet, Predictions

PICTURES = 24


def render_showcase(newest: RunRow | None) -> None:
    """Drawn only when the engine is warm: nobody waits for a decoration."""
    try:
        if not runtime.engine().capacity().ready:
            return
        if newest is not None and newest.follower.snapshots:
            _newest(newest)
        else:
            _images()
    except EngineError:
        return  # the status line above says what is wrong with the engine


def _newest(row: RunRow) -> None:
    found: Predictions = runtime.engine().look("predictions", f"run:{row.run_id}", count=PICTURES)
    st.subheader("What the newest network says")
    cells = [
        html.picture(image, f"A held-out {found.classes[int(label)]}")
        + html.probability_bars(probs, found.classes, target=int(label), top=1)
        for image, label, probs in zip(found.images, found.labels, found.probs, strict=True)
    ]
    st.html(html.tiles(cells, width="4.4rem"))
    st.caption("Images it never trained on. Blue with ✓: right. Orange: its answer is wrong.")


def _images() -> None:
    st.subheader("Images to learn from, here at once")
    for name in ("digits", "shapes"):
        sheet: ContactSheet = runtime.engine().look(
            "contact_sheet", dataset={"name": name}, count=PICTURES // 2
        )
        cells = [
            html.picture(image, sheet.classes[int(label)]) + html.caption(sheet.classes[int(label)])
            for image, label in zip(sheet.images, sheet.labels, strict=True)
        ]
        st.html(html.tiles(cells, width="4.4rem"))
