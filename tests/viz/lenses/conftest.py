"""A run as the engine leaves it on disk: digits, a small network with weights at several steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from data.catalogue import get_info
from data.load import Dataset, load_dataset
from models.build import build_network
from models.weights import save_weights
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import TrainSpec, parse_spec
from viz.lenses.context import LensContext

LAYERS = [
    {"kind": "conv", "out_channels": 4, "kernel_size": 5, "padding": 2},
    {"kind": "norm"},
    {"kind": "activation"},
    {"kind": "pool"},
    {"kind": "residual", "out_channels": 6, "stride": 2, "shortcut": "conv"},
    {"kind": "dropout", "p": 0.5},
    {"kind": "flatten"},
    {"kind": "linear"},
]

WriteWeights = Callable[..., nn.Sequential]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def context(store: RunStore) -> LensContext:
    return LensContext(store)


@pytest.fixture
def spec() -> TrainSpec:
    return parse_spec({"network": {"kind": "custom", "layers": LAYERS}, "seed": 3})


@pytest.fixture
def run_id(store: RunStore, spec: TrainSpec) -> str:
    return store.new_run(spec)


@pytest.fixture
def write(store: RunStore, spec: TrainSpec, run_id: str) -> WriteWeights:
    """Writes weights drawn from `seed` as the run's latest, or as the snapshot of `step`; returns
    the network that has them, in evaluation mode."""

    def save(seed: int, step: int, *, snapshot: bool = False) -> nn.Sequential:
        info = get_info(spec.dataset.name)
        layers = spec_layers(spec, info)
        net = build_network(layers, info.shape, len(info.classes), seed=seed).eval()
        path = store.snapshot_path(run_id, step) if snapshot else store.weights_path(run_id)
        save_weights(path, net.state_dict(), {"step": str(step)})
        return net

    return save


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """The images of the run."""
    return load_dataset("digits")


@pytest.fixture
def net(write: WriteWeights) -> nn.Sequential:
    """The network of the run after 40 updates, which are its latest."""
    return write(seed=1, step=40)


@pytest.fixture
def model(run_id: str, net: nn.Sequential) -> str:
    """The reference that names it."""
    return f"run:{run_id}"
