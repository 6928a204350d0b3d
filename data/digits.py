"""scikit-learn's handwritten digits, embedded: 1797 images, no network, trained in seconds.

A pixel counts the inked cells (0 to 16) of a 4×4 block of a 32×32 bitmap. The images are shown at
16×16 by bilinear interpolation: a count is an average over an area, so going through the averages
linearly is the best guess at the 2×2 counts in between, whereas repeating pixels would draw block
edges that no pen made and that first-layer filters would duly learn.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from data.paths import DataError

NUM_VAL, NUM_TEST = 180, 360
LEVELS = 16  # the largest count


def load_digits() -> tuple[Tensor, Tensor]:
    """All images, uint8 (1797, 1, 16, 16), and their digits, int64 (1797,), in scikit-learn's order.

    The file is read where scikit-learn keeps it, without importing scikit-learn: that import takes
    longer than many a training run on these images.

    Raises:
        DataError: when scikit-learn is not installed.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError(
            "The digits come with scikit-learn, which is missing: pip install scikit-learn."
        )
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))
    counts = table[:, :-1].reshape(-1, 1, 8, 8)
    return upsample(counts.float() / LEVELS), table[:, -1].long()


def upsample(images: Tensor) -> Tensor:
    """Block averages in [0, 1], (N, 1, 8, 8), as the uint8 pictures (N, 1, 16, 16) of the set."""
    larger = interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    return (larger * 255).round().to(torch.uint8)
