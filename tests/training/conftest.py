"""Fixtures of the training tests: one thread, and a data set made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from data.load import Dataset
from tests.training.helpers import make_data


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Nets this small only lose by more threads, and other tests may run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data() -> Dataset:
    """50 images to train on: 7 batches of 8, the last of 2."""
    return make_data()
