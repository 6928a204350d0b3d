"""Which images the measures of trust are taken on: held out, every class with its share, each with
the answer that is explained.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from data.images import normalize
from data.splits import spread
from viz.lenses.arrays import check_count, compute_probs, to_ints
from viz.lenses.context import LensContext, Subject
from viz.lenses.layer_runs import Pictures, own_pictures
from viz.lenses.registry import LensError
from viz.lenses.saliency.references import references
from viz.results.trust import TrustImages

MOST_IMAGES = 256
_SPARE = 4  # candidates for each image wanted, where only right answers count
_HELD_OUT = {"val": "validation", "test": "test", "train": "training"}


@dataclass(frozen=True)
class Chosen:
    """The images of a measurement."""

    subject: Subject
    pictures: Tensor  # uint8 (N, C, H, W)
    batch: Tensor  # float (N, C, H, W), normalised
    classes: Tensor  # int64 (N,) explained
    masks: Tensor | None  # bool (N, H, W) of the object, where it is known
    told: TrustImages
    references: Tensor | None  # (R, C, H, W) others, for methods that compare; None: none are here

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Pool:
    """The images to choose from."""

    pictures: Pictures
    masks: Tensor | None  # bool (N, 1, H, W)
    names: tuple[str, ...]  # what to call each; empty: `prefix` and its number
    prefix: str
    words: str  # such as "test images the network was not trained on"

    def __len__(self) -> int:
        return len(self.pictures.images)


def choose_images(
    context: LensContext,
    subject: Subject,
    *,
    split: str = "test",
    count: int = 64,
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = False,
) -> Chosen:
    """Up to `count` images of a split, every class with its share; sample pictures for ImageNet nets.

    Args:
        context: of the worker.
        subject: the network.
        split: train, val or test.
        count: at most MOST_IMAGES.
        seed: which images of each class are taken.
        target: "predicted" or "true", the class that is explained.
        only_right: only images that the network answers rightly.

    Raises:
        LensError: one sentence: wrong numbers or words, nothing to choose from.
    """
    found = own_pictures(context, subject, split)
    if subject.dataset is None:
        names = tuple(f"sample:{name}" for name in found.names)
        pool = Pool(found, None, names, "", "sample pictures")
    else:
        seen = "" if split == "train" else " the network was not trained on"
        pool = Pool(
            found,
            _masks(context, subject, split),
            (),
            f"{subject.dataset.name}/{split}/",
            f"{_HELD_OUT[split]} images{seen}",
        )
    return choose_from(
        pool,
        subject,
        references(context, subject),
        count=count,
        seed=seed,
        target=target,
        only_right=only_right,
    )


def choose_from(
    pool: Pool,
    subject: Subject,
    others: Tensor | None,
    *,
    count: int,
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = False,
) -> Chosen:
    """Up to `count` images of a pool, rising, and `others` to compare with; see `choose_images`."""
    check_count("images", count, MOST_IMAGES)
    if target not in ("predicted", "true"):
        raise LensError(f"The class explained is predicted or true, not {str(target)[:40]!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise LensError(f"The seed is {str(seed)[:40]!r}: choose a whole number from 0.")
    labels = pool.pictures.labels
    if labels is None and (target == "true" or only_right):
        raise LensError(
            f"Nobody has said what the {pool.words} show: explain the predicted class, whether it "
            "is right or not."
        )
    index = _spread(pool.pictures, min(count * (_SPARE if only_right else 1), len(pool)), seed)
    predicted = _predict(subject, pool.pictures.images[index])
    right = ""
    if only_right and labels is not None:
        good = (labels[index] == predicted).nonzero()[:, 0]
        if not len(good):
            raise LensError(
                f"{subject.title} answers none of {len(index)} {pool.words} rightly: take wrong "
                "answers, too, or a network that has learned more."
            )
        kept = good[spread(labels[index][good], min(count, len(good)))]
        index, predicted, right = index[kept], predicted[kept], ", all answered rightly"
    pictures = pool.pictures.images[index]
    known = labels[index] if labels is not None else torch.full((len(index),), -1)
    classes = known if target == "true" else predicted
    every = "all " if len(index) == len(pool) else ""
    told = TrustImages(
        source=f"{every}{len(index)} {pool.words}{right}",
        names=tuple(_name(pool, int(i)) for i in index),
        labels=to_ints(known),
        predicted=to_ints(predicted),
        explained=to_ints(classes),
        classes=subject.info.classes,
    )
    masks = None if pool.masks is None else pool.masks[index, 0]
    batch = normalize(pictures, subject.info)
    return Chosen(subject, pictures, batch, classes, masks, told, others)


def _spread(pictures: Pictures, count: int, seed: int) -> Tensor:
    """Places of `count` images, rising: every class with its share, which of them by the seed."""
    labels = pictures.labels
    if labels is None:
        labels = torch.zeros(len(pictures.images), dtype=torch.int64)
    return spread(labels, count, torch.Generator().manual_seed(seed))


def _predict(subject: Subject, pictures: Tensor) -> Tensor:
    probs = torch.from_numpy(compute_probs(subject, pictures))  # (N, K)
    return probs.nan_to_num(-1).argmax(1)


def _masks(context: LensContext, subject: Subject, split: str) -> Tensor | None:
    """bool (N, 1, H, W) of a split, where the data set knows where its objects are."""
    if subject.dataset is None:
        return None
    masks = context.data(subject.dataset, subject.seed).masks
    return None if masks is None else {str(name): mask for name, mask in masks.items()}[split]


def _name(pool: Pool, index: int) -> str:
    return pool.names[index] if pool.names else f"{pool.prefix}{index}"
