"""What a network says about a fixed set of held-out images, redrawn as it learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.splits import spread
from viz.lenses.arrays import check_count, compute_probs, to_ints, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.results import Predictions


@lens("predictions")
def predictions(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    count: int = 10,
    split: str = "val",
    dataset: Mapping[str, Any] | None = None,
) -> Predictions:
    """Probabilities for `count` images of a split, every class with its share, always the same."""
    subject = context.subject(model, dataset)
    chosen = context.images(subject, split)
    index = spread(chosen.labels, min(check_count("count", count, 200), len(chosen)))
    part = chosen.at(index)
    return Predictions(
        images=to_pictures(part.images),
        labels=to_ints(part.labels),
        probs=compute_probs(subject, part.images),
        indices=to_ints(index),
        classes=subject.info.classes,
        split=split,
        step=subject.step,
    )
