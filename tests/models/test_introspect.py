"""Measuring any network: torchvision's published sizes, and no trace left behind."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from models.build import build_network
from models.introspect import list_modules, shape_twin
from models.registry import get_architecture


@pytest.mark.parametrize(
    ("name", "num_params", "giga_macs"),
    [
        ("alexnet", 61_100_840, 0.714),
        ("squeezenet1_1", 1_235_496, 0.349),
        ("resnet18", 11_689_512, 1.814),
        ("resnet50", 25_557_032, 4.089),
        ("mobilenet_v2", 3_504_872, 0.301),
    ],
)
def test_torchvision_sizes(name: str, num_params: int, giga_macs: float) -> None:
    """Parameters and multiply-adds torchvision publishes with its weights."""
    with torch.device("meta"):
        model = torchvision.models.get_model(name)
    rows = list_modules(model, (3, 224, 224))
    children = {name for name, _ in model.named_children()}
    top = [row for row in rows if row.name in children]
    assert sum(row.num_params for row in top) == num_params
    assert sum(row.macs for row in top) / 1e9 == pytest.approx(giga_macs, abs=5e-4)


def test_rows_of_a_tiny_network() -> None:
    block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    model = nn.Sequential(block, nn.Flatten(), nn.Linear(8, 3))
    rows = {row.name: row for row in list_modules(model, (1, 4, 4))}
    assert list(rows) == ["0.0", "0.1", "0", "1", "2"]
    assert (rows["0.0"].in_shape, rows["0.0"].out_shape) == ((1, 4, 4), (2, 2, 2))
    assert (rows["0.0"].num_params, rows["0.0"].macs) == (20, 9 * 8)
    assert (rows["0"].num_params, rows["0"].macs) == (20, 72)
    assert (rows["2"].class_name, rows["2"].num_params, rows["2"].macs) == ("Linear", 27, 24)


def test_a_module_called_twice_has_one_row_and_both_costs() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.conv(self.conv(x))
            return out

    (row,) = list_modules(Twice(), (1, 5, 5))
    assert (row.num_params, row.macs) == (10, 2 * 9 * 25)


def test_nothing_is_left_behind_even_after_an_error() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("broken on purpose")

    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), Broken())
    model.train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="broken on purpose"):
        list_modules(model, (1, 8, 8))
    list_modules(model[:3], (1, 8, 8))
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
    assert [module.training for module in model] == [True, False, True, True]
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_twin_has_the_shapes_and_none_of_the_memory() -> None:
    net = build_network(get_architecture("lenet5_1998").layers((1, 28, 28), 10), (1, 28, 28), 10, seed=0)  # fmt: skip
    twin = shape_twin(net)
    assert all(tensor.is_meta for tensor in (*twin.parameters(), *twin.buffers()))
    assert not any(tensor.is_meta for tensor in (*net.parameters(), *net.buffers()))
    assert list_modules(twin, (1, 28, 28)) == list_modules(net, (1, 28, 28))
    assert [name for name, _ in twin.named_parameters()] == [name for name, _ in net.named_parameters()]  # fmt: skip
