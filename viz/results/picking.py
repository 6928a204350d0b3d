"""What is needed to choose an image: how a network sees it, and which classes a split holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """One image as a network sees it."""

    image: NDArray[np.uint8]  # (H, W) or (H, W, 3)
    label: str | None  # its true class, where it is known
    note: str  # what was done to make it fit, one sentence; often empty


@dataclass(frozen=True)
class SplitLabels:
    """The classes of all images of a split, in its order."""

    labels: NDArray[np.int64]  # (N,)
    classes: tuple[str, ...]
