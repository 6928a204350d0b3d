"""How far a counted share can be trusted: the interval that belongs beside every accuracy.

Without torch and plotly, because lenses, pages and games all count.
"""

from __future__ import annotations

import math
from typing import Final

Z95: Final = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % on each side."""


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), in [0, 1]; of no trials it is all of [0, 1].

    Unlike p ± z·√(p(1−p)/n) it is right for few trials and for shares near 0 and 1, where that one
    has no width at all.

    Args:
        successes: 0 to `trials`.
        trials: how many there were.
        z: quantile of the normal distribution; default: 95 %.

    Raises:
        ValueError: there are more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share: count from 0 to all of them.")
    if trials == 0:
        return 0.0, 1.0
    share, square = successes / trials, z * z
    middle = share + square / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    scale = 1 + square / trials
    low = 0.0 if successes == 0 else (middle - half) / scale  # exact where rounding is not
    high = 1.0 if successes == trials else (middle + half) / scale
    return low, high
