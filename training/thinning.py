"""Keeps a curve of any length in a few hundred points without losing a spike.

Neighbouring points are grouped; of each group its lowest and its highest point stay. When there are
too many, groups are merged in pairs, so the density is the same over the whole curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Point = tuple[int, float]


@dataclass(frozen=True)
class Series:
    """One number over the updates of a run."""

    steps: npt.NDArray[np.int64]  # (n,), never falling
    values: npt.NDArray[np.float64]  # (n,), NaN where the number was not finite

    def __len__(self) -> int:
        return len(self.steps)


class Thinned:
    """A curve that grows at its end and never holds more than `limit` points."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._groups: list[list[Point]] = []  # complete ones, at most two points each
        # The points of complete groups once more, flat: pages ask for them every second.
        self._steps: list[int] = []
        self._values: list[float] = []
        self._open: list[Point] = []
        self._size = 1  # points that went into each complete group

    def add(self, step: int, value: float) -> None:
        """One more point; steps do not fall."""
        self._open.append((step, value))
        if len(self._open) >= self._size:
            self._close()
            if len(self._steps) > self._limit - 2:
                self._merge()

    def drop_after(self, step: int) -> None:
        """Forget all points beyond `step`: the run went back there."""
        kept = [[point for point in group if point[0] <= step] for group in self._groups]
        self._open = [point for point in self._open if point[0] <= step]
        self._keep([group for group in kept if group])

    def series(self) -> Series:
        """All points kept, as arrays."""
        last = extremes(self._open)
        return Series(
            np.array([*self._steps, *(step for step, _ in last)], np.int64),
            np.array([*self._values, *(value for _, value in last)], np.float64),
        )

    def _close(self) -> None:
        group = extremes(self._open)
        self._groups.append(group)
        self._steps += [step for step, _ in group]
        self._values += [value for _, value in group]
        self._open = []

    def _merge(self) -> None:
        pairs = range(0, len(self._groups) - 1, 2)
        last = self._groups[-1] if len(self._groups) % 2 else []
        self._keep([extremes(self._groups[i] + self._groups[i + 1]) for i in pairs])
        self._open = last
        self._size *= 2

    def _keep(self, groups: list[list[Point]]) -> None:
        self._groups = groups
        self._steps = [step for group in groups for step, _ in group]
        self._values = [value for group in groups for _, value in group]


def extremes(points: list[Point]) -> list[Point]:
    """The lowest and the highest point in their order; a value that is not finite counts as both."""
    if len(points) < 3:
        return points
    for position, (_, value) in enumerate(points):
        if not math.isfinite(value):
            other = points[0] if position else points[-1]
            return [other, points[position]] if position else [points[position], other]
    low = min(range(len(points)), key=lambda i: points[i][1])
    high = max(range(len(points)), key=lambda i: points[i][1])
    return [points[i] for i in sorted({low, high})]
