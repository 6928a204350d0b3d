"""Deletion and insertion: does the answer hang on the pixels that a map calls important?

Petsiuk, Das and Saenko, "RISE: randomized input sampling for explanation of black-box models", BMVC
2018, section 4.2. Pixels are removed from the picture, or put into an empty one, the most important
first; the area under the probability of the explained class says how well they were chosen. Pixels
of equal importance come in random order, the same order for all methods.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from viz.lenses.arrays import check_count
from viz.lenses.context import LensContext, Subject
from viz.lenses.filling import blur
from viz.lenses.registry import LensError, lens
from viz.lenses.trust import explaining
from viz.lenses.trust.answers import class_probs
from viz.lenses.trust.baselines import random_keys
from viz.lenses.trust.collect import measurement, to_doubles, trust_curve
from viz.lenses.trust.images import Chosen, choose_images
from viz.lenses.trust.maps import Settings, choose_methods
from viz.lenses.trust.measuring import Progress, each_map
from viz.results.trust import Doubles, Faithfulness, TrustCurve
from viz.trust.confidence import WORDS

STEPS: Final = 16
MOST_STEPS: Final = 64
REPLACEMENTS: Final = {
    "published": "the mean colour of the data set where pixels are removed, the blurred picture where "
    "they are put in",
    "mean": "the mean colour of the data set",
    "blur": "the blurred picture",
    "black": "black",
}


@lens("faithfulness")
def faithfulness(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    methods: Sequence[str] = (),
    images: int = 64,
    split: str = "test",
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = False,
    replacement: str = "published",
    steps: int = STEPS,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Faithfulness]:
    """Deletion and insertion curves of methods and controls, with the areas under them.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many.
        split, seed, target, only_right: see `choose_images`.
        replacement: what removed pixels become, one of REPLACEMENTS.
        steps: in how many equal portions the pixels go.
        layer: that class activation maps are made of; default: each method's own.
        settings: of methods, by name.
        dataset: what random weights are made for.
    """
    if replacement not in REPLACEMENTS:
        raise LensError(
            f"Removed pixels become {', '.join(REPLACEMENTS)}, not {str(replacement)[:40]!r}."
        )
    check_count("steps", steps, MOST_STEPS)
    progress = Progress(choose_methods(methods))
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
    removal, empty = make_fillings(chosen, replacement)
    keys = random_keys(chosen.batch, salt=1)  # (N, H, W)
    shares = np.linspace(0, 1, steps + 1)
    areas: dict[str, dict[str, Doubles]] = {"deletion": {}, "insertion": {}}
    curves: list[TrustCurve] = []

    def so_far() -> Faithfulness:
        return Faithfulness(
            images=chosen.told,
            measurements=tuple(measurement(name, areas[name]) for name in areas),
            refusals=dict(progress.refusals),
            note=f"Removed pixels become {REPLACEMENTS[replacement]}; {steps} equal portions. {WORDS}.",
            seconds=progress.seconds,
            share=progress.share,
            step=subject.step,
            curves=tuple(curves),
            replacement=replacement,
        )

    for name, maps in each_map(progress, chosen, layer=layer, settings=settings):
        if maps is None:
            yield so_far()
            continue
        order = rank(maps, keys)
        begin, told = progress.share, time.monotonic()
        for turn, (curve, start, end) in enumerate(
            (("deletion", chosen.batch, removal), ("insertion", empty, chosen.batch))
        ):
            points: list[Tensor] = []
            for point in exchange(subject, start, end, order, chosen.classes, steps):
                points.append(point)
                if time.monotonic() - told >= explaining.PAUSE:
                    part = (turn + len(points) / (steps + 1)) / 2
                    progress.share = begin + 0.5 * part / len(progress.names)
                    yield so_far()
                    told = time.monotonic()
            values = to_doubles(torch.stack(points, dim=1))  # (N, S + 1)
            areas[curve][name] = area_under(values)
            curves.append(trust_curve(name, curve, shares, values))


def rank(maps: Tensor, keys: Tensor) -> Tensor:
    """Places of the pixels int64 (N, H·W), the most important first; equal ones by `keys`.

    Args:
        maps: (N, H, W); what is no number counts as unimportant.
        keys: (N, H, W), different for all pixels of an image.
    """
    known = maps.flatten(1).nan_to_num(nan=-torch.inf)
    shuffled = keys.flatten(1).argsort(1)
    by_map = known.gather(1, shuffled).argsort(dim=1, descending=True, stable=True)
    return shuffled.gather(1, by_map)


def exchange(
    subject: Subject, start: Tensor, end: Tensor, order: Tensor, classes: Tensor, steps: int
) -> Iterator[Tensor]:
    """Probabilities (N,) of `classes` while pixels of `start` become those of `end`.

    Args:
        subject: the network.
        start, end: (N, C, H, W), normalised.
        order: int64 (N, H·W), which pixel is exchanged when.
        classes: int64 (N,).
        steps: how many equal portions.

    Yields:
        One for each of steps + 1 points, the first of which is `start`, the last `end`.
    """
    n, pixels = order.shape
    place = torch.empty_like(order).scatter_(1, order, torch.arange(pixels).expand(n, -1).clone())
    when = place.reshape(n, 1, *start.shape[-2:])  # turn of each pixel
    for step in range(steps + 1):
        count = round(step * pixels / steps)
        yield class_probs(subject, torch.where(when < count, end, start), classes)


def area_under(curves: Doubles) -> Doubles:
    """Area (N,) under curves (N, S) at equal distances over 0 to 1, by trapezia."""
    inner = curves[:, 1:-1].sum(1) + (curves[:, 0] + curves[:, -1]) / 2
    area: Doubles = inner / (curves.shape[1] - 1)
    return area


def make_fillings(chosen: Chosen, replacement: str) -> tuple[Tensor, Tensor]:
    """What deletion puts in place of pixels, and what insertion starts from, (N, C, H, W) each."""
    info, batch = chosen.subject.info, chosen.batch
    if replacement == "black":
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (info.mean, info.std))
        black = (-mean / std).expand_as(batch)
        return black, black
    grey = torch.zeros_like(batch)  # normalised pixels have the mean 0
    if replacement == "mean":
        return grey, grey
    soft = blur(batch)
    return (soft, soft) if replacement == "blur" else (grey, soft)
