"""Held-out images for questions that are asked many times: as many as there is time for, always
the same, every class with its share.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from data.images import normalize
from data.load import Split
from data.splits import spread
from models.introspect import list_modules
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError

MOST = 500  # images
FEWEST = 60
BATCH = 100  # images; what a batch leaves behind in every layer stays in memory for a while

_MACS: WeakKeyDictionary[nn.Module, dict[str, int]] = WeakKeyDictionary()


@dataclass(frozen=True)
class HeldOut:
    """Some validation images, and how to speak of them."""

    part: Split
    words: str  # such as "180 validation images"


def held_out(
    context: LensContext, subject: Subject, budget: float, macs: float | None = None
) -> HeldOut:
    """Up to `MOST` validation images, fewer where what is done with each takes much work.

    Args:
        budget: multiplications that may be spent on all of them; `FEWEST` are taken in any case.
        macs: multiplications for each; default: one pass through the network.

    Raises:
        ValueError: one sentence: the data set is not here, or holds nothing out.
    """
    split = context.images(subject, "val")
    if not len(split):
        raise LensError(f"{subject.info.title} holds no validation images out: use more images.")
    per_image = max(sum(leaf_macs(subject).values()) if macs is None else macs, 1)
    count = min(len(split), MOST, max(FEWEST, int(budget // per_image)))
    part = split.at(spread(split.labels, count))
    most = "all " if count == len(split) else ""
    return HeldOut(part, f"{most}{count} validation images")


def leaf_macs(subject: Subject) -> dict[str, int]:
    """Multiplications by weights for one image, by dotted name of each innermost module."""
    if subject.net not in _MACS:
        leaves = {name for name, part in subject.net.named_modules() if not any(part.children())}
        rows = list_modules(subject.net, subject.info.shape)
        _MACS[subject.net] = {row.name: row.macs for row in rows if row.name in leaves}
    return _MACS[subject.net]


def batches(part: Split, subject: Subject) -> list[tuple[Tensor, Tensor]]:
    """(images float (n, C, H, W) as the network takes them, labels (n,)), n up to `BATCH`."""
    return [
        (normalize(part.images[at : at + BATCH], subject.info), part.labels[at : at + BATCH])
        for at in range(0, len(part), BATCH)
    ]


def count_by_class(labels: Tensor, chosen: Tensor, num_classes: int) -> Tensor:
    """(K,) how many of the `chosen` (bool (n,)) images each class has."""
    return torch.bincount(labels[chosen], minlength=num_classes)
