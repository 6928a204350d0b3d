"""The effective field of one unit over the training: asked for moment by moment, and kept.

What a unit saw at a moment never changes, so a run that gains a moment every few seconds is asked
for that one alone. All moments of a long past take a while: the first and the last come first, then
those between them, and the curve is drawn as it fills.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ui.fields.effective import TIMEOUT, Asked, num_images
from ui.looking import glance
from ui.subject.bar import Chosen
from ui.time.past import stamp_of
from viz.results.fields import EffectiveField, FieldGrowth
from viz.results.history import choose_moments

MOST_MOMENTS: Final = 20
MAX_KEPT_BYTES: Final = 16 << 20
REDRAW_SECONDS: Final = 1.0

_lock = threading.Lock()
_kept: OrderedDict[tuple[Any, ...], EffectiveField] = OrderedDict()


@dataclass(frozen=True)
class Filling:
    """The moments that are there by now, the first and the last among them."""

    growth: FieldGrowth
    total: int  # moments once all are there

    @property
    def done(self) -> bool:
        """Whether all are there."""
        return len(self.growth.fields) == self.total


def gather_growth(chosen: Chosen, asked: Asked) -> Iterator[Filling]:
    """The field at up to `MOST_MOMENTS` log-spaced moments: about once a second what is there by
    then, at last all. Nothing where fewer than two moments are kept.

    Raises:
        EngineError: what `glance` raises; what was found before is kept for the next time.
    """
    if chosen.history is None or len(chosen.steps) < 2:
        return
    steps = choose_moments(chosen.steps, MOST_MOMENTS)
    images = num_images(chosen)
    keys = {
        step: (chosen.base, asked, images, step, stamp_of(chosen.history, step)) for step in steps
    }
    found = _recall(keys)
    drawn = time.monotonic()
    for step in coarse_first(steps):
        if step in found:
            continue
        if {steps[0], steps[-1]} <= found.keys() and time.monotonic() - drawn > REDRAW_SECONDS:
            yield _filling(found, steps)
            drawn = time.monotonic()
        found[step] = glance(
            "effective_field", f"{chosen.base}@{step}", layer=asked.layer, unit=list(asked.unit),
            channel=asked.channel, images=images, timeout=TIMEOUT, **chosen.options,
        )  # fmt: skip
        _keep(keys[step], found[step])
    yield _filling(found, steps)


def coarse_first(steps: Sequence[int]) -> list[int]:
    """The first and the last, then ever closer ones between them."""
    order = dict.fromkeys([steps[0], steps[-1]])
    every = len(steps)
    while every > 1:
        every = every // 2
        order |= dict.fromkeys(steps[::every])
    return list(order)


def forget() -> None:
    """Everything that is kept, for tests."""
    with _lock:
        _kept.clear()


def _filling(found: dict[int, EffectiveField], steps: Sequence[int]) -> Filling:
    fields = tuple(found[step] for step in steps if step in found)
    return Filling(FieldGrowth(fields), len(steps))


def _recall(keys: dict[int, tuple[Any, ...]]) -> dict[int, EffectiveField]:
    with _lock:
        found = {step: _kept[key] for step, key in keys.items() if key in _kept}
        for step in found:
            _kept.move_to_end(keys[step])
    return found


def _keep(key: tuple[Any, ...], field: EffectiveField) -> None:
    with _lock:
        _kept[key] = field
        while len(_kept) > 1 and sum(one.heat.nbytes for one in _kept.values()) > MAX_KEPT_BYTES:
            _kept.popitem(last=False)
