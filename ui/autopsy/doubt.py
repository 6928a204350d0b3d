"""The labels of a split that most deserve a second look."""

from __future__ import annotations

import csv
import io
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.cells import SPLITS, Found
from ui.autopsy.label_words import facts, verdict
from ui.components.clickable import clickable_picture
from ui.saliency.link import put
from ui.streaming import watch
from ui.subject import address
from ui.subject.bar import Chosen
from ui.subject.image_picker import sheet
from ui.text import sentence_safe
from viz.figures.tiles import fit_zoom
from viz.results.autopsy import Evidence, Suspects

COUNT: Final = 24
_TILE: Final = 64
_COLUMNS: Final = 8
_SOURCE: Final = (
    "Northcutt, Jiang and Chuang, [Confident learning](https://arxiv.org/abs/1911.00068), JAIR 2021 · "
    "Northcutt, Athalye and Mueller, [Pervasive label errors in test sets]"
    "(https://arxiv.org/abs/2103.14749), NeurIPS 2021"
)


def render_doubt(chosen: Chosen, found: Found) -> None:
    """The list of a split, the most doubtful first."""
    try:
        result: Suspects | None = watch(
            "label_check", chosen.model, None, key="autopsy.doubt", timeout=600.0,
            draw=lambda suspects: _draw(chosen, found, suspects),
            split=found.split, count=COUNT, **chosen.options,
        )  # fmt: skip
    except EngineError as error:
        st.info(sentence_safe(error))
        return
    if result is None or result.share < 1:
        return
    picked = _images(chosen, found, result)
    if picked is not None:
        address.put(address.MAIN, image=found.reference(picked))
        put(truth=None, paint=None, view="near")
        st.session_state["view"] = "near"
        st.rerun()
    st.html(_table(result))
    st.download_button(
        "The list (CSV)", lambda: suspects_csv(result), f"labels_{result.split}.csv", "text/csv",
        key="autopsy.doubt.csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    st.caption(_SOURCE)


def _draw(chosen: Chosen, found: Found, result: Suspects) -> None:
    what = SPLITS[result.split].lower()
    seen = (
        " The network has learned from these very labels and may know wrong ones by heart, so trust "
        "the neighbours more, or look at an early moment of the training."
        if result.seen_in_training
        else ""
    )
    st.html(
        html.figures(
            [
                ("Worth a look", f"{result.flagged} of {result.checked:,}",
                 "Network and neighbours both speak for the same other class"),
                ("Network alone", str(result.confident),
                 "Off the diagonal of the confident joint of Northcutt et al. 2021"),
                ("Neighbours asked", f"{result.neighbours} of {result.searched:,}",
                 "Nearest training images by cosine in feature space; an image does not vote for itself"),
            ]
        )
        + html.caption(
            f"The {what} labels against which most speaks, first. A flag is a reason to look at the "
            f"image, no proof: a strange image of its class looks the same to a network.{seen}"
        )
    )  # fmt: skip


def _images(chosen: Chosen, found: Found, result: Suspects) -> int | None:
    """The images to click; the position in the split of the one that was."""
    zoom = fit_zoom(result.images.shape[2], _TILE)
    png, grid = sheet(result.images.repeat(zoom, 1).repeat(zoom, 2), _COLUMNS)
    texts = [
        f"{SPLITS[result.split]} {index}\n{verdict(result.evidence, row, result.classes)}"
        for row, index in enumerate(result.indices)
    ]
    picked = clickable_picture(
        png, key="autopsy.doubt.images", alt="Images whose labels are doubtful", grid=grid,
        texts=texts, width=f"{_COLUMNS * (_TILE + 6)}px",
    )  # fmt: skip
    return None if picked is None else int(result.indices[picked])


def _table(result: Suspects) -> str:
    evidence = result.evidence
    rows = [
        (
            str(index),
            result.classes[int(evidence.labels[row])],
            result.classes[int(evidence.suggested[row])],
            f"{evidence.scores[row]:+.2f}".replace("-", "−"),
            _mark(evidence, row),
            facts(evidence, row, result.classes),
        )
        for row, index in enumerate(result.indices)
    ]  # fmt: skip
    header = ("image", "label", "suggested", "score", "", "evidence")
    return f'<div class="cs-autopsy-table">{html.table(header, rows, numeric=(0, 3))}</div>'


def _mark(evidence: Evidence, row: int) -> str:
    if evidence.suspicious[row]:
        return "worth a look"
    return "mixed" if evidence.confident[row] or evidence.surrounded[row] else ""


def suspects_csv(result: Suspects) -> bytes:
    """The list as a file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["split", "image", "label", "suggested", "score", "suspicious", "p_label", "p_suggested",
         "votes_label", "votes_suggested"]
    )  # fmt: skip
    evidence = result.evidence
    for row, index in enumerate(result.indices):
        label, other = int(evidence.labels[row]), int(evidence.suggested[row])
        writer.writerow(
            [result.split, int(index), result.classes[label], result.classes[other],
             f"{evidence.scores[row]:.4f}", bool(evidence.suspicious[row]),
             f"{evidence.probs[row, label]:.6f}", f"{evidence.probs[row, other]:.6f}",
             int(evidence.votes[row, label]), int(evidence.votes[row, other])]
        )  # fmt: skip
    return text.getvalue().encode()
