"""What a network says about one image: drawn, uploaded, or of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.registry import lens
from viz.results import Classification


@lens("classify")
def classify(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> Classification:
    """Probabilities for one image, and the picture as the network sees it."""
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    with torch.inference_mode():
        probs = torch.softmax(subject.net(fitted.batch), dim=1)[0]  # (K,)
    return Classification(
        image=to_pictures(fitted.picture),
        probs=to_floats(probs),
        classes=subject.info.classes,
        note=fitted.note,
        label=label,
        step=subject.step,
    )
