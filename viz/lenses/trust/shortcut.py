"""The shortcut trap: a network that may have learned a planted corner patch instead of the objects.

The same held-out pictures are shown three times: with a patch whose colour tells the label, with one
whose colour tells nothing, and without. A network that relies on the patch is splendid on the first
and falls on the others; then a map that can be trusted marks the patch. A network that learned
without it (the control) does not care, and its maps should leave the patch alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from data.catalogue import get_info
from data.procedural import Drawn, draw_shapes, shortcut_box
from viz.intervals import wilson
from viz.lenses.arrays import compute_probs
from viz.lenses.context import LensContext, Subject
from viz.lenses.layer_runs import Pictures
from viz.lenses.registry import LensError, lens
from viz.lenses.saliency.references import references
from viz.lenses.trust.collect import measurement, to_doubles
from viz.lenses.trust.images import Pool, choose_from
from viz.lenses.trust.inside import (
    area_of,
    beside,
    check_tolerance,
    make_examples,
    points_inside,
    share_inside,
    spread_places,
    widen,
)
from viz.lenses.trust.maps import Settings, check_layer, choose_methods
from viz.lenses.trust.measuring import Progress, each_map
from viz.results.trust import Accuracy, Doubles, Measurement, Shortcut
from viz.trust.confidence import WORDS

_TEST_SEED = 2  # of the test images of shapes, so that `shapes/test/7` is the same object here
_VERSIONS = {
    "telling": (1.0, "the patch tells the label"),
    "independent": (0.0, "the patch tells nothing"),
    "absent": (None, "there is no patch"),
}


@lens("shortcut")
def shortcut(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    methods: Sequence[str] = (),
    images: int = 64,
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = True,
    tolerance: int = 0,
    examples: int = 6,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Shortcut]:
    """Whether a network relies on the planted patch, and which methods find it.

    Args:
        context: of the worker.
        model: a network trained on shapes, with the patch or without.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many are explained; accuracy is taken on all test images.
        seed, target, only_right: see `choose_images`; the images explained have the telling patch.
        tolerance: pixels that the maximum of a map may lie outside of a region and still point at it.
        examples: how many images are returned with all their maps.
        layer, settings, dataset: see `faithfulness`.
    """
    progress = Progress(choose_methods(methods))
    spread_places(1, examples)  # says at once that it is wrong
    check_tolerance(tolerance)
    subject = context.subject(model, dataset)
    if subject.dataset is None or subject.dataset.name != "shapes":
        raise LensError(
            f"The patch is planted in shapes, and {subject.title} knows {subject.info.title}: choose "
            "or train a network on shapes."
        )
    versions = _draw(subject.info.shape[1])
    accuracies = tuple(_accuracy(subject, name, drawn) for name, drawn in versions.items())
    judged = judge(accuracies, subject.dataset.shortcut)
    telling = versions["telling"]
    pool = Pool(
        Pictures(telling.images, telling.labels, ()),
        telling.masks,
        (),
        "shapes/test/",
        "test images with a patch that tells the label",
    )
    chosen = choose_from(
        pool,
        subject,
        references(context, subject),
        count=images,
        seed=seed,
        target=target,
        only_right=only_right,
    )
    if chosen.masks is None:
        raise TypeError("the pool has masks")
    check_layer(subject, chosen.batch, layer)
    masks, patch = chosen.masks, _patch(subject)
    patches = patch.expand_as(masks)
    places = spread_places(len(chosen), examples)
    found: dict[str, dict[str, Doubles]] = {
        name: {} for name in ("patch_share", "patch_pointing", "object_share", "object_pointing")
    }
    areas = {
        "patch_share": area_of(patches),
        "patch_pointing": area_of(widen(patches, tolerance)),
        "object_share": area_of(masks),
        "object_pointing": area_of(widen(masks, tolerance)),
    }
    shown: dict[str, Tensor] = {}

    def measured(name: str) -> Measurement:
        made = measurement(name, found[name], areas[name])
        # Only a network that relies on the patch owes it anything.
        return replace(made, evidence=made.evidence and judged.relies)

    def so_far() -> Shortcut:
        return Shortcut(
            images=chosen.told,
            measurements=tuple(measured(name) for name in found),
            refusals=dict(progress.refusals),
            note="A map with nothing positive counts as an even one; a map points at a region if its "
            f"maximum lies on it{beside(tolerance)}. {WORDS}.",
            seconds=progress.seconds,
            share=progress.share,
            step=subject.step,
            planted=judged.planted,
            accuracies=accuracies,
            relies=judged.relies,
            verdict=judged.verdict,
            patch_area=areas["patch_share"],
            object_area=areas["object_share"],
            examples=make_examples(chosen, masks, places, shown, patch),
        )

    yield so_far()
    for name, maps in each_map(progress, chosen, layer=layer, settings=settings, weight=0.95):
        if maps is None:
            yield so_far()
            continue
        for region, where in (("patch", patches), ("object", masks)):
            found[f"{region}_share"][name] = to_doubles(share_inside(maps, where)[0])
            found[f"{region}_pointing"][name] = to_doubles(points_inside(maps, where, tolerance))
        shown[name] = maps


@dataclass(frozen=True)
class Judged:
    """What the accuracies say."""

    planted: float
    relies: bool
    verdict: str


def judge(accuracies: Sequence[Accuracy], planted: float) -> Judged:
    """Whether a network relies on the patch: its accuracy, with the patch telling the label, is so
    far above that with a patch that tells nothing that their 95 % intervals do not meet.

    Args:
        accuracies: named telling, independent and absent.
        planted: how often the patch told the label in training; 0: there was none.
    """
    by_name = {each.name: each for each in accuracies}
    telling, independent, absent = (by_name[name] for name in _VERSIONS)
    relies = telling.low > independent.high
    taught = (
        f"Trained with a patch that told the label in {100 * planted:.0f} % of the images"
        if planted
        else "Trained without the patch"
    )
    numbers = (
        f"right on {100 * telling.share:.1f} % of the test images while the patch tells the label, on "
        f"{100 * independent.share:.1f} % when it tells nothing and on {100 * absent.share:.1f} % "
        "without it"
    )
    ending = (
        "it relies on the patch, so an honest map marks the patch"
        if relies
        else "it does not rely on the patch, so an honest map leaves it alone"
    )
    return Judged(planted, relies, f"{taught}, the network is {numbers}: {ending}.")


@lru_cache(maxsize=2)
def _draw(size: int) -> dict[str, Drawn]:
    """The test pictures of shapes with each kind of patch."""
    count = get_info("shapes").num_test
    return {
        name: draw_shapes(count, size, seed=_TEST_SEED, shortcut=tells)
        for name, (tells, _) in _VERSIONS.items()
    }


def _accuracy(subject: Subject, name: str, drawn: Drawn) -> Accuracy:
    predicted = torch.from_numpy(compute_probs(subject, drawn.images)).nan_to_num(-1).argmax(1)
    right, total = int((predicted == drawn.labels).sum()), len(drawn.labels)
    return Accuracy(name, _VERSIONS[name][1], right, total, *wilson(right, total))


def _patch(subject: Subject) -> Tensor:
    """bool (H, W) where the patch is."""
    size = subject.info.shape[1]
    patch = torch.zeros(size, size, dtype=torch.bool)
    patch[shortcut_box(size)] = True
    return patch
