"""When a lens that takes long says how far it is: often enough to be followed, seldom enough to get on."""

from __future__ import annotations

import time
from typing import Final

_SECONDS: Final = 0.15  # of work between two partial results


class Pace:
    """Says when it is time for a partial result.

    Args:
        at_once: whether the first is due before any time has passed.
    """

    def __init__(self, *, at_once: bool = False) -> None:
        self._next = time.monotonic() + (0.0 if at_once else _SECONDS)

    def due(self) -> bool:
        """Whether enough has been done since it was due last."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _SECONDS
        return True
