"""Nearest training images: what the network thinks this image is like, and what those were called."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.case import Case
from ui.autopsy.label_words import named, verdict_html
from ui.downloads import download_picture
from ui.maps.parts import heading
from ui.streaming import watch
from ui.subject.image_picker import sheet
from ui.text import sentence_safe
from ui.url_state import choice
from viz.results import Floats
from viz.results.autopsy import Nearby, Neighbours

METRICS: Final = {"cosine": "Angle (cosine)", "euclidean": "Distance (Euclidean)"}
COUNT: Final = 10


def render_near(case: Case) -> None:
    """Ten nearest, and ten nearest of the true class."""
    metric = choice("Distance", METRICS, key="metric", default="cosine")
    chosen = case.chosen
    try:
        found: Neighbours | None = watch(
            "neighbours", chosen.model, chosen.image, key="autopsy.near", timeout=600.0,
            draw=lambda result: _draw(case, result),
            count=COUNT, metric=metric, of_class=case.rival, **chosen.options,
        )  # fmt: skip
    except EngineError as error:
        st.info(sentence_safe(error))
        return
    if found is None:
        return
    near = found.nearest
    download_picture(
        "Nearest training images", key="autopsy.near.download",
        png=lambda: sheet(near.images, COUNT)[0],
        arrays={
            "indices": near.indices, "labels": near.labels, "distances": near.distances,
            "images": near.images,
        },
    )  # fmt: skip


def _draw(case: Case, found: Neighbours) -> None:
    st.html(heading("Nearest of all training images") + _tiles(found, found.nearest, case))
    if found.of_class is not None and found.wanted is not None:
        title = f"Nearest that are labelled {found.classes[found.wanted]}"
        st.html(heading(title) + _tiles(found, found.of_class, case))
    st.html(html.caption(_words(found)))
    if found.evidence is not None and case.said.label is not None:
        st.html(verdict_html(found.evidence, 0, found.classes))


def _tiles(found: Neighbours, near: Nearby, case: Case) -> str:
    if not len(near.indices):
        return html.caption("None among the images searched so far.")
    digits = even_digits(near.distances)
    cells = []
    for image, label, index, distance in zip(
        near.images, near.labels, near.indices, near.distances, strict=True
    ):
        name = found.classes[int(label)]
        kind = _kind(int(label), case)
        cells.append(
            html.picture(image, f"Training image {index}, {name}", title=f"Training image {index}")
            + f'<div class="cs-autopsy-label cs-autopsy-{kind}">{escape(name)}</div>'
            + html.caption(f"{distance:.{digits}f}")
        )
    return html.tiles(cells, width="3.9rem")


def even_digits(distances: Floats) -> int:
    """Decimals for all distances of a row alike: three significant figures of the largest, and no
    more than six."""
    largest = float(np.nan_to_num(distances, nan=0.0, posinf=0.0).max(initial=0.0))
    return 2 if largest <= 0 else int(np.clip(2 - np.floor(np.log10(largest)), 0, 6))


def _kind(label: int, case: Case) -> str:
    """Blue for the truth, orange for the wrong answer, as everywhere."""
    if case.known and label == case.truth:
        return "own"
    return "answer" if label == case.answer else "else"


def _words(found: Neighbours) -> str:
    counts = Counter(int(label) for label in found.nearest.labels)
    most = ", ".join(
        f"{n} labelled {named(found.classes, label)}" for label, n in counts.most_common(3)
    )
    some = (
        f"all {found.total:,}" if found.searched == found.total
        else f"{found.searched:,} of {found.total:,}"
    )  # fmt: skip
    itself = bool(len(found.nearest.distances) and found.nearest.distances[0] == 0)
    own = " At distance 0 is the image itself, or its double." if itself else ""
    same = len(np.unique(found.nearest.labels)) == 1
    agree = " They agree." if same and len(found.nearest.labels) > 1 else ""
    how = "1 − cosine of the angle" if found.metric == "cosine" else "Euclidean distance"
    return (
        f"{most}.{agree}{own} Number: {how} between the {found.width} inputs of {found.layer}, the last "
        f"layer with weights; {some} training images searched."
    )
