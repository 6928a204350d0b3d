"""The gradient against finite differences, the momentum against the loop's own optimiser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from data.catalogue import get_info
from models.modules import PartialConv2d
from models.weights import save_weights
from tests.viz.lenses.nets import OneNet, split
from training import checkpoint
from training.run_store import RunStore
from training.spec import OptimizerSpec, TrainSpec, parse_spec
from training.state import TrainState
from viz.lenses.context import LensContext
from viz.lenses.filter_learning import compute_gradient, filter_learning

LAYERS = [
    {"kind": "conv", "out_channels": 3, "kernel_size": 3},
    {"kind": "norm"},
    {"kind": "activation"},
    {"kind": "dropout", "p": 0.5},
    {"kind": "flatten"},
    {"kind": "linear"},
]


def test_equals_finite_differences() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Dropout(0.9), nn.Flatten(),
        nn.Linear(3 * 4, 2),
    ).double()  # fmt: skip
    images = torch.randn(5, 2, 4, 4, dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0, 1])
    gradient, loss = compute_gradient(net, "0", images, labels, 0.1)

    def loss_at(place: tuple[int, ...], change: float) -> float:
        weight = net.get_parameter("0.weight")
        with torch.no_grad():
            weight[place] += change
            maps = net[1](net[0](images)).tanh()  # batch statistics, no dropout
            logits = net[5](maps.flatten(1))
            found = functional.cross_entropy(logits, labels, label_smoothing=0.1)
            weight[place] -= change
        return float(found)

    assert loss == pytest.approx(loss_at((0, 0, 0, 0), 0.0), rel=1e-12)
    for place in ((0, 0, 0, 0), (1, 1, 2, 0), (2, 0, 1, 2)):
        slope = (loss_at(place, 1e-5) - loss_at(place, -1e-5)) / 2e-5
        assert float(gradient[place]) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_a_partial_convolution_has_its_gradient_where_it_is_connected() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        PartialConv2d(2, [[0], [0, 1]], 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2)
    )
    nn.init.normal_(net.get_parameter("0.weight"))
    images = torch.rand(6, 2, 4, 4)
    context = OneNet(net, {"train": split(images, [0, 1] * 3)}, shape=(2, 4, 4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = filter_learning(context, "random:lenet5", None)
    assert found.gradient is not None
    assert found.gradient.shape == (2, 2, 3, 3)
    assert not found.gradient[0, 1].any()
    assert all(found.gradient[o, i].any() for o, i in ((0, 0), (1, 0), (1, 1)))
    assert found.layer_gradient == np.abs(found.gradient).max()
    assert "6 training images" in found.gradient_note
    # the shared network is as before
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert found.momentum is None
    assert "runs of this server" in found.momentum_note


def test_without_training_images_there_is_a_sentence() -> None:
    found = filter_learning(OneNet(nn.Sequential(nn.Conv2d(1, 1, 3))), "torchvision:alexnet", None)
    assert found.gradient is None
    assert np.isnan(found.loss)
    assert "not here" in found.gradient_note


def trained(store: RunStore, optimizer: OptimizerSpec, steps: int = 3) -> tuple[str, TrainState]:
    """A run as the loop leaves it after some updates, with its checkpoint."""
    spec: TrainSpec = parse_spec({"network": {"kind": "custom", "layers": LAYERS}})
    spec = spec.model_copy(update={"optimizer": optimizer})
    run_id = store.new_run(spec)
    info = get_info("digits")
    state = TrainState.fresh(spec, info, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        images = torch.randn(8, *info.shape, generator=generator)
        loss = functional.cross_entropy(state.model(images), torch.arange(8))
        state.optimizer.zero_grad()
        torch.autograd.backward(loss)
        state.optimizer.step()
        state.step += 1
    assert checkpoint.save(store.checkpoint_path(run_id), state)
    save_weights(store.weights_path(run_id), state.model.state_dict(), {"step": str(state.step)})
    save_weights(store.snapshot_path(run_id, 1), state.model.state_dict(), {"step": "1"})
    return run_id, state


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [
        (OptimizerSpec(name="sgd", momentum=0.9), "momentum_buffer"),
        (OptimizerSpec(name="adam", momentum=0.9), "exp_avg"),
        (OptimizerSpec(name="adamw", momentum=0.9), "exp_avg"),
        (OptimizerSpec(name="rmsprop", momentum=0.9), "momentum_buffer"),
    ],
)
def test_momentum_is_what_the_optimiser_holds(
    store: RunStore, context: LensContext, optimizer: OptimizerSpec, kind: str
) -> None:
    run_id, state = trained(store, optimizer)
    held = state.optimizer.state[state.model.get_parameter("conv1.weight")][kind]
    found = filter_learning(context, f"run:{run_id}", None, first_filter=1)
    assert found.momentum is not None
    assert np.array_equal(found.momentum, held[1:].numpy())
    assert found.layer_momentum == float(held.abs().max())
    assert "After update 3" in found.momentum_note
    assert found.gradient is not None
    assert found.gradient.shape == found.momentum.shape


def test_where_there_is_no_momentum_the_reason_is_given(
    store: RunStore, context: LensContext
) -> None:
    plain, _ = trained(store, OptimizerSpec(name="sgd", momentum=0))
    assert "trains without momentum" in filter_learning(context, f"run:{plain}", None).momentum_note
    delta, _ = trained(store, OptimizerSpec(name="adadelta"))
    assert "adadelta" in filter_learning(context, f"run:{delta}", None).momentum_note
    run_id, _ = trained(store, OptimizerSpec(name="adam"))
    older = filter_learning(context, f"run:{run_id}@1", None)
    assert older.momentum is None
    assert "newest checkpoint only, update 3" in older.momentum_note
    path: Path = store.checkpoint_path(run_id)
    path.write_bytes(path.read_bytes()[:200])
    assert "damaged" in filter_learning(context, f"run:{run_id}", None).momentum_note
    path.unlink()
    assert (
        "No state of the optimiser" in filter_learning(context, f"run:{run_id}", None).momentum_note
    )
