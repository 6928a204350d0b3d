"""What the convolution lenses return: torch's own answer, and a filtered picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats


@dataclass(frozen=True)
class TorchAnswer:
    """What torch computes for a setting of the arithmetic page, in double precision."""

    outputs: tuple[npt.NDArray[np.float64], ...]  # (O, *out) after each layer that has weights
    version: str  # of torch


@dataclass(frozen=True)
class FilteredPicture:
    """A picture and what a kernel makes of it, in units in which black is 0 and white 1."""

    picture: Bytes  # (H, W, 1) or (H, W, 3)
    response: Floats  # (H', W', 1) or (H', W', 3), signed
    note: str  # what was done to the picture first, one sentence; often empty
