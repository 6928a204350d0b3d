"""ROAD, remove and debias: deletion whose holes are filled in, so that they do not tell their shape.

Rong et al., "A consistent and efficient evaluation strategy for attribution methods", ICML 2022. At
percentile p the most relevant first (MoRF) lose the top (100 − p) % of the pixels, the least relevant
first (LeRF) the bottom (100 − p) %; what is gone is imputed from what is left. A method is good if
losing what it calls unimportant leaves the answer, and losing the rest does not: the mean over the
percentiles of (LeRF − MoRF) / 2, of the probability of the explained class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from viz.lenses.batching import in_batches
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.lenses.trust.answers import class_probs
from viz.lenses.trust.baselines import random_keys, random_noise
from viz.lenses.trust.collect import measurement, to_doubles, trust_curve
from viz.lenses.trust.curves import rank
from viz.lenses.trust.images import Chosen, choose_images
from viz.lenses.trust.imputation import NOISE, impute
from viz.lenses.trust.maps import Settings, choose_methods
from viz.lenses.trust.measuring import Progress, each_map
from viz.results.trust import Doubles, Road, TrustCurve
from viz.trust.confidence import WORDS

PERCENTILES: Final = tuple(range(10, 100, 10))
_NOISE_SALT: Final = 1000  # away from the keys, which break ties
_BATCH_VALUES: Final = 200_000  # pixels imputed at once: conjugate gradients stay in the cache


@lens("road")
def road(
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
    layer: str | None = None,
    settings: Settings | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Road]:
    """ROAD of methods and controls over the percentiles 10 to 90.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        methods: names in the table of methods; none: all.
        images: how many.
        split, seed, target, only_right: see `choose_images`.
        layer, settings, dataset: see `faithfulness`.
    """
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
    keys = random_keys(chosen.batch, salt=1)  # (N, H, W)
    before = class_probs(subject, chosen.batch, chosen.classes)  # (N,)
    gone = np.array([0, *(100 - p for p in reversed(PERCENTILES))]) / 100
    combined: dict[str, Doubles] = {}
    curves: list[TrustCurve] = []

    def so_far() -> Road:
        return Road(
            images=chosen.told,
            measurements=(measurement("road", combined, 0.0),),
            refusals=dict(progress.refusals),
            note="Mean over the percentiles 10 to 90 of (LeRF − MoRF) / 2. Removed pixels are imputed "
            f"from their neighbours, weights 1/6 and 1/12, with noise of deviation {NOISE:g}. {WORDS}.",
            seconds=progress.seconds,
            share=progress.share,
            step=subject.step,
            curves=tuple(curves),
            percentiles=PERCENTILES,
        )

    for name, maps in each_map(progress, chosen, layer=layer, settings=settings, weight=0.3):
        if maps is None:
            yield so_far()
            continue
        order, start = rank(maps, keys), progress.done
        left: dict[str, Tensor] = {}
        for turn, (curve, sequence) in enumerate((("morf", order), ("lerf", order.flip(1)))):
            points = []
            for at, percentile in enumerate(reversed(PERCENTILES)):
                points.append(removed(chosen, sequence, percentile))
                part = 0.3 + 0.7 * (turn + (at + 1) / len(PERCENTILES)) / 2
                progress.share = (start + part) / len(progress.names)
                if part < 1:
                    yield so_far()
            left[curve] = torch.stack(points, dim=1)  # (N, P)
            changes = torch.cat([before[:, None], left[curve]], 1) - before[:, None]
            curves.append(trust_curve(name, curve, gone, to_doubles(changes)))
        combined[name] = to_doubles((left["lerf"] - left["morf"]).mean(1) / 2)


def removed(chosen: Chosen, order: Tensor, percentile: int) -> Tensor:
    """Probability (N,) of the explained class after the first (100 − percentile) % of the pixels of
    `order` int64 (N, H·W) have been imputed.
    """
    return class_probs(chosen.subject, fill_in(chosen.batch, order, percentile), chosen.classes)


def fill_in(batch: Tensor, order: Tensor, percentile: int) -> Tensor:
    """The images (N, C, H, W) so imputed; the noise on what is filled in belongs to the image."""
    known = keep_mask(order, percentile).reshape(len(batch), *batch.shape[-2:])
    size = max(1, _BATCH_VALUES // batch[0].numel())

    def fill(index: Tensor) -> Tensor:
        return impute(batch[index], known[index])

    filled = torch.cat([part for _, part in in_batches(fill, torch.arange(len(batch)), size)])
    noise = NOISE * random_noise(batch, salt=_NOISE_SALT + percentile)
    return torch.where(known[:, None], batch, filled + noise)


def keep_mask(order: Tensor, percentile: int) -> Tensor:
    """bool (N, H·W): what is left when the first (100 − percentile) % of `order` int64 (N, H·W) go."""
    n, pixels = order.shape
    gone = round((100 - percentile) * pixels / 100)
    known = torch.ones(n, pixels, dtype=torch.bool)
    return known.scatter_(1, order[:, :gone], torch.zeros((), dtype=torch.bool).expand(n, gone))
