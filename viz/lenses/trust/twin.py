"""Do maps follow the labels? The same images explained by a network and by its twin, which was
trained to learn random labels by heart.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for saliency maps", NeurIPS 2018,
section 4. What a map shows of a network that knows nothing about the images' classes is not what the
other one has learned about them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from data.load import Split
from viz.lenses.arrays import compute_probs, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError, lens
from viz.lenses.trust.answers import class_probs
from viz.lenses.trust.changes import Follower, Signed, explain
from viz.lenses.trust.collect import method_score, to_doubles
from viz.lenses.trust.images import choose_images
from viz.lenses.trust.maps import Settings, check_layer, choose_methods
from viz.lenses.trust.randomisation import EXAMPLES, pick_examples
from viz.results.randomisation import MethodChange, TwinComparison
from viz.results.trust import Measurement
from viz.trust.confidence import WORDS
from viz.trust.sanity import remaining

_ENOUGH: Final = 1000  # images for an accuracy
_WHAT: Final = (
    "Rank correlation of the map with that of the twin which learned random labels; lower is better, "
    "and a random map has 0."
)


@lens("twin_comparison")
def twin_comparison(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    twin: str,
    methods: Sequence[str] = (),
    images: int = 24,
    split: str = "test",
    seed: int = 0,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[TwinComparison]:
    """Maps of both networks for the same images and the class that the first one answers with.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        twin: the other network, for the same kind of images and as many classes.
        methods: names in the table of methods; none: all.
        images: how many.
        split, seed: see `choose_images`.
        layer: that class activation maps are made of; default: each method's own.
        settings: of methods, by name.
        dataset: what random weights are made for.
    """
    begin = time.perf_counter()
    names = choose_methods(methods)
    subject = context.subject(model, dataset)
    # A run has one network for all its moments: the twin's weights may go into this very one.
    subject = replace(subject, net=copy.deepcopy(subject.net))
    other = context.subject(twin, dataset)
    _check(subject, other)
    chosen = choose_images(context, subject, split=split, count=images, seed=seed)
    check_layer(subject, chosen.batch, layer)
    examples = pick_examples(chosen, EXAMPLES)
    probs = [
        to_doubles(class_probs(each, chosen.batch, chosen.classes)) for each in (subject, other)
    ]
    fitted, fitted_images = _fitted(context, other)
    accuracy = (_accuracy(context, subject, subject), _accuracy(context, subject, other))
    changes: list[MethodChange] = []
    refusals: dict[str, str] = {}

    def so_far(done: float) -> TwinComparison:
        return TwinComparison(
            images=chosen.told,
            measurements=_measured(changes),
            refusals=dict(refusals),
            note=f"{other.title} against {subject.title}, the same images and classes. {WORDS}.",
            seconds=time.perf_counter() - begin,
            share=done / len(names),
            step=subject.step,
            changes=tuple(changes),
            probs=np.stack(probs),
            pictures=to_pictures(chosen.pictures[list(examples)]),
            examples=examples,
            fitted=fitted,
            fitted_images=fitted_images,
            label_noise=float("nan") if other.dataset is None else other.dataset.label_noise,
            accuracy=accuracy,
            twin_title=other.title,
            twin_step=other.step,
        )

    for done, name in enumerate(names):
        pair: list[Signed] = []
        try:
            for stage, each in enumerate((subject, other)):
                for share, found in explain(
                    name, each, chosen, layer=layer, settings=settings, stage=stage
                ):
                    if found is None:
                        yield so_far(done + (stage + share) / 2)
                    else:
                        pair.append(found)
        except LensError as error:
            refusals[name] = str(error)
        else:
            follower = Follower(name, pair[0], examples)
            follower.add(pair[1])
            changes.append(follower.change())
        yield so_far(done + 1)


def _check(subject: Subject, other: Subject) -> None:
    """Whether one image can go into both and mean the same."""
    mine, its = subject.info, other.info
    if (mine.shape, len(mine.classes), mine.mean, mine.std) != (
        *(its.shape, len(its.classes)),
        *(its.mean, its.std),
    ):
        raise LensError(
            f"{other.title} takes other images than {subject.title}: choose a twin trained on "
            f"{mine.title}."
        )


def _measured(changes: Sequence[MethodChange]) -> tuple[Measurement, ...]:
    if not changes:
        return ()
    scores = tuple(method_score(each.method, remaining(each.rank, [1])) for each in changes)
    return (
        Measurement(
            measure="twin", title="Same as the twin's", what=_WHAT, higher_is_better=False,
            evidence=False,  # a random map wins it
            chance=0.0, scores=scores,
        ),
    )  # fmt: skip


def _fitted(context: LensContext, twin: Subject) -> tuple[float, int]:
    """Share of its own training labels that the twin gives, and how many it had."""
    if twin.dataset is None:
        return float("nan"), 0
    part = context.images(twin, "train")
    return _right(twin, part), len(part)


def _accuracy(context: LensContext, subject: Subject, net: Subject) -> float:
    """Of `net` on the test images of `subject`."""
    if subject.dataset is None:
        return float("nan")
    test = context.images(subject, "test")
    return _right(net, test.at(torch.arange(min(len(test), _ENOUGH))))


def _right(net: Subject, part: Split) -> float:
    if not len(part):
        return float("nan")
    answers = torch.from_numpy(compute_probs(net, part.images)).nan_to_num(-1).argmax(1)
    return float((answers == part.labels).double().mean())
