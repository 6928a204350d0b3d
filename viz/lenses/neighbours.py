"""The training images that are most alike to an image in the eyes of the network, and what their
labels say about the image's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from data.load import Split
from viz.lenses.arrays import check_count, to_floats, to_ints, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.penultimate import (
    FeatureHead,
    Features,
    all_features,
    distances,
    read_metric,
    search_part,
    split_features,
)
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.results import Floats
from viz.results.autopsy import Evidence, Nearby, Neighbours

MOST = 100
VOTERS = 10


@lens("neighbours")
def neighbours(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    count: int = VOTERS,
    metric: str = "cosine",
    of_class: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Neighbours]:
    """Nearest training images by the input of the network's last layer with weights.

    A training image finds itself at distance 0; it does not vote on its own label.

    Args:
        context: of the worker.
        model: a network trained here, at a moment.
        image: an image reference.
        count: how many to show.
        metric: cosine or euclidean.
        of_class: also the nearest that are labelled so.
        dataset: what random weights are made for.

    Yields:
        The nearest of the images looked at so far; about the label, once all are looked at.
    """
    check_count("count", count, MOST)
    how = read_metric(metric)
    subject = context.subject(model, dataset)
    classes = subject.info.classes
    if of_class is not None and not (
        isinstance(of_class, int)
        and not isinstance(of_class, bool)
        and 0 <= of_class < len(classes)
    ):
        raise LensError(
            f"There is no class {str(of_class)[:40]}: this network knows {len(classes)}, counted from 0."
        )
    everything = context.images(subject, "train")
    if not len(everything):
        raise LensError(f"{subject.info.title} has no training images to search.")
    fitted, label = fit(context, image, subject)
    head = FeatureHead(subject)
    searched = search_part(head, everything)
    train = everything.at(searched)
    own = _own_place(image, subject, searched)
    query, answer = head(fitted.batch)  # (1, D), (1, K)
    probs = to_floats(answer[0])
    for found in split_features(head, train, "train"):
        done = found.share >= 1
        near = distances(_query(query, found, own), found.values, how)[0]  # (n,)
        evidence = None
        if done and label is not None:
            votes = _votes(near, train.labels, own, len(classes))
            evidence = Evidence(
                labels=to_ints(torch.tensor([label])),
                votes=to_ints(votes[None]),
                probs=probs[None],
                thresholds=class_thresholds(context, head),
            )
        yield Neighbours(
            image=to_pictures(fitted.picture),
            label=label,
            probs=probs,
            nearest=_nearby(near, train, searched, count, None),
            of_class=None if of_class is None else _nearby(near, train, searched, count, of_class),
            wanted=of_class,
            evidence=evidence,
            metric=how,
            layer=head.layer,
            width=query.shape[1],
            searched=len(near),
            total=len(everything),
            classes=classes,
            share=found.share,
            note=fitted.note,
            step=subject.step,
        )


def class_thresholds(context: LensContext, head: FeatureHead) -> Floats:
    """(K,) the mean probability of each class over held-out images labelled so; NaN without any.

    Northcutt, Jiang and Chuang, "Confident learning", JAIR 2021, eq. 2: an image counts as one of
    class k when its probability of k is at least what is usual for images labelled k.
    """
    name = "val" if len(context.images(head.subject, "val")) else "test"
    split = context.images(head.subject, name)
    probs = all_features(head, split, name).probs  # (N, K)
    means = [probs[split.labels == each, each].mean() for each in range(probs.shape[1])]
    return to_floats(torch.stack(means))


def vote(
    values: Tensor, labels: Tensor, queries: Tensor, classes: int, *, places: Tensor | None = None
) -> Tensor:
    """(M, K) labels of the VOTERS nearest of `values` (N, D) by cosine, for `queries` (M, D).

    Args:
        values: to search.
        labels: (N,) theirs.
        queries: whose neighbours vote.
        classes: K.
        places: (M,) which value each query is, that it does not vote for itself; None: none is.
    """
    votes = []
    for at in range(0, len(queries), 500):
        near = distances(queries[at : at + 500], values, "cosine")  # (m, N)
        if places is not None:
            near[torch.arange(len(near)), places[at : at + 500]] = torch.inf
        count = min(VOTERS, len(values) - (places is not None))
        nearest = near.topk(count, largest=False).indices  # (m, k)
        votes.append(torch.nn.functional.one_hot(labels[nearest], classes).sum(1))
    return torch.cat(votes)


def _own_place(image: str | None, subject: Subject, searched: Tensor) -> int | None:
    """Where among the images searched the image itself is."""
    if subject.dataset is None or not (image or "").startswith(f"{subject.dataset.name}/train/"):
        return None
    (places,) = torch.where(searched == int((image or "").rpartition("/")[2]))
    return int(places[0]) if len(places) else None


def _query(query: Tensor, found: Features, own: int | None) -> Tensor:
    """The image's features; of one that is searched itself those, so that rounding, which depends
    on the batch, does not put it apart from itself."""
    return query if own is None or own >= len(found.values) else found.values[own : own + 1]


def _votes(near: Tensor, labels: Tensor, own: int | None, classes: int) -> Tensor:
    if own is not None:
        near = near.clone()
        near[own] = torch.inf
    count = min(VOTERS, len(near) - (own is not None))
    nearest = near.topk(count, largest=False).indices
    return torch.bincount(labels[nearest], minlength=classes)


def _nearby(
    near: Tensor, train: Split, searched: Tensor, count: int, of_class: int | None
) -> Nearby:
    labels = train.labels[: len(near)]
    places = torch.arange(len(near)) if of_class is None else torch.where(labels == of_class)[0]
    order = near[places].argsort(stable=True)[:count]
    chosen = places[order]
    return Nearby(
        images=to_pictures(train.images[chosen]),
        labels=to_ints(labels[chosen]),
        indices=to_ints(searched[chosen]),
        distances=to_floats(near[chosen]),
    )
