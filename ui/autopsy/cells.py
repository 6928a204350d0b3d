"""From the confusion matrix to the images of one of its cells, the most confident first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.label_words import named
from ui.charts import CHART_CONFIG
from ui.components.clickable import clickable_picture
from ui.looking import glance
from ui.mistakes import selected_cell
from ui.saliency.link import put, say
from ui.subject import address
from ui.subject.bar import Chosen
from ui.subject.image_picker import sheet
from ui.subject.images import parse_data_image
from ui.text import sentence_safe
from ui.url_state import choice
from viz.figures.confusion import plot_confusion
from viz.figures.tiles import fit_zoom
from viz.results import Evaluation, ImageSet

SPLITS: Final = {"val": "Validation", "test": "Test", "train": "Training"}
COLUMNS: Final = 8
SHOWN: Final = 40
_TILE: Final = 48  # pixels
_CELL: Final = re.compile(r"(\d{1,4}),(\d{1,4})")


@dataclass(frozen=True)
class Found:
    """The answers for a split, and its data set's name in image references."""

    scores: Evaluation
    dataset: str
    split: str
    cell: tuple[int, int] | None

    @property
    def members(self) -> list[int]:
        """Positions of the images of the cell, or of all mistakes, in the order they are shown."""
        if self.cell is None:
            return [int(index) for index in self.scores.mistakes()]
        found = self.scores.cell(*self.cell)
        return [int(i) for i in (found[::-1] if self.cell[0] == self.cell[1] else found)]

    def reference(self, index: int) -> str:
        """Of an image of the split."""
        return f"{self.dataset}/{self.split}/{index}"


def own_dataset(chosen: Chosen) -> str | None:
    """Name of the network's own data set; None: it is not here."""
    if chosen.history is not None:
        return chosen.history.spec.dataset.name
    given: Any = chosen.options.get("dataset") or {}
    return given.get("name") if given else None


def fetch_cells(chosen: Chosen, dataset: str) -> Found | None:
    """The answers for the split of the link; None where there are none, and it has said why."""
    split = choice("Images", SPLITS, key="split", default="val")
    try:
        scores: Evaluation = glance(
            "evaluation", chosen.model, split=split, timeout=120.0, **chosen.options
        )
    except EngineError as error:
        st.caption(sentence_safe(error))
        return None
    return Found(scores, dataset, split, _read_cell(len(scores.classes)))


def jump_to_worst(chosen: Chosen, found: Found) -> None:
    """Where the link names no image: on to the most confident mistake, which is what one came for."""
    if "image" in st.query_params or not found.members:
        return
    address.put(address.MAIN, image=found.reference(found.members[0]))
    st.rerun()


def render_cells(chosen: Chosen, found: Found) -> None:
    """The matrix, and the images of the chosen cell to click."""
    matrix = found.scores.confusion
    key = f"autopsy.matrix.{chosen.model}.{found.split}.{found.cell}"

    def take() -> None:
        cell = selected_cell(st.session_state.get(key))
        if cell is not None:
            put(cell=f"{cell[0]},{cell[1]}")

    st.plotly_chart(
        plot_confusion(matrix, found.scores.classes, selected=found.cell, height=330),
        key=key, config=CHART_CONFIG, on_select=take, selection_mode="points",
        alt="Confusion matrix: true classes down, predicted classes across",
    )  # fmt: skip
    members = found.members
    _title(found, len(members))
    if not members:
        return
    shown = members[:SHOWN]
    pictures: ImageSet = glance(
        "images", chosen.model, split=found.split, indices=shown, **chosen.options
    )
    zoom = fit_zoom(pictures.images.shape[2], _TILE)
    png, grid = sheet(pictures.images.repeat(zoom, 1).repeat(zoom, 2), COLUMNS)
    now = parse_data_image(chosen.image or "")
    at = None
    if now is not None and (now.dataset, now.split) == (found.dataset, found.split):
        at = shown.index(now.index) if now.index in shown else None
    picked = clickable_picture(
        png, key="autopsy.images", alt="Images of the cell", grid=grid, selected=at,
        texts=[_text(found, index) for index in shown], width=f"{min(COLUMNS, len(shown)) * (_TILE + 6)}px",
    )  # fmt: skip
    if picked is not None:
        st.query_params.pop("truth", None)
        st.query_params.pop("paint", None)
        address.put(address.MAIN, image=found.reference(shown[picked]))
        st.rerun()


def _title(found: Found, count: int) -> None:
    classes = found.scores.classes
    if found.cell is None:
        text = "All mistakes, the most confident first" if count else "No mistakes"
    elif found.cell[0] == found.cell[1]:
        text = f"{named(classes, found.cell[0])}, recognised; the least sure first"
    else:
        true, answer = (named(classes, index) for index in found.cell)
        text = f"{true} taken for {answer}, the most confident first"
    right = html.percent(found.scores.accuracy)
    more = f" The first {SHOWN} are shown." if count > SHOWN else ""
    images = "1 image" if count == 1 else f"{count:,} images"
    st.html(
        html.heading(text)
        + html.caption(
            f"{images}.{more} Of all {len(found.scores.labels):,} {SPLITS[found.split].lower()} "
            f"images {right} are right. Click a cell, then an image."
        )
    )
    if found.cell is not None:
        st.button(
            "All mistakes", key="autopsy.all", type="tertiary", on_click=lambda: put(cell=None),
            icon=":material/image_search:",
        )  # fmt: skip


def _text(found: Found, index: int) -> str:
    scores = found.scores
    label, said = int(scores.labels[index]), int(scores.predicted[index])
    sure = html.percent(float(scores.confidence[index]))
    return f"{SPLITS[found.split]} {index}\nis {scores.classes[label]}\nsays {scores.classes[said]}, {sure}"


def _read_cell(count: int) -> tuple[int, int] | None:
    text = st.query_params.get("cell")
    if text is None:
        return None
    match = _CELL.fullmatch(text)
    if match is None or max(int(match[1]), int(match[2])) >= count:
        say(f"The link's cell={text[:20]!r} is left out: write true,predicted, both below {count}.")
        return None
    return int(match[1]), int(match[2])
