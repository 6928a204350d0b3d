"""Do maps follow the weights? Layers are drawn anew from the last to the first, and maps compared.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for saliency maps", NeurIPS 2018,
section 3: cascading randomisation leaves everything from a layer to the answer random, independent
randomisation one layer at a time. A map that stays as it was cannot show what those layers learned.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from viz.lenses.arrays import to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError, lens
from viz.lenses.trust.answers import class_probs
from viz.lenses.trust.changes import Follower, explain
from viz.lenses.trust.collect import method_score, to_doubles
from viz.lenses.trust.fresh import Rewritable
from viz.lenses.trust.images import Chosen, choose_images
from viz.lenses.trust.maps import Settings, check_layer, choose_methods
from viz.results.randomisation import MethodChange, Randomisation
from viz.results.trust import Doubles, Measurement
from viz.trust.confidence import WORDS
from viz.trust.sanity import remaining

ORDERS: Final = ("cascading", "independent")
EXAMPLES: Final = 3  # images whose maps come along
_WHAT: Final = (
    "Rank correlation of the map with what it becomes, mean over drawing the upper half of the layers "
    "anew; lower is better, and a random map has 0."
)


@lens("randomisation")
def randomisation(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    methods: Sequence[str] = (),
    images: int = 24,
    order: str = "cascading",
    split: str = "test",
    seed: int = 0,
    weights_seed: int = 0,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Randomisation]:
    """Maps of methods and controls while the network loses its weights, the last layer first.

    The class explained stays the one that the whole network answers with.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many.
        order: one of ORDERS.
        split, seed: see `choose_images`.
        weights_seed: of the new weights.
        layer: that class activation maps are made of; default: each method's own.
        settings: of methods, by name.
        dataset: what random weights are made for.
    """
    if order not in ORDERS:
        raise LensError(f"Layers are drawn anew {' or '.join(ORDERS)}, not {str(order)[:40]!r}.")
    if isinstance(weights_seed, bool) or not isinstance(weights_seed, int) or weights_seed < 0:
        raise LensError(
            f"The seed of the new weights is {str(weights_seed)[:40]!r}: choose a whole number from 0."
        )
    begin = time.perf_counter()
    names = choose_methods(methods)
    subject = context.subject(model, dataset)
    chosen = choose_images(context, subject, split=split, count=images, seed=seed)
    check_layer(subject, chosen.batch, layer)
    copy = Rewritable(subject, str(model), weights_seed)
    changing = replace(subject, net=copy.net)
    stages = copy.stages[::-1]
    examples = pick_examples(chosen, EXAMPLES)
    followers: dict[str, Follower] = {}
    refusals: dict[str, str] = {}
    probs: list[Doubles] = []
    done, total = 0, len(names) * (len(stages) + 1)

    def so_far(more: float = 0.0) -> Randomisation:
        changes = tuple(follower.change() for follower in followers.values())
        upper = -(-len(stages) // 2)
        return Randomisation(
            images=chosen.told,
            measurements=_measured(changes, upper),
            refusals=dict(refusals),
            note=_note(order, subject, len(copy.stages)),
            seconds=time.perf_counter() - begin,
            share=(done + more) / total,
            step=subject.step,
            order=order,
            layers=tuple(stage.name for stage in stages),
            upper=upper,
            changes=changes,
            probs=np.stack(probs),
            pictures=to_pictures(chosen.pictures[list(examples)]),
            examples=examples,
        )

    for number, stage in enumerate((None, *stages)):
        if stage is not None:
            copy.draw(stage)
        probs.append(to_doubles(class_probs(changing, chosen.batch, chosen.classes)))
        for name in names:
            if name in refusals:
                done += 1
                continue
            try:
                for share, found in explain(
                    name, changing, chosen, layer=layer, settings=settings, stage=number
                ):
                    if found is None:
                        yield so_far(share)
                    elif number:
                        followers[name].add(found)
                    else:
                        followers[name] = Follower(name, found, examples)
            except LensError as error:
                followers.pop(name, None)
                refusals[name] = str(error)
            done += 1
            yield so_far()
        if stage is not None and order == "independent":
            copy.restore(stage)


def pick_examples(chosen: Chosen, count: int) -> tuple[int, ...]:
    """Places of some of the images, of classes as different as can be."""
    known = chosen.classes.tolist()
    first = [known.index(each) for each in dict.fromkeys(known)]
    rest = [place for place in range(len(known)) if place not in first]
    return tuple((first + rest)[:count])


def _measured(changes: Sequence[MethodChange], upper: int) -> tuple[Measurement, ...]:
    """The measure, of the methods for which the upper half is through."""
    scores = [
        method_score(change.method, values)
        for change in changes
        if len(values := remaining(change.rank, range(1, upper + 1)))
    ]
    if not scores:
        return ()
    return (
        Measurement(
            measure="randomisation", title="Left after randomisation", what=_WHAT,
            higher_is_better=False,
            evidence=False,  # a random map wins it: who fails is out, who passes has shown nothing
            chance=0.0, scores=tuple(scores),
        ),
    )  # fmt: skip


def _note(order: str, subject: Subject, stages: int) -> str:
    how = (
        "Layers are drawn anew from the last to the first and stay so"
        if order == "cascading"
        else "One layer at a time is drawn anew, then put back"
    )
    return (
        f"{how}: {stages} steps, with the rules by which {subject.title} got its first weights and "
        f"another seed; the class explained stays that of the whole network. {WORDS}."
    )
