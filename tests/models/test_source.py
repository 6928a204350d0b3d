"""The printed network: it runs on its own, takes our weights, and computes the same numbers."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import nn

from models.build import build_network
from models.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    LayerError,
    LayerList,
    Linear,
    Local,
    Norm,
    Pool,
    Residual,
    Shape,
)
from models.registry import get_architecture, list_architectures
from models.source import pytorch_source

NAMES = [architecture.name for architecture in list_architectures()]

MIXED: LayerList = (
    Conv(out_channels=6, dilation=2, groups=3, bias=False),
    Norm(mode="group", groups=2),
    Activation(function="gelu"),
    Local(out_channels=4, stride=2, bias=False),
    Norm(mode="instance"),
    Activation(function="sigmoid"),
    Pool(mode="mean", kernel_size=3, stride=1, padding=1),
    Norm(mode="layer"),
    Residual(out_channels=8, stride=2, norm=False, shortcut="conv"),
    GlobalPool(),
    Norm(),
    Dropout(p=0.2),
    Flatten(),
    Linear(bias=False),
)


def run(text: str) -> nn.Module:
    """The `net` a script defines."""
    names: dict[str, Any] = {}
    exec(compile(text, "net.py", "exec"), names)  # noqa: S102
    net = names["net"]
    assert isinstance(net, nn.Module)
    return net


def assert_same(layers: LayerList, input_shape: Shape, num_classes: int) -> None:
    """Same keys, same initial weights, same outputs."""
    built = build_network(layers, input_shape, num_classes, seed=3)
    images = torch.randn(4, *input_shape, generator=torch.Generator().manual_seed(0))
    written = run(pytorch_source(layers, input_shape, num_classes, seed=3))
    for name, values in built.state_dict().items():
        assert torch.equal(written.state_dict()[name], values), name
    plain = run(pytorch_source(layers, input_shape, num_classes))
    plain.load_state_dict(built.state_dict())
    expected = built.eval()(images)
    assert torch.equal(written.eval()(images), expected)
    assert torch.equal(plain.eval()(images), expected)


@pytest.mark.parametrize("name", NAMES)
def test_registry_sources_define_the_same_network(name: str) -> None:
    layers = get_architecture(name).layers((1, 16, 16), 12)
    assert_same(layers, (1, 16, 16), 12)


def test_every_option_is_written_out() -> None:
    assert_same(MIXED, (3, 16, 16), 4)


def test_only_needed_classes_are_copied() -> None:
    def classes(name: str) -> list[str]:
        layers = get_architecture(name).layers((3, 32, 32), 10)
        body = ast.parse(pytorch_source(layers, (3, 32, 32), 10)).body
        return [node.name for node in body if isinstance(node, ast.ClassDef)]

    assert classes("lenet5") == []
    assert classes("resnet8") == ["GlobalPool", "PadShortcut", "ResidualBlock"]


def test_lines_tell_shape_and_formula() -> None:
    layers = get_architecture("convnetjs_mnist").layers((1, 28, 28), 10)
    text = pytorch_source(layers, (1, 28, 28), 10)
    line = '    ("conv1", nn.Conv2d(1, 8, 5, padding=2)),  # 8×28×28, 5×5×1×8 + 8 = 208 parameters'
    assert line in text.splitlines()
    assert "models" not in text


def test_a_network_that_cannot_work_is_not_written() -> None:
    with pytest.raises(LayerError, match="flatten"):
        pytorch_source((Linear(),), (1, 8, 8), 10)
