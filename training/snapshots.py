"""At which updates weights are kept: log-spaced, because a network changes most at first.

These moments are the time machine of a run. Nothing here imports torch.
"""

from __future__ import annotations

import math
from typing import Final

_PER_DECADE: Final = 12


def is_snapshot_step(step: int) -> bool:
    """Whether weights are kept at this step: 0, 1, 2, 3, …, then 12 for each factor of ten."""
    if step < 1:
        return step == 0
    near = round(_PER_DECADE * math.log10(step))
    return step in [round(10 ** (k / _PER_DECADE)) for k in range(near - 1, near + 2)]
