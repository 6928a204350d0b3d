"""The map of a network: shapes, counts and connections, for nets of every origin."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from data.catalogue import get_info
from models.introspect import list_modules
from models.layers import check
from models.zoo import find_net, weights_file
from tests.viz.lenses.conftest import WriteWeights
from training.network import spec_layers
from training.shipped import ShippedNet, list_shipped
from training.spec import TrainSpec
from viz.lenses.context import LensContext
from viz.lenses.network import _layers, network
from viz.results.network import NetworkMap


def by_name(found: NetworkMap) -> dict[str, tuple[str, ...]]:
    return {layer.name: layer.inputs for layer in found.layers}


def test_a_run_is_what_its_layer_table_says(
    context: LensContext, run_id: str, write: WriteWeights, spec: TrainSpec
) -> None:
    write(seed=1, step=40)
    found = network(context, f"run:{run_id}", None)
    info = get_info("digits")
    summary = check(spec_layers(spec, info), info.shape, 10)
    top = [layer for layer in found.layers if "." not in layer.name]
    assert [layer.name for layer in top] == [row.name for row in summary.rows]
    assert [layer.out_shape for layer in top] == [row.out_shape for row in summary.rows]
    assert [layer.num_params for layer in top] == [row.num_params for row in summary.rows]
    assert [layer.macs for layer in top] == [row.macs for row in summary.rows]
    assert (found.num_params, found.macs) == (summary.num_params, summary.macs)
    assert (found.input_shape, found.classes, found.step) == (info.shape, info.classes, 40)
    assert [layer.name for layer in found.convolutions] == [
        "conv1", "block1.conv1", "block1.conv2", "block1.shortcut.conv",
    ]  # fmt: skip


def test_the_wires_of_a_residual_block(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=40)
    wires = by_name(network(context, f"run:{run_id}", None))
    assert wires["conv1"] == ("",)
    assert wires["block1"] == ("pool1",)
    assert wires["block1.shortcut.conv"] == ("pool1",)
    assert wires["block1.relu2"] == ("block1.norm2", "block1.shortcut.norm")
    assert wires["flatten1"] == ("drop1",)


@pytest.mark.parametrize("net", list_shipped(), ids=lambda net: str(net.name))
def test_shipped_networks(net: ShippedNet, context: LensContext) -> None:
    found = network(context, f"shipped:{net.name}", None)
    info = get_info(net.spec.dataset.name)
    summary = check(spec_layers(net.spec, info), info.shape, 10)
    assert (found.num_params, found.macs) == (summary.num_params, summary.macs)
    assert (found.step, found.title) == (net.steps[-1], net.title)
    assert found.maps[0].name == "conv1"


@pytest.mark.parametrize(
    ("name", "giga_macs", "convolutions"),
    [("mobilenet_v2", 0.301, 52), ("resnet18", 1.814, 20), ("squeezenet1_1", 0.349, 26)],
)
def test_pretrained_networks_have_the_published_counts(
    name: str,
    giga_macs: float,
    convolutions: int,
    context: LensContext,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """conv and linear modules: 53, 21 and 26; SqueezeNet ends with a convolution."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights_file(name).parent.mkdir(parents=True)
    with torch.device("meta"):
        shapes = get_model(name).state_dict()
    zeros = {key: torch.zeros(tensor.shape) for key, tensor in shapes.items()}
    torch.save(zeros, weights_file(name))
    found = network(context, f"torchvision:{name}", None)
    assert found.num_params == find_net(name).num_params
    assert round(found.macs / 1e9, 3) == giga_macs
    assert len(found.convolutions) == convolutions
    assert (found.title, found.step) == (find_net(name).title, None)
    assert (found.input_shape, len(found.classes)) == ((3, 224, 224), 1000)
    assert found.maps[0].out_shape[1:] in {(112, 112), (111, 111)}
    known = {layer.name for layer in found.layers} | {""}
    assert all(set(layer.inputs) <= known for layer in found.layers)
    assert all(layer.inputs for layer in found.layers)


def test_it_leaves_the_shared_network_alone(context: LensContext) -> None:
    net = context.subject("random:resnet8").net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    network(context, "random:resnet8", None)
    assert context.subject("random:resnet8").net is net
    assert not any(module._forward_hooks for module in net.modules())
    assert not any(module.training for module in net.modules())
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_what_is_kept_of_a_network_is_its_wiring_not_its_moment(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=40)
    early = network(context, f"run:{run_id}", None)
    write(seed=2, step=80)
    late = network(context, f"run:{run_id}", None)
    assert (early.step, late.step) == (40, 80)
    assert late.layers is early.layers


class Wilful(nn.Module):
    """Which layers run depends on the numbers in the image, which a tracer does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.block = nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU())
        self.flat = nn.Flatten()
        self.last = nn.Linear(2 * 12 * 12, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 16, 16) to (N, 10)."""
        x = self.first(x)
        if x.shape[1] > 1 and bool(x.shape[2] > x.dim()):
            x = self.block(x)
        for _ in range(int(x.shape[0])):
            x = x + 0
        logits: Tensor = self.last(self.flat(x))
        return logits


def test_a_forward_pass_that_cannot_be_traced_is_taken_for_a_chain() -> None:
    net = Wilful().eval()
    rows = list_modules(net, (1, 16, 16))
    layers = {layer.name: layer for layer in _layers(net, rows)}
    assert layers["block.0"].inputs == ("first",)
    assert layers["block"].inputs == ("first",)
    assert layers["last"].inputs == ("flat",)
    assert (layers["block"].leaf, layers["block.0"].leaf) == (False, True)


def test_it_crosses_a_process_border(context: LensContext) -> None:
    found = network(context, "random:lenet5", None)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert found.find("conv2") in found.layers
    assert found.find("nosuch") is None
