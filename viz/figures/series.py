"""Arithmetic on curves before they are drawn: smoothing, bands over seeds, labels that do not
collide, the learning rate a range test suggests. Plain numpy in and out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from viz.results import Curve

Array = npt.NDArray[np.float64]
_NEGLIGIBLE = 1e-18  # a weight that changes no sum it is added to


class Band(NamedTuple):
    """Several runs of one setting as one: (n,) arrays over common steps."""

    steps: Array
    mean: Array
    low: Array
    high: Array
    seeds: int


def smooth(curve: Curve, *, window: float | None = None) -> Array:
    """Average over neighbours on both sides, with weights exp(−distance / window); (n,) values.

    Distance is counted in updates, not in points, so thinning a curve does not change how smooth it
    looks, and looking both ways keeps the smoothed line from lagging behind a falling loss.
    `window` is in updates (default: 1 % of the span). Values that are not finite are left out and
    stay NaN.
    """
    steps, values = np.asarray(curve.steps, float), np.asarray(curve.values, float)
    smoothed = np.full_like(values, np.nan)
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    if len(steps) < 2:
        smoothed[finite] = values
        return smoothed
    decay = np.exp(-np.diff(steps) / max(window or 0.01 * float(steps[-1] - steps[0]), 1e-9))
    # Values and ones, forwards and backwards: (2, 2, n).
    both = np.stack([values, np.ones_like(values)])
    sums = _decayed_sums(np.stack([both, both[:, ::-1]]), np.stack([decay, decay[::-1]]))
    total, weight = sums[0] + sums[1, :, ::-1] - both  # the point itself is in both sums
    smoothed[finite] = total / weight
    return smoothed


def _decayed_sums(values: Array, decay: Array) -> Array:
    """Running sums along the last axis, multiplied by `decay` between points.

    By doubling (Hillis and Steele 1986, "Data parallel algorithms"): after a round each point holds
    the sum over twice as many points, so a few array operations do what takes a loop hundreds.

    Args:
        values: (rows, k, n).
        decay: (rows, n - 1), between points i and i + 1, of every row's k sums.
    """
    sums = values.copy()
    factor = np.zeros((len(values), 1, values.shape[-1]))  # from the point `reach` before
    factor[:, 0, 1:] = decay
    reach = 1
    while reach < values.shape[-1]:
        step = factor[:, :, reach:]
        if step.max() < _NEGLIGIBLE:
            break
        sums[:, :, reach:] += sums[:, :, :-reach] * step
        factor[:, :, reach:] = step * factor[:, :, :-reach]
        reach *= 2
    return sums


def compute_band(curves: Sequence[Curve]) -> Band:
    """Mean, lowest and highest over runs on the steps that all of them reached.

    Runs are interpolated linearly between their points. Empty curves are left out.
    """
    used = [(np.asarray(c.steps, float), np.asarray(c.values, float)) for c in curves]
    used = [(s[np.isfinite(v)], v[np.isfinite(v)]) for s, v in used]
    used = [(s, v) for s, v in used if len(s)]
    none = np.empty(0)
    if not used:
        return Band(none, none, none, none, 0)
    first, last = max(s[0] for s, _ in used), min(s[-1] for s, _ in used)
    if first > last:
        return Band(none, none, none, none, len(used))
    steps = np.unique(np.concatenate([s for s, _ in used] + [np.array([first, last])]))
    steps = steps[(steps >= first) & (steps <= last)]
    stack = np.stack([np.interp(steps, s, v) for s, v in used])  # (runs, n)
    return Band(steps, stack.mean(axis=0), stack.min(axis=0), stack.max(axis=0), len(used))


def spread_labels(positions: npt.ArrayLike, *, gap: float) -> Array:
    """Positions moved apart to at least `gap`, order kept, each group centred on where it was.

    The classic isotonic trick: after subtracting i·gap, "at least gap apart" means "not falling",
    and pooling neighbours that fall gives the nearest such positions in the squared sense.
    """
    wanted = np.asarray(positions, float)
    order = np.argsort(wanted, kind="stable")
    blocks: list[tuple[float, int]] = []  # mean, size
    for value in wanted[order] - gap * np.arange(len(wanted)):
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (m2, n2), (m1, n1) = blocks.pop(), blocks.pop()
            blocks.append(((m1 * n1 + m2 * n2) / (n1 + n2), n1 + n2))
    placed = np.concatenate([np.full(n, m) for m, n in blocks]) if blocks else np.empty(0)
    result = np.empty_like(wanted)
    result[order] = placed + gap * np.arange(len(wanted))
    return result


def smooth_range(lrs: npt.ArrayLike, losses: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """A range test for reading: rates (n,) rising, raw and smoothed losses (n,).

    Values that are not finite are left out. A loss far above the first one means divergence; it is
    cut at twice the first, so that it does not leak into the smoothed values before it.
    """
    rates, raw = np.asarray(lrs, float), np.asarray(losses, float)
    usable = np.isfinite(raw) & (rates > 0)
    rates, raw = rates[usable], raw[usable]
    if len(rates) < 2:
        return rates, raw, raw
    decades = np.log10(rates)
    cut = np.minimum(raw, 2 * abs(raw[0]))
    return rates, raw, smooth(Curve(decades, cut), window=0.02 * max(float(np.ptp(decades)), 1e-9))


def suggest_lr(lrs: npt.ArrayLike, losses: npt.ArrayLike) -> float | None:
    """The rate at which the smoothed loss falls fastest per decade (Smith 2017, section 3.3, read
    as fast.ai does: the steepest point before the lowest one); None where the loss never falls.
    """
    rates, _, smoothed = smooth_range(lrs, losses)
    if len(rates) < 5:
        return None
    lowest = int(np.argmin(smoothed))
    if lowest < 2:
        return None
    slope = np.gradient(smoothed[: lowest + 1], np.log10(rates[: lowest + 1]))
    steepest = int(np.argmin(slope))
    return float(rates[steepest]) if slope[steepest] < 0 else None
