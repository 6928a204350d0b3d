"""What a history says in one sentence: how the accuracy went, and when the filters moved most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ui import html
from ui.text import sentence_safe
from viz.results.history import Moments


def summarize(found: Moments, moves: Sequence[float], *, active: bool) -> str:
    """One sentence about the whole history, and what its colours mean.

    Args:
        found: the moments.
        moves: how far all weights of the filters moved from each to the next; empty: unknown.
        active: whether more are to come.
    """
    steps = [one.step for one in found.moments]
    accuracy = np.array([one.accuracy for one in found.moments])
    words = []
    if found.missing:
        words.append(f"No confusion and accuracy: {sentence_safe(found.missing)}")
    elif len(steps) > 1 and accuracy[-1] > accuracy[0]:
        half = (accuracy[0] + accuracy[-1]) / 2
        at = int(np.argmax(accuracy >= half))
        words.append(
            f"From update {steps[0]:,} to {steps[-1]:,} accuracy goes from {html.percent(accuracy[0])} to "
            f"{html.percent(accuracy[-1])} of {found.held_out}; half of the way is done at update {steps[at]:,}."
        )
    if max(moves, default=0) > 0:
        changed = int(np.argmax(moves))
        words.append(
            f"Of the moments shown, the filters of {sentence_safe(found.filter_layer)} move most between "
            f"updates {steps[changed]:,} and {steps[changed + 1]:,}, which are "
            f"{steps[changed + 1] - steps[changed]:,} apart."
        )
    words.append(
        "Colours keep one scale over the whole history unless you give each moment its own."
    )
    if found.field_layer:
        words.append("The effective field is drawn relative to its highest value at each moment.")
    if active:
        words.append("The network is still training: moments are added as they come.")
    if found.note:
        words.append(sentence_safe(found.note))
    return " ".join(words)
