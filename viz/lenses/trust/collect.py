"""Numbers of methods on images become a `Measurement`: means, intervals, and what the number means."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from viz.results.trust import Doubles, Measurement, MethodScore, TrustCurve
from viz.trust.confidence import bands, mean_interval
from viz.trust.controls import CONTROLS, title_of
from viz.trust.measures import MEASURES


def to_doubles(values: Tensor) -> Doubles:
    """float64 array of a tensor; what is not finite becomes NaN."""
    array = values.detach().cpu().double().numpy()
    return np.where(np.isfinite(array), array, np.nan)


def method_score(method: str, values: Doubles) -> MethodScore:
    """One method's numbers (N,)."""
    mean, low, high = mean_interval(values)
    return MethodScore(method, title_of(method), method in CONTROLS, values, mean, low, high)


def measurement(
    measure: str, values: Mapping[str, Doubles], chance: float | None = None
) -> Measurement:
    """One measure of several methods.

    Args:
        measure: name in `MEASURES`.
        values: method to its numbers (N,).
        chance: what knowing nothing gives, where that is known.
    """
    row = MEASURES[measure]
    return Measurement(
        measure=measure,
        title=row.title,
        what=row.what,
        higher_is_better=row.higher_is_better,
        evidence=row.evidence,
        chance=chance,
        scores=tuple(method_score(name, numbers) for name, numbers in values.items()),
    )


def trust_curve(method: str, curve: str, shares: Doubles, values: Doubles) -> TrustCurve:
    """The mean of one method's curves (N, S) at `shares` (S,) of the pixels."""
    mean, low, high = bands(values)
    return TrustCurve(method, title_of(method), method in CONTROLS, curve, shares, mean, low, high)
