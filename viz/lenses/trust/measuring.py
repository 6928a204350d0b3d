"""What all measures of trust share: methods one after the other, each result as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from viz.lenses.registry import LensError
from viz.lenses.trust.images import Chosen
from viz.lenses.trust.maps import Heat, Settings, heats


@dataclass
class Progress:
    """How far a measurement is."""

    names: Sequence[str]
    refusals: dict[str, str] = field(default_factory=dict)
    done: int = 0  # methods
    share: float = 0.0  # of the work
    begin: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self.begin


def each_map(
    progress: Progress,
    chosen: Chosen,
    *,
    layer: str | None,
    settings: Settings | None,
    weight: float = 0.5,
) -> Iterator[tuple[str, Tensor | None]]:
    """The maps (N, H, W) of each method as they are ready, see `each_heat`."""
    for name, found in each_heat(progress, chosen, layer=layer, settings=settings, weight=weight):
        yield name, None if found is None else found.values


def each_heat(
    progress: Progress,
    chosen: Chosen,
    *,
    layer: str | None,
    settings: Settings | None,
    weight: float = 0.5,
) -> Iterator[tuple[str, Heat | None]]:
    """All of a method's maps, as they are ready; None: a time to tell how far it is, also after
    whoever asked has dealt with the maps.

    Args:
        progress: which methods; it is kept up to date.
        chosen: the images.
        layer, settings: see `heats`.
        weight: which part of a method's work its maps are, the rest being the measure.
    """
    total = len(progress.names)
    for found in heats(
        progress.names,
        chosen.subject,
        chosen.batch,
        chosen.classes,
        references=chosen.references,
        layer=layer,
        settings=settings,
    ):
        progress.share = (progress.done + weight * found.share) / total
        if found.values is not None:
            yield found.name, found
        if found.refusal:
            progress.refusals[found.name] = found.refusal
        if found.refusal or found.values is not None:
            progress.done += 1
            progress.share = progress.done / total
        yield found.name, None


def check_share(name: str, value: float, low: float, high: float) -> float:
    """`value`, a number from `low` to `high`.

    Raises:
        LensError: for anything else.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise LensError(f"{name} is {str(value)[:40]}: choose a number from {low:g} to {high:g}.")
    return float(value)
