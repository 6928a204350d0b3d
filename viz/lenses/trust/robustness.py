"""Sensitivity and infidelity: is a map stable, and does it foretell what painting out does?

Yeh, Hsieh, Suggala, Inouye and Ravikumar, "On the (in)fidelity and sensitivity of explanations",
NeurIPS 2019. Max-sensitivity (definition 2): the largest change of the map, relative to its size,
over small random changes of the image. Infidelity (definition 1) with squares painted out: the mean
square of (what the map says the square is worth − what the answer loses). A slope is worth its value
times how far the pixel is from the paint; any other map is read as worth already. Methods scale their maps as
they like, so each map is first multiplied by the best factor that is not negative, image by image
(the paper's optimal scaling), and the rest is given as a share of what there was to foretell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from viz.lenses.arrays import check_count
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.lenses.trust.answers import class_logits
from viz.lenses.trust.baselines import random_keys
from viz.lenses.trust.collect import measurement, to_doubles
from viz.lenses.trust.images import Chosen, choose_images
from viz.lenses.trust.maps import Settings, choose_methods, heats
from viz.lenses.trust.measuring import Progress, check_share, each_heat
from viz.results.trust import Doubles, Robustness
from viz.trust.confidence import WORDS

IMAGES: Final = 16  # maps are made again for every change of the image, so there are fewer
PERTURBATIONS: Final = 4
MOST_PERTURBATIONS: Final = 50
RADIUS: Final = 0.02  # of the range from black to white: five of 255 grey levels
MOST_RADIUS: Final = 0.5


@lens("robustness")
def robustness(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    methods: Sequence[str] = (),
    images: int = IMAGES,
    split: str = "test",
    seed: int = 0,
    target: str = "predicted",
    only_right: bool = False,
    perturbations: int = PERTURBATIONS,
    radius: float = RADIUS,
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Robustness]:
    """How much maps change with invisible noise, and how well they foretell painted-out squares.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many.
        split, seed, target, only_right: see `choose_images`.
        perturbations: how many changes of each image are tried.
        radius: the most that a pixel changes, as a share of the range from black to white.
        layer, settings, dataset: see `faithfulness`.
    """
    check_count("perturbations", perturbations, MOST_PERTURBATIONS)
    check_share("radius", radius, 0.001, MOST_RADIUS)
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
    drops, side = square_drops(chosen)
    changed = [perturb(chosen, radius, turn) for turn in range(perturbations)]
    found: dict[str, dict[str, Doubles]] = {"infidelity": {}, "sensitivity": {}}

    def so_far() -> Robustness:
        return Robustness(
            images=chosen.told,
            measurements=tuple(measurement(name, found[name]) for name in found),
            refusals=dict(progress.refusals),
            note=f"Infidelity: {drops.shape[1]} squares of {side}×{side} pixels, each painted with the "
            "mean colour; maps are scaled by the best factor that is not negative. Sensitivity: "
            f"{perturbations} random changes of up to {radius:g} of the range from black to white. "
            f"{WORDS}.",
            seconds=progress.seconds,
            share=progress.share,
            step=subject.step,
        )

    weight = 1 / (1 + perturbations)
    for name, heat in each_heat(progress, chosen, layer=layer, settings=settings, weight=weight):
        if heat is None or heat.values is None or heat.worth is None:
            yield so_far()
            continue
        maps = heat.values
        found["infidelity"][name] = to_doubles(infidelity(square_sums(heat.worth, side), drops))
        worst = torch.zeros(len(maps), dtype=torch.float64)
        for turn, images_too in enumerate(changed):
            for again in heats(
                [name],
                subject,
                images_too,
                chosen.classes,
                references=chosen.references,
                layer=layer,
                settings=settings,
                keep=False,
            ):
                if again.values is not None:
                    worst = torch.maximum(worst, relative_change(maps, again.values))
                if again.refusal:  # such as for want of memory: nobody knows how far it changes
                    progress.refusals[name] = f"No sensitivity: {again.refusal}"
                part = weight * (1 + turn + again.share)
                progress.share = (progress.done + part) / len(progress.names)
                if turn < perturbations - 1 or again.share < 1:
                    yield so_far()
        if name not in progress.refusals:
            found["sensitivity"][name] = to_doubles(worst)


def infidelity(foretold: Tensor, drops: Tensor) -> Tensor:
    """Share (N,) of the effects that maps do not foretell, 0 to 1, after the best scaling.

    min over β ≥ 0 of Σ (β · foretold − drops)² / Σ drops²; 1 for a map that says nothing, NaN where
    there was nothing to foretell.

    Args:
        foretold: (N, P), what the map says each of P changes of the image costs.
        drops: (N, P), what it costs.
    """
    said, happened = foretold.double(), drops.double()
    both = (said * happened).sum(1).clamp(min=0)
    size = said.pow(2).sum(1)
    total = happened.pow(2).sum(1)
    explained = torch.where(size > 0, both.pow(2) / size.clamp(min=1e-300), torch.zeros_like(size))
    return (1 - explained / total).clamp(min=0)


def relative_change(before: Tensor, after: Tensor) -> Tensor:
    """|after − before| / |before| (N,) of maps (N, H, W); NaN where there was nothing before."""
    old, new = before.double().flatten(1), after.double().flatten(1)
    size = old.norm(dim=1)
    change = (new - old).norm(dim=1) / size
    return torch.where(size > 0, change, torch.full_like(size, torch.nan))


def perturb(chosen: Chosen, radius: float, turn: int) -> Tensor:
    """The images (N, C, H, W) with noise, uniform up to ±radius of the range from black to white,
    other noise for each turn; the same for an image wherever it stands.
    """
    batch = chosen.batch
    channels = [
        random_keys(batch, salt=100 + turn * batch.shape[1] + c) for c in range(batch.shape[1])
    ]
    noise = torch.stack(channels, dim=1) * 2 - 1  # (N, C, H, W)
    std = torch.tensor(chosen.subject.info.std).view(1, -1, 1, 1)
    return batch + radius * noise / std


def square_drops(chosen: Chosen) -> tuple[Tensor, int]:
    """What the answer loses (N, P) with each of P squares painted in the mean colour, and their side."""
    batch = chosen.batch
    side, step = square_grid(min(batch.shape[-2:]))
    whole = class_logits(chosen.subject, batch, chosen.classes)
    drops = []
    for top in range(0, batch.shape[2] - side + 1, step):
        for left in range(0, batch.shape[3] - side + 1, step):
            painted = batch.clone()
            painted[:, :, top : top + side, left : left + side] = 0  # normalised pixels have mean 0
            drops.append(whole - class_logits(chosen.subject, painted, chosen.classes))
    return torch.stack(drops, dim=1), side


def square_sums(maps: Tensor, side: int) -> Tensor:
    """Sums (N, P) of maps (N, H, W) over the squares of `square_drops`, in their order.

    Of the worth of pixels this is IᵀΦ of definition 1 with I = x − x0, x0 the image with the square
    painted: I is 0 outside of it, and x inside, where the mean colour is 0. A slope Φ is multiplied
    by x beforehand; other maps are taken to be Φ · x already.
    """
    step = max(1, side // 2)
    sums = F.avg_pool2d(maps[:, None].double(), side, stride=step) * side**2
    return sums.flatten(1)


def square_grid(size: int) -> tuple[int, int]:
    """Side of the squares, a quarter of the image's, and the distance between them, half of that."""
    side = max(1, round(size / 4))
    return side, max(1, side // 2)
