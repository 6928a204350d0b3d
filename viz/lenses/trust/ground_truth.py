"""Ground truth: on pictures whose object is known, does a map mark the object?

Share of the positive attribution inside the object's mask (relevance mass accuracy, Arras, Osman and
Samek 2022, arXiv:2003.07258) and the pointing game (Zhang et al., ECCV 2016): whether the most
important pixel lies in it. Knowing nothing gives the share of the image that the object covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from viz.lenses.context import LensContext
from viz.lenses.registry import LensError, lens
from viz.lenses.trust.collect import measurement, to_doubles
from viz.lenses.trust.images import choose_images
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
from viz.lenses.trust.maps import Settings, choose_methods
from viz.lenses.trust.measuring import Progress, each_map
from viz.results.trust import Doubles, GroundTruth
from viz.trust.confidence import WORDS


@lens("ground_truth")
def ground_truth(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    methods: Sequence[str] = (),
    images: int = 64,
    split: str = "test",
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = True,
    tolerance: int = 0,
    examples: int = 6,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[GroundTruth]:
    """How much of what each method marks lies on the object.

    Args:
        context: of the worker.
        model: a network trained on, or made for, a data set that knows where its objects are.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many.
        split, seed, target: see `choose_images`.
        only_right: leave out what the network answers wrongly, because it need not have looked at
            the object there.
        tolerance: pixels that the pointing game lets the maximum lie outside.
        examples: how many images are returned with all their maps.
        layer, settings, dataset: see `faithfulness`.
    """
    progress = Progress(choose_methods(methods))
    spread_places(1, examples)  # says at once that it is wrong
    check_tolerance(tolerance)
    subject = context.subject(model, dataset)
    chosen = choose_images(
        context,
        subject,
        split=split,
        count=images,
        seed=seed,
        target=target,
        only_right=only_right,
    )
    if chosen.masks is None:
        raise LensError(
            f"Nobody knows where the objects are in {subject.info.title}: choose a network trained on "
            "shapes, whose images come with the mask of their object."
        )
    places, masks = spread_places(len(chosen), examples), chosen.masks
    shares: dict[str, Doubles] = {}
    hits: dict[str, Doubles] = {}
    empty: dict[str, int] = {}
    shown: dict[str, Tensor] = {}
    area, wide = area_of(masks), area_of(widen(masks, tolerance))

    def so_far() -> GroundTruth:
        return GroundTruth(
            images=chosen.told,
            measurements=(
                measurement("mask_share", shares, area),
                measurement("pointing", hits, wide),
            ),
            refusals=dict(progress.refusals),
            note=f"A map with nothing positive counts as an even one; the pointing game counts the "
            f"maximum on the object{beside(tolerance)}. {WORDS}.",
            seconds=progress.seconds,
            share=progress.share,
            step=subject.step,
            area=area,
            empty=dict(empty),
            examples=make_examples(chosen, masks, places, shown),
        )

    for name, maps in each_map(progress, chosen, layer=layer, settings=settings, weight=0.95):
        if maps is None:
            yield so_far()
            continue
        inside, nothing = share_inside(maps, masks)
        shares[name], empty[name] = to_doubles(inside), int(nothing.sum())
        hits[name] = to_doubles(points_inside(maps, masks, tolerance))
        shown[name] = maps
