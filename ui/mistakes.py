"""From a cell of the confusion matrix to its images, the most confident ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import html, runtime
from viz.results import Evaluation, ImageSet

SHOWN: Final = 48


def selected_cell(selection: Any) -> tuple[int, int] | None:
    """(true, predicted) of the clicked cell in what `st.plotly_chart(on_select=…)` returns."""
    for point in selection["selection"]["points"]:
        data = point.get("customdata")
        if data is not None and len(data) >= 2:
            return int(data[0]), int(data[1])
    return None


def render_cell(
    run_id: str, split: str, cell: tuple[int, int] | None, classes: Sequence[str]
) -> None:
    """The images of the selected cell; without a selection, all mistakes."""
    try:
        with st.spinner("Classifying every image…", show_time=True):
            scores: Evaluation = runtime.engine().look(
                "evaluation", f"run:{run_id}", split=split, timeout=120
            )
        if cell is None:
            title, found = "All mistakes, the most confident first", scores.mistakes()
        else:
            title = f"{classes[cell[0]]} taken for {classes[cell[1]]}, the most confident first"
            if cell[0] == cell[1]:
                title = f"{classes[cell[0]]}, recognised; the least sure first"
            found = scores.cell(*cell)
            found = found[::-1] if cell[0] == cell[1] else found
        if not len(found):
            st.caption("No images in this cell.")
            return
        shown = found[:SHOWN]
        pictures: ImageSet = runtime.engine().look(
            "images", f"run:{run_id}", split=split, indices=[int(index) for index in shown]
        )
    except EngineError as error:
        st.caption(str(error))
        return
    st.subheader(title)
    cells = [
        html.picture(image, classes[int(scores.labels[index])])
        + html.caption(
            f"{html.percent(float(scores.confidence[index]))} {classes[int(scores.predicted[index])]}"
            + ("" if cell else f", is {classes[int(scores.labels[index])]}")
        )
        for image, index in zip(pictures.images, shown, strict=True)
    ]
    st.html(html.tiles(cells, width="5.4rem"))
    if len(found) > SHOWN:
        st.caption(f"{SHOWN} of {len(found)} images.")
