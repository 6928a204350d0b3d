"""The other images of a data set that a method compares with: the same for whoever asks, so that the
map on the page is the one that the measures of trust judge.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from data.images import normalize
from viz.lenses.context import LensContext, Subject
from viz.lenses.layer_runs import own_pictures

REFERENCES: Final = 32  # images


def references(context: LensContext, subject: Subject) -> Tensor | None:
    """(R, C, H, W) evenly spread training images (sample pictures for a network of ImageNet), as the
    network takes them; None where its data is not here."""
    try:
        there = own_pictures(context, subject, "train").images
    except ValueError:  # whoever compares has another way then
        return None
    count = min(REFERENCES, len(there))
    return normalize(there[torch.arange(count) * len(there) // count], subject.info)
