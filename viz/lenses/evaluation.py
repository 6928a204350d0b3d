"""The answer of a network for every image of a split: what a confusion cell is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viz.lenses.arrays import compute_probs, to_ints
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.results import Evaluation


@lens("evaluation")
def evaluation(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    split: str = "val",
    dataset: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Label, predicted class and confidence of each image of a split, in its order."""
    subject = context.subject(model, dataset)
    chosen = context.images(subject, split)
    probs = compute_probs(subject, chosen.images)  # (N, K)
    return Evaluation(
        labels=to_ints(chosen.labels),
        predicted=probs.argmax(axis=1),
        confidence=probs.max(axis=1),
        classes=subject.info.classes,
        split=split,
        step=subject.step,
    )
