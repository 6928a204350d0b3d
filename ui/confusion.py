"""The confusion matrix of a run and, once it has ended, the images behind each cell.

While a run trains the matrix is the latest validation. Afterwards the matrix and the images must
come from the same weights, or a cell that says 12 would show 9 pictures. Where the weights that were
validated are kept, the images are classified with those; where they are not (a run stopped between
two validations), the newest weights classify all images and the matrix is made of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import streamlit as st

from engine.protocol import EngineError
from training.events import Evaluated
from training.follow import RunFollower
from training.run_store import RunStatus
from ui import html, runtime
from ui.charts import CHART_CONFIG
from ui.looking import glance
from ui.mistakes import render_images, selected_cell
from ui.text import sentence_safe
from viz.figures.confusion import plot_class_accuracy, plot_confusion
from viz.results import Evaluation

CLASSIFIED: Final = "live.classified"
"""Session key of the model whose answers for all images were asked for: the matrix stays theirs."""
ALL_MISTAKES: Final = "live.mistakes"
_EVALUATION_SECONDS: Final = 120.0
_WORDS: Final = {
    "test": "the test images, never used before",
    "val": "the validation images",
    "train": "the training images",
}


@dataclass(frozen=True)
class _Matrix:
    """What is drawn, whoever counted it."""

    counts: npt.NDArray[np.int64]  # (K, K) by [true, predicted]
    classes: tuple[str, ...]
    words: str  # which weights, which images

    @property
    def sentence(self) -> str:
        images = int(self.counts.sum())
        if not images:
            return f"{self.words}: there are none to count."
        return f"{self.words}: {html.percent(float(np.trace(self.counts)) / images)} right."


def view_confusion(follower: RunFollower, status: RunStatus) -> None:
    """Which classes are taken for which; after the run, a click shows the images of a cell.

    Raises:
        EngineError: the images cannot be classified; what is known without is drawn before.
    """
    scores = follower.test or follower.validation or follower.sample
    if status.active or not follower.snapshots:
        if scores is None:
            st.caption("No validation has happened yet.")
        else:
            _draw(_measured(follower, scores), "live.confusion")
            st.caption("When the run has ended, a click on a cell shows its images.")
        return
    model, split = _subject(follower, scores)
    key = f"live.confusion.{model}"
    cell = selected_cell(st.session_state.get(key))
    everything = bool(st.session_state.get(ALL_MISTAKES))
    if cell is not None or everything:
        st.session_state[CLASSIFIED] = model
    answers: Evaluation | None = None
    problem: EngineError | None = None
    if "@" not in model or st.session_state.get(CLASSIFIED) == model:
        try:
            answers = glance("evaluation", model, split=split, timeout=_EVALUATION_SECONDS)
        except EngineError as error:
            problem = error
    if answers is not None:
        said = _what_follows(answers, None if everything else cell) if cell or everything else ""
        _draw(_classified(answers), key, clickable=True, said=said)
    elif scores is not None:
        _draw(_measured(follower, scores), key, clickable=True)
    if problem is not None:
        raise problem
    st.button("Show all mistakes", key=ALL_MISTAKES, icon=":material/image_search:")
    if answers is not None and (cell is not None or everything):
        render_images(model, answers, None if everything else cell)


def _subject(follower: RunFollower, scores: Evaluated | None) -> tuple[str, str]:
    """The weights to classify with, and the split: those of `scores` where they are kept."""
    run = f"run:{follower.run_id}"
    if scores is None:
        return run, "val"
    kept = scores.complete and scores.step in runtime.store().snapshot_steps(follower.run_id)
    return f"{run}@{scores.step}" if kept else run, scores.split


def _measured(follower: RunFollower, scores: Evaluated) -> _Matrix:
    amount = "all" if scores.complete else "a fixed sample of"
    words = f"Update {scores.step:,}, {amount} {_WORDS[scores.split]}"
    return _Matrix(np.array(scores.confusion), runtime.classes(follower.run_id), words)


def _classified(answers: Evaluation) -> _Matrix:
    when = "" if answers.step is None else f"Update {answers.step:,}, "
    words = f"{when}all {_WORDS[answers.split]}"
    return _Matrix(answers.confusion, answers.classes, words)


def _what_follows(answers: Evaluation, cell: tuple[int, int] | None) -> str:
    """What a click has brought, said beside the matrix: the images stand below, perhaps out of sight."""
    if cell is None:
        title, count = "All mistakes", len(answers.mistakes())
    else:
        true, answer = (answers.classes[index] for index in cell)
        title = f"{true}, recognised" if true == answer else f"{true} taken for {answer}"
        count = len(answers.cell(*cell))
    return f"{title}: {count:,} {'image' if count == 1 else 'images'} below the matrix."


def _draw(matrix: _Matrix, key: str, *, clickable: bool = False, said: str = "") -> None:
    left, right = st.columns([3, 2])
    if said:
        right.info(sentence_safe(said), icon=":material/arrow_downward:")
    left.plotly_chart(
        plot_confusion(matrix.counts, matrix.classes, height=380),
        key=key, config=CHART_CONFIG, on_select="rerun" if clickable else "ignore",
        selection_mode="points",
        alt="Confusion matrix: true classes down, predicted classes across",
    )  # fmt: skip
    right.plotly_chart(
        plot_class_accuracy(matrix.counts, matrix.classes), key="live.class_accuracy",
        config=CHART_CONFIG, alt="Accuracy of each class",
    )  # fmt: skip
    more = " Click a cell to see its images." if clickable else ""
    st.caption(matrix.sentence + more)
