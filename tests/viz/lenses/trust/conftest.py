"""Networks that the tests train themselves, once a session, and contexts that answer with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pytest
import torch
from torch import nn

from data.load import Dataset, Split, load_dataset
from training.loop import train
from training.spec import DatasetSpec, TrainSpec
from training.state import TrainState
from viz.lenses.context import LensContext, Subject, choose_split
from viz.trust.trap import shortcut_spec


@dataclass
class Trained(LensContext):
    """A context whose every model reference means one trained network."""

    net: nn.Module
    spec: TrainSpec
    dataset: Dataset

    def __post_init__(self) -> None:
        super().__init__()
        self.net.eval().requires_grad_(False)

    def subject(self, model: str | None, dataset: object = None) -> Subject:
        """The network, whatever is asked for."""
        spec = self.spec
        return Subject(self.net, spec.title, self.dataset.info, spec.dataset, spec.seed, spec, None)

    def data(self, spec: DatasetSpec, seed: int = 0) -> Dataset:
        """What it was trained on."""
        return self.dataset

    def images(self, subject: Subject, split: str) -> Split:
        """A split of that."""
        return choose_split(self.dataset, split)


@pytest.fixture(scope="session")
def plain_net() -> Trained:
    """A small network that learned the shapes."""
    return train_net(shortcut_spec(0.0))


@pytest.fixture(scope="session")
def shortcut_net() -> Trained:
    """The same network, taught with a corner patch that nearly always tells the label."""
    return train_net(shortcut_spec())


@lru_cache(maxsize=4)
def train_net(spec: TrainSpec) -> Trained:
    """The network of a spec, trained by the program's own loop in about ten seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = load_dataset(**spec.dataset.model_dump(), seed=spec.seed)
        state = TrainState.fresh(spec, data.info, torch.device("cpu"))
        for _ in train(spec, data, state):
            pass
    finally:
        torch.set_num_threads(threads)
    return Trained(state.model, spec, data)
