"""Maps of a network before and after a change of it, compared method by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from viz.attribution.table import METHODS, find_method
from viz.lenses.arrays import to_floats, to_ints
from viz.lenses.batching import in_batches
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.heat import heat
from viz.lenses.saliency.methods import run
from viz.lenses.saliency.problem import make_problem
from viz.lenses.trust.baselines import control_map, random_keys
from viz.lenses.trust.collect import to_doubles
from viz.lenses.trust.maps import BATCH_VALUES, Settings
from viz.lenses.trust.similarity import is_constant, spearman, structural_similarity
from viz.results.randomisation import Band, MethodChange
from viz.results.trust import Doubles
from viz.trust.confidence import bands
from viz.trust.controls import CONTROLS, title_of

MAP_SIDE: Final = 64  # pixels of a map to look at


@dataclass(frozen=True)
class Signed:
    """A method's maps of all images, with and without their sign."""

    values: Tensor  # (N, H, W)
    absolute: Tensor  # (N, H, W)


def explain(
    name: str,
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    *,
    layer: str | None,
    settings: Settings | None,
    stage: int,
) -> Signed:
    """The maps of a method or a control for normalised images (N, C, H, W).

    Absolute values are taken by pixel and channel and then summed, as in the published check. A
    random map is another one at every `stage`; the other controls never change.

    Raises:
        LensError: the network does not allow the method.
    """
    if name in CONTROLS:
        random = random_keys(images, salt=stage) if name == "random" else None
        values = control_map(name, images) if random is None else random
        return Signed(values, values)
    method, size = find_method(name), (int(images.shape[-2]), int(images.shape[-1]))
    own: Mapping[str, Any] = (settings or {}).get(name, {})
    try:
        method.settings(own)
    except ValueError as error:
        raise LensError(str(error)) from None

    def make(index: Tensor) -> Signed:
        problem = make_problem(
            subject, images[index], classes[index],
            layer=layer if METHODS[name].layered else None, settings=own,
        )  # fmt: skip
        *_, last = run(name, problem)
        found = last.values.detach()
        return Signed(heat(found, size, method), heat(found.abs(), size, method))

    step = max(1, BATCH_VALUES // images[0].numel())
    parts = [part for _, part in in_batches(make, torch.arange(len(images)), step)]
    return Signed(
        torch.cat([part.values for part in parts]), torch.cat([part.absolute for part in parts])
    )


class Follower:
    """One method's maps over the stages of a change.

    Args:
        name: of the method or control.
        before: its maps before the change.
        examples: which images are to be looked at.
    """

    def __init__(self, name: str, before: Signed, examples: Sequence[int]) -> None:
        self._name = name
        self._before = before
        self._examples = list(examples)
        self._rank: list[Doubles] = []
        self._absolute: list[Doubles] = []
        self._similarity: list[Doubles] = []
        self._empty: list[int] = []
        self._maps: list[Tensor] = []
        self.add(before)

    def add(self, now: Signed) -> None:
        """The maps after the next stage."""
        before = self._before
        self._rank.append(to_doubles(spearman(before.values, now.values)))
        self._absolute.append(to_doubles(spearman(before.absolute, now.absolute)))
        self._similarity.append(to_doubles(structural_similarity(before.absolute, now.absolute)))
        self._empty.append(int(is_constant(now.values).sum()))
        self._maps.append(_small(now.values[self._examples]))

    def change(self) -> MethodChange:
        """What is known so far."""
        found = {
            "rank": np.stack(self._rank),
            "rank_absolute": np.stack(self._absolute),
            "similarity": np.stack(self._similarity),
        }  # (S, N) each
        return MethodChange(
            method=self._name,
            title=title_of(self._name),
            control=self._name in CONTROLS,
            bands={name: Band(*bands(values.T)) for name, values in found.items()},
            empty=to_ints(torch.tensor(self._empty)),
            maps=to_floats(torch.stack(self._maps)),
            **found,
        )


def _small(maps: Tensor) -> Tensor:
    """Maps (E, H, W) of at most `MAP_SIDE` pixels a side, each the mean of those it stands for."""
    height, width = maps.shape[-2:]
    factor = max(1, -(-max(height, width) // MAP_SIDE))
    if factor == 1:
        return maps
    return F.adaptive_avg_pool2d(maps[:, None], (height // factor, width // factor))[:, 0]
