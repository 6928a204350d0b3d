"""The image on the table: what the network says about it, and the two classes that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from ui import html
from ui.looking import glance
from ui.saliency.link import put, read_number, select
from ui.subject.bar import Chosen
from viz.results import Classification

_OWN = "own"


@dataclass(frozen=True)
class Case:
    """One image, and whether the answer is a mistake."""

    chosen: Chosen
    said: Classification
    answer: int
    truth: int  # the label; without one what the visitor says it is, else the second guess
    known: bool  # whether `truth` is more than the second guess

    @property
    def classes(self) -> tuple[str, ...]:
        """Names."""
        return self.said.classes

    @property
    def wrong(self) -> bool:
        """Whether the network is mistaken, as far as anybody has said."""
        return self.known and self.truth != self.answer

    @property
    def rival(self) -> int:
        """What the answer is held against: the truth, or of a right answer the second guess."""
        return self.truth if self.truth != self.answer else second(self.said, self.answer)

    def name(self, index: int) -> str:
        """Of a class."""
        return self.classes[index]


def second(said: Classification, answer: int) -> int:
    """The most probable class but the answer."""
    probs = np.nan_to_num(said.probs, nan=-1).copy()
    probs[answer] = -2
    return int(probs.argmax())


def read_case(chosen: Chosen) -> Case:
    """What the link is about.

    Raises:
        EngineError: the network cannot be asked.
    """
    said: Classification = glance("classify", chosen.model, chosen.image, **chosen.options)
    answer = int(np.nan_to_num(said.probs, nan=-1).argmax())
    most = len(said.classes) - 1
    given = read_number("truth", 0, most, f"The true class, of {most + 1},")
    if given is not None:
        return Case(chosen, said, answer, int(given), True)
    if said.label is not None:
        return Case(chosen, said, answer, said.label, True)
    return Case(chosen, said, answer, second(said, answer), False)


def render_head(case: Case, *, words_width: float = 5.0) -> None:
    """The image, the answer in a sentence and as bars, and what it should have been.

    Args:
        case: the image.
        words_width: of what stands beside the image, as a multiple of the image's.
    """
    picture, words = st.columns([1, words_width], gap="small")
    with picture:
        image = html.picture(case.said.image, "The image on the table")
        st.html(f'<div class="cs-autopsy-face">{image}</div>')
    with words:
        st.html(f'<div class="cs-autopsy-verdict">{_verdict(case)}</div>')
        st.html(
            html.probability_bars(
                case.said.probs, case.classes, target=case.truth if case.known else None
            )
        )
        if case.said.label is None:
            _choose_truth(case)


def _verdict(case: Case) -> str:
    answer = f"<b>{escape(case.name(case.answer))}</b>"
    sure = html.percent(float(case.said.probs[case.answer]))
    if not np.isfinite(case.said.probs).all():
        return "The network no longer answers with numbers: it has diverged."
    if case.wrong:
        return f"Taken for {answer} ({sure}), is <b>{escape(case.name(case.truth))}</b>."
    rival = escape(case.name(case.rival))
    if case.known:
        return f"Rightly taken for {answer} ({sure}). The second guess is {rival}."
    return f"Taken for {answer} ({sure}); nobody has said what it is. The second guess is {rival}."


def _choose_truth(case: Case) -> None:
    """For pictures that no data set has a label for."""
    names = {str(index): name for index, name in enumerate(case.classes)}

    def take(value: str) -> None:
        put(truth=None if value == _OWN else value)

    select(
        "What it really is", [_OWN, *names], str(case.truth) if case.known else _OWN, key="truth",
        take=take, words=lambda value: names.get(value, "Not said"),
        explain="Until it is said, the answer is held against the second guess.",
    )  # fmt: skip
