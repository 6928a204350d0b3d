"""The labels of a split that most deserve a second look."""

from __future__ import annotations

import csv
import io
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.cells import SPLITS, Found
from ui.autopsy.label_words import facts, named, verdict
from ui.saliency.link import put, switch
from ui.saliency.tiles import open_view, tile
from ui.streaming import watch
from ui.subject import address
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from viz.results.autopsy import Evidence, Suspects

COUNT: Final = 72
REST: Final = 24  # at most, of those not worth a look
SCORE: Final = (
    "Score: how much more speaks for the suggested class than for the label, the mean of the two "
    "witnesses' margins (share of the neighbours, probability). +1: all for the suggested class; 0: as "
    "much for either; −1: all for the label."
)
_TILE: Final = 108  # pixels
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
    worth = int(result.evidence.suspicious.sum())  # they come first
    if not worth:
        st.caption("None is worth a look by both witnesses.")
    _images(found, result, range(worth))
    rest = range(worth, min(worth + REST, len(result.indices)))
    shown = bool(rest) and switch(
        f"Show the next {len(rest)}", key="next",
        explain="By score, though not both witnesses speak for the same other class",
    )  # fmt: skip
    if shown:
        _images(found, result, rest)
    if worth or shown:
        st.html(html.caption(SCORE) + _table(result, rest.stop if shown else worth))
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
            f"The {what} labels worth a look, first; click one to see its neighbours. A flag is a "
            f"reason to look at the image, no proof: a strange image of its class looks the same to a network.{seen}"
        )
    )  # fmt: skip


def _images(found: Found, result: Suspects, rows: range) -> None:
    """The images, each with its label, what it may be, and its score; a click opens its neighbours."""
    if not rows:
        return
    evidence = result.evidence
    with st.container(horizontal=True, gap="small", key=f"cs-saliency-tiles-doubt-{rows.start}"):
        for row in rows:
            index = int(result.indices[row])
            label, other = (
                named(result.classes, int(each[row]))
                for each in (evidence.labels, evidence.suggested)
            )
            place = tile(
                f"doubt-{index}", f"{label} or {other}?", width=_TILE, open_it=_open,
                args=(found.reference(index),), explain=verdict(evidence, row, result.classes),
            )  # fmt: skip
            place.html(
                html.picture(
                    result.images[row], f"{SPLITS[result.split]} {index}, labelled {label}"
                )
                + html.caption(
                    f"{SPLITS[result.split]} {index}, score {score_words(evidence, row)}"
                )
            )


def _open(reference: str) -> None:
    put(image=reference, truth=None, paint=None, view="near")
    address.remember(address.MAIN)
    open_view("near")


def score_words(evidence: Evidence, row: int) -> str:
    """With its sign."""
    return f"{evidence.scores[row]:+.2f}".replace("-", "−")


def _table(result: Suspects, count: int) -> str:
    evidence = result.evidence
    rows = [
        (
            str(result.indices[row]),
            result.classes[int(evidence.labels[row])],
            result.classes[int(evidence.suggested[row])],
            score_words(evidence, row),
            _mark(evidence, row),
            facts(evidence, row, result.classes),
        )
        for row in range(count)
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
