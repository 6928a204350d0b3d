"""Layer health against numbers worked out by hand, and hooks that never stay behind."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from models.build import build_network
from models.layers import Conv, Flatten, LayerList, Linear, Residual
from training.health import HealthProbe, dead_share


def two_layers() -> nn.Sequential:
    """fc1 (2→2, identity weights, bias (0, -10)), ReLU, fc2 (2→1, ones)."""
    net = nn.Sequential(
        OrderedDict(fc1=nn.Linear(2, 2), relu1=nn.ReLU(), fc2=nn.Linear(2, 1, bias=False))
    )
    with torch.no_grad():
        net.get_parameter("fc1.weight").copy_(torch.eye(2))
        net.get_parameter("fc1.bias").copy_(torch.tensor([0.0, -10.0]))
        net.get_parameter("fc2.weight").fill_(1.0)
    return net


def test_numbers_by_hand() -> None:
    net = two_layers()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    images = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    with HealthProbe(net) as probe:
        net(images).sum().backward()
        optimizer.step()
        fc1, fc2 = probe.measure()
    # After the ReLU: (1, 0) and (3, 0).
    assert fc1.activation_mean == pytest.approx(1.0)
    assert fc1.activation_std == pytest.approx(1.5**0.5)  # of 1, 0, 3, 0
    assert fc1.dead == pytest.approx(0.5)
    # Only unit 0 lets the gradient through: d/dW = [[1+3, 2+4], [0, 0]].
    assert fc1.gradient_norm == pytest.approx((4**2 + 6**2) ** 0.5)
    assert fc1.update_ratio == pytest.approx(0.5 * (4**2 + 6**2) ** 0.5 / 2**0.5)
    # The last layer has no activation function: its own outputs, 1 and 3.
    assert fc2.activation_mean == pytest.approx(2.0)
    assert fc2.activation_std == pytest.approx(1.0)
    assert fc2.dead is None
    assert fc2.gradient_norm == pytest.approx(4.0)  # (1 + 3, 0)
    assert fc2.update_ratio == pytest.approx(0.5 * 4 / 2**0.5)


def test_a_map_is_dead_only_when_all_of_it_is() -> None:
    maps = torch.zeros(2, 3, 4, 4)
    maps[1, 0, 3, 3] = 1.0
    maps[:, 1] = -1.0
    assert dead_share(maps).item() == pytest.approx(2 / 3)


def test_block_layers_get_the_relu_of_their_block() -> None:
    layers: LayerList = (
        Conv(out_channels=4, kernel_size=3, padding=1),
        Residual(out_channels=8, stride=2, shortcut="conv"),
        Flatten(),
        Linear(),
    )
    net = build_network(layers, (1, 8, 8), 3, seed=0)
    seen: list[torch.Tensor] = []
    net.get_submodule("block1.relu2").register_forward_hook(lambda *args: seen.append(args[2]))
    with HealthProbe(net) as probe:
        net(torch.randn(4, 1, 8, 8)).sum().backward()
        rows = {row.layer: row for row in probe.measure()}
    assert list(rows) == ["conv1", "block1.conv1", "block1.conv2", "block1.shortcut.conv", "fc1"]
    for name in ("block1.conv2", "block1.shortcut.conv"):
        assert rows[name].activation_mean == pytest.approx(seen[0].mean().item(), rel=1e-5)
        assert rows[name].dead is not None
    assert rows["conv1"].dead is None  # the block comes next, without a ReLU in between
    assert rows["conv1"].update_ratio == 0


def test_hooks_go_even_after_an_exception() -> None:
    net = two_layers()
    with pytest.raises(RuntimeError), HealthProbe(net):
        net(torch.zeros(1, 3))
    assert not any(module._forward_hooks for module in net.modules())


def test_layer_that_did_not_run_is_left_out() -> None:
    net = two_layers()
    with HealthProbe(net) as probe:
        net.get_submodule("fc2")(torch.ones(1, 2)).sum().backward()
        (row,) = probe.measure()
    assert row.layer == "fc2"
