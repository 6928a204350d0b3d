"""Small steps that several lenses share: pictures for browsers, probabilities of many images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.images import normalize
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.results import Bytes, Floats, Ints

BATCH = 250  # images; small batches stay in the cache of a CPU


def to_pictures(images: Tensor) -> Bytes:
    """uint8 (N, C, H, W) to an array (N, H, W, C); without N likewise."""
    return np.ascontiguousarray(images.movedim(-3, -1).cpu().numpy())


def to_ints(values: Tensor) -> Ints:
    """int64 array of a tensor, its own memory: what is handed out must not change afterwards."""
    array: npt.NDArray[np.int64] = values.detach().to(torch.int64).cpu().numpy()
    return array.copy()


def to_floats(values: Tensor) -> Floats:
    """float32 array of a tensor, in C order, its own memory."""
    array: npt.NDArray[np.float32] = values.detach().to(torch.float32).cpu().contiguous().numpy()
    return array.copy()


@torch.inference_mode()
def compute_probs(subject: Subject, images: Tensor) -> Floats:
    """Softmax probabilities (N, K) of stored images uint8 (N, C, H, W), computed in batches."""
    batches = [
        torch.softmax(subject.net(normalize(images[at : at + BATCH], subject.info)), dim=1)
        for at in range(0, len(images), BATCH)
    ]
    empty = torch.empty(0, len(subject.info.classes))
    return to_floats(torch.cat([empty, *batches]))


def check_count(name: str, value: int, most: int) -> int:
    """`value`, a whole number from 1 to `most`.

    Raises:
        LensError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise LensError(f"{name} is {value!r}: choose a whole number from 1 to {most}.")
    return value
