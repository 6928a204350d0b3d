"""Who feeds whom: nets of a few modules by hand, then our own and torchvision's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from models.build import build_network
from models.introspect import list_modules
from models.registry import get_architecture, list_architectures
from models.wiring import block_inputs, chain_inputs, module_inputs
from models.zoo import ZOO, ZooNet


class Branches(nn.Module):
    """Two branches that are concatenated, a shortcut around the end, a module called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 1)
        self.left = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU())
        self.right = nn.Conv2d(2, 2, 1)
        self.act = nn.ReLU()
        self.mix = nn.Conv2d(4, 2, 1)
        self.unused = nn.Conv2d(4, 2, 1)
        self.head = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 3)."""
        stem = self.act(self.stem(x))
        both = torch.cat([self.left(stem), functional.relu(self.right(stem))], 1)
        out = self.act(self.mix(both)) + stem
        logits: Tensor = self.head(out.mean((2, 3)).flatten(1))
        return logits


def test_branches_shortcuts_and_modules_called_twice() -> None:
    inputs = module_inputs(Branches())
    assert inputs == {
        "stem": ("",),
        "act": ("stem", "mix"),
        "left.0": ("act",),
        "left.1": ("left.0",),
        "right": ("act",),
        "mix": ("left.1", "right"),
        "head": ("act",),
    }
    assert block_inputs("left", inputs) == ("act",)


def test_a_block_takes_what_comes_from_outside_it() -> None:
    net = get_model("resnet18").eval()
    inputs = module_inputs(net)
    assert inputs["layer1.0.conv1"] == ("maxpool",)
    assert inputs["layer1.0.relu"] == ("layer1.0.bn1", "layer1.0.bn2", "maxpool")
    assert inputs["layer2.0.relu"] == ("layer2.0.bn1", "layer2.0.bn2", "layer2.0.downsample.1")
    assert block_inputs("layer1.0", inputs) == ("maxpool",)
    assert block_inputs("layer2.0.downsample", inputs) == ("layer1.1.relu",)
    assert block_inputs("layer3", inputs) == ("layer2.1.relu",)


def test_inverted_residuals_reach_past_the_block() -> None:
    inputs = module_inputs(get_model("mobilenet_v2").eval())
    # features.3 adds its input to its output without a module of its own.
    assert inputs["features.4.conv.0.0"] == ("features.2.conv.3", "features.3.conv.3")


@pytest.mark.parametrize("net", ZOO, ids=lambda net: str(net.name))
def test_every_network_of_the_zoo_can_be_traced(net: ZooNet) -> None:
    """And its counts are the published ones (torchvision's `_ops`, which are multiply-adds)."""
    options = {"init_weights": False} if net.name in ("googlenet", "inception_v3") else {}
    if options:
        options["aux_logits"] = False
    with torch.device("cpu" if net.name == "regnet_y_400mf" else "meta"):
        model = get_model(net.name, **options).eval()
    rows = list_modules(model, (3, net.input_side, net.input_side))
    leaves = [row for row in rows if not any(model.get_submodule(row.name).children())]
    inputs = module_inputs(model)
    assert {row.name for row in leaves} == set(inputs)
    names = set(inputs) | {""}
    assert all(sources and set(sources) <= names for sources in inputs.values())
    # What torchvision's weights say (facts published with them), in billions.
    assert sum(parameter.numel() for parameter in model.parameters()) == net.num_params
    assert round(sum(row.macs for row in leaves) / 1e9, 3) == PUBLISHED_GMACS[net.name]


PUBLISHED_GMACS = {
    "alexnet": 0.714,
    "convnext_tiny": 4.456,
    "densenet121": 2.834,
    "densenet169": 3.36,
    "densenet201": 4.291,
    "efficientnet_b0": 0.386,
    "googlenet": 1.498,
    "inception_v3": 5.713,
    "mnasnet0_5": 0.104,
    "mnasnet1_0": 0.314,
    "mobilenet_v2": 0.301,
    "mobilenet_v3_large": 0.217,
    "mobilenet_v3_small": 0.057,
    "regnet_y_400mf": 0.402,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
    "resnext50_32x4d": 4.23,
    "shufflenet_v2_x1_0": 0.145,
    "squeezenet1_0": 0.819,
    "squeezenet1_1": 0.349,
    "vgg11": 7.609,
    "vgg13": 11.308,
    "vgg16": 15.47,
    "vgg16_bn": 15.47,
    "vgg19": 19.632,
    "wide_resnet50_2": 11.398,
}


@pytest.mark.parametrize("name", [architecture.name for architecture in list_architectures()])
def test_our_own_networks_are_chains_of_their_layers(name: str) -> None:
    """Apart from residual blocks, each layer takes what the one before it put out."""
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    inputs = module_inputs(net)
    tops = [child for child, _ in net.named_children()]
    for before, after in zip(["", *tops], tops, strict=False):
        sources = inputs[after] if after in inputs else block_inputs(after, inputs)
        assert len(sources) == 1
        assert sources[0].partition(".")[0] == before


def test_the_guess_without_tracing_is_a_chain() -> None:
    assert chain_inputs(["a", "b.c"]) == {"a": ("",), "b.c": ("a",)}
