"""Maps of a network before and after a change of it, compared method by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from viz.attribution.table import find_method
from viz.lenses.arrays import to_floats, to_ints
from viz.lenses.context import Subject
from viz.lenses.saliency.heat import heat
from viz.lenses.trust.baselines import control_map, random_keys
from viz.lenses.trust.collect import to_doubles
from viz.lenses.trust.explaining import explained
from viz.lenses.trust.images import Chosen
from viz.lenses.trust.maps import Settings
from viz.lenses.trust.similarity import is_constant, spearman, structural_similarity
from viz.results.randomisation import Band, MethodChange
from viz.results.trust import Doubles
from viz.trust.confidence import mean_interval
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
    chosen: Chosen,
    *,
    layer: str | None,
    settings: Settings | None,
    stage: int,
) -> Iterator[tuple[float, Signed | None]]:
    """How far the maps of a method or a control are, and with share 1 the maps.

    Absolute values are taken by pixel and channel and then summed, as in the published check. A
    random map is another one at every `stage`; the other controls never change.

    Args:
        name: of the method or control.
        subject: the network, which may be another one than the images were chosen for.
        chosen: the images.
        layer, settings: see `heats`.
        stage: of the change.

    Raises:
        LensError: the network does not allow the method.
    """
    images = chosen.batch
    if name in CONTROLS:
        random = random_keys(images, salt=stage) if name == "random" else None
        values = control_map(name, images) if random is None else random
        yield 1.0, Signed(values, values)
        return
    method, size = find_method(name), (int(images.shape[-2]), int(images.shape[-1]))
    parts: list[Signed] = []
    for part in explained(
        name, subject, images, chosen.classes, layer=layer,
        settings=(settings or {}).get(name, {}), references=chosen.references,
    ):  # fmt: skip
        if part.values is not None:
            absolute = heat(part.values.abs(), size, method)
            parts.append(Signed(heat(part.values, size, method), absolute))
        if part.values is None or part.span.stop < len(images):
            yield part.share, None
    maps = (torch.cat([part.values for part in parts]), torch.cat([p.absolute for p in parts]))
    yield 1.0, Signed(*maps)


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
            bands={name: _band(values) for name, values in found.items()},
            empty=to_ints(torch.tensor(self._empty)),
            maps=to_floats(torch.stack(self._maps)),
            **found,
        )


def _band(values: Doubles) -> Band:
    """The mean over images at each stage of values (S, N); each stage has the images that it has."""
    return Band(*np.array([mean_interval(stage) for stage in values]).T)


def _small(maps: Tensor) -> Tensor:
    """Maps (E, H, W) of at most `MAP_SIDE` pixels a side, each the mean of those it stands for."""
    height, width = maps.shape[-2:]
    factor = max(1, -(-max(height, width) // MAP_SIDE))
    if factor == 1:
        return maps
    return F.adaptive_avg_pool2d(maps[:, None], (height // factor, width // factor))[:, 0]
