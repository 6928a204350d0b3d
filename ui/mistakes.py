"""From a cell of the confusion matrix to its images, the most confident ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from ui import html
from ui.looking import glance
from viz.results import Evaluation, ImageSet

SHOWN: Final = 48


def selected_cell(selection: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """(true, predicted) of the clicked cell in what `st.plotly_chart(on_select=…)` returns or keeps
    in the session; None before anything was clicked."""
    for point in selection["selection"]["points"] if selection else ():
        data = point.get("customdata")
        if data is not None and len(data) >= 2:
            return int(data[0]), int(data[1])
    return None


def render_images(model: str, scores: Evaluation, cell: tuple[int, int] | None) -> None:
    """The images of one cell of `scores`, which is the answer of `model`; for None all mistakes.

    Raises:
        EngineError: the pictures cannot be had.
    """
    classes = scores.classes
    if cell is None:
        title, found = "All mistakes, the most confident first", scores.mistakes()
    elif cell[0] == cell[1]:
        title = f"{classes[cell[0]]}, recognised; the least sure first"
        found = scores.cell(*cell)[::-1]
    else:
        title = f"{classes[cell[0]]} taken for {classes[cell[1]]}, the most confident first"
        found = scores.cell(*cell)
    if not len(found):
        st.caption("No mistakes." if cell is None else "No images in this cell.")
        return
    shown = found[:SHOWN]
    pictures: ImageSet = glance(
        "images", model, split=scores.split, indices=[int(index) for index in shown]
    )
    st.html(html.heading(title))
    cells = [
        html.picture(image, classes[int(scores.labels[index])])
        + html.caption(
            f"{html.percent(float(scores.confidence[index]))} {classes[int(scores.predicted[index])]}"
            + ("" if cell else f", is {classes[int(scores.labels[index])]}")
        )
        for image, index in zip(pictures.images, shown, strict=True)
    ]
    st.html(html.tiles(cells, width="5.4rem"))
    count = f"{SHOWN} of {len(found)} images." if len(found) > SHOWN else f"{len(found)} images."
    st.caption("1 image." if len(found) == 1 else count)
    parts = {} if cell is None else {"cell": f"{cell[0]},{cell[1]}"}
    st.page_link(
        "pages/explain/autopsy.py", label="Take these apart: why, and what misled the network",
        icon=":material/troubleshoot:", query_params={"model": model, "split": scores.split, **parts},
    )  # fmt: skip
