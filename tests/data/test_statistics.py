"""The numbers of the catalogue, recomputed from the images they describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data.catalogue import REMOTE
from data.load import load_dataset


def _check(name: str, tolerance: float, image_size: int | None = None) -> None:
    data = load_dataset(name, image_size=image_size)
    channels = data.train.images.transpose(0, 1).flatten(1).double() / 255  # (C, all pixels)
    assert channels.mean(1).tolist() == pytest.approx(data.info.mean, abs=tolerance)
    assert channels.std(1).tolist() == pytest.approx(data.info.std, abs=tolerance)


def test_digits() -> None:
    _check("digits", 1e-4)


@pytest.mark.parametrize(("size", "tolerance"), [(32, 2e-4), (64, 6e-3)])
def test_shapes(size: int, tolerance: float) -> None:
    _check("shapes", tolerance, size)


@pytest.mark.data
@pytest.mark.parametrize("name", list(REMOTE))
def test_torchvision_sets(name: str, real_data: Callable[[str], Path]) -> None:
    real_data(REMOTE[name].folder)
    torch.set_num_threads(1)
    _check(name, 1e-3)  # the usual constants are those of all training images, hold-out included
