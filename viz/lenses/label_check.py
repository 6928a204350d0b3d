"""Which labels of a split deserve a second look, by two witnesses that seldom err together.

One is the network: confident learning (Northcutt, Jiang and Chuang, "Confident learning: estimating
uncertainty in dataset labels", JAIR 2021) takes an image for one of class j when its probability of
j is at least what is usual for held-out images labelled j. The other are the nearest training images
in feature space, among which an image does not vote for itself: they still speak where a network has
learned a wrong label by heart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from data.splits import spread
from viz.lenses.arrays import check_count, to_floats, to_ints, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.neighbours import VOTERS, class_thresholds, vote
from viz.lenses.penultimate import FeatureHead, all_features, search_part, split_features
from viz.lenses.registry import LensError, lens
from viz.results import Floats, Ints
from viz.results.autopsy import Evidence, Suspects

MOST = 200  # images returned
MOST_CHECKED = 20_000


@lens("label_check")
def label_check(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    split: str = "val",
    count: int = 24,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Suspects]:
    """The most doubtful labels of a split: those worth a look by score, then the others by score.

    Args:
        context: of the worker.
        model: a network trained here, at a moment.
        image: not used.
        split: train, val or test. The labels of `train` the network has learned from.
        count: how many to return.
        dataset: what random weights are made for.

    Yields:
        First what the network alone says, where it has not seen the labels; at last with the
        neighbours' votes.
    """
    check_count("count", count, MOST)
    subject = context.subject(model, dataset)
    chosen = context.images(subject, split)
    everything = context.images(subject, "train")
    if not len(chosen) or not len(everything):
        raise LensError(f"The {split} split of {subject.info.title} has no images to check.")
    head = FeatureHead(subject)
    k = len(subject.info.classes)
    thresholds = class_thresholds(context, head)
    searched = search_part(head, everything)
    own = split == "train"
    if own:
        checked = searched[:: -(-len(searched) // MOST_CHECKED)]
    else:
        checked = spread(chosen.labels, min(len(chosen), MOST_CHECKED))
    part = chosen.at(checked)
    labels = to_ints(part.labels)

    def ranked(probs: Floats, votes: Ints, share: float) -> Suspects:
        every = Evidence(labels, votes, probs, thresholds)
        order = np.lexsort((-every.scores, ~every.suspicious))[:count]
        return Suspects(
            images=to_pictures(part.images[torch.from_numpy(order)]),
            indices=to_ints(checked)[order],
            evidence=Evidence(labels[order], votes[order], probs[order], thresholds),
            flagged=int(every.suspicious.sum()),
            confident=int(every.confident.sum()),
            joint=confident_joint(labels, probs, thresholds),
            checked=len(labels),
            split=split,
            neighbours=VOTERS,
            searched=len(searched),
            seen_in_training=own,
            classes=subject.info.classes,
            share=share,
            step=subject.step,
        )

    train = everything.at(searched)
    first = None if own else all_features(head, part, split)
    nobody = np.zeros((len(labels), k), np.int64)
    for found in split_features(head, train, "train"):
        if found.share < 1 and first is not None:
            yield ranked(to_floats(first.probs), nobody, 0.9 * found.share)
    if first is None:
        places = torch.searchsorted(searched, checked)
        votes = vote(found.values, train.labels, found.values[places], k, places=places)
        probs = found.probs[places]
    else:
        votes = vote(found.values, train.labels, first.values, k)
        probs = first.probs
    yield ranked(to_floats(probs), to_ints(votes), 1.0)


def confident_joint(labels: Ints, probs: Floats, thresholds: Floats) -> Ints:
    """(K, K) images by [label, class], for those that reach some class's threshold; the class is the
    most probable of those they reach (Northcutt 2021, eq. 1)."""
    k = len(thresholds)
    reached = np.where(probs >= thresholds, probs, -1.0)  # NaN: never reached
    best = reached.argmax(axis=1)
    counted = reached.max(axis=1) >= 0
    return np.bincount(labels[counted] * k + best[counted], minlength=k * k).reshape(k, k)
