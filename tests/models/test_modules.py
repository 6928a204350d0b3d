"""Custom modules against torch's own, against hand sums, and their gradients in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck

from models.codes import class_codes
from models.modules import (
    RBF,
    GlobalPool,
    LocallyConnected2d,
    PadShortcut,
    PartialConv2d,
    ResidualBlock,
    ScaledTanh,
    Subsample,
)

GENERATOR = torch.Generator()


def random(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def filled(module: nn.Module) -> nn.Module:
    """The module in float64 with random weights."""
    module = module.double()
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            parameter.copy_(random(*parameter.shape, seed=number + 1))
    return module


@pytest.mark.parametrize(
    ("module", "in_shape"),
    [
        (ScaledTanh(), (2, 3)),
        (GlobalPool("mean"), (2, 3, 4, 4)),
        (GlobalPool("max"), (2, 3, 4, 4)),
        (Subsample(3, 2), (2, 3, 4, 5)),
        (PartialConv2d(3, ((0, 2), (1,)), 3, padding=1), (2, 3, 4, 4)),
        (LocallyConnected2d(2, 3, (5, 4), 3, stride=2, padding=1), (2, 2, 5, 4)),
        (PadShortcut(2, 2), (2, 2, 5, 5)),
        (ResidualBlock(2, 3, 2, norm=True, shortcut="pad"), (3, 2, 5, 5)),
        (ResidualBlock(2, 3, 2, norm=False, shortcut="conv"), (2, 2, 5, 5)),
        (RBF(class_codes(3)), (2, 84)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_gradients_equal_differences(module: nn.Module, in_shape: tuple[int, ...]) -> None:
    """With respect to the input and every weight, in float64."""
    names = [name for name, _ in module.named_parameters()]
    module = filled(module).train()

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), x)
        return out

    inputs = [random(*in_shape), *(parameter.detach() for parameter in module.parameters())]
    assert gradcheck(run, [tensor.clone().requires_grad_() for tensor in inputs])


def test_scaled_tanh_keeps_one() -> None:
    out = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    assert torch.allclose(out, torch.tensor([-1.0, 0.0, 1.0, 1.7159]), atol=1e-4)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_local_with_shared_weights_is_a_convolution(stride: int, padding: int) -> None:
    conv = filled(nn.Conv2d(2, 4, 3, stride, padding))
    local = LocallyConnected2d(2, 4, (7, 6), 3, stride, padding).double()
    with torch.no_grad():
        local.weight.copy_(conv.get_parameter("weight").expand_as(local.weight))
        assert local.bias is not None
        local.bias.copy_(conv.get_parameter("bias")[:, None, None].expand_as(local.bias))
    x = random(3, 2, 7, 6)
    assert torch.allclose(local(x), conv(x), atol=1e-12)


def test_local_positions_are_independent() -> None:
    """Changing the filters of one position changes that output alone."""
    local = filled(LocallyConnected2d(2, 3, (5, 5), 3))
    x = random(1, 2, 5, 5)
    before = local(x)
    with torch.no_grad():
        local.get_parameter("weight")[1, 2] += 1
    changed = (local(x) != before).nonzero()
    assert changed[:, 2:].unique(dim=0).tolist() == [[1, 2]]
    by_hand = (local.get_parameter("weight")[1, 2] * x[0, :, 1:4, 2:5]).sum((1, 2, 3))
    expected = by_hand + local.get_parameter("bias")[:, 1, 2]
    assert torch.allclose(local(x)[0, :, 1, 2], expected)


def test_partial_conv_with_a_full_table_is_a_convolution() -> None:
    conv = filled(nn.Conv2d(3, 4, 3, padding=1))
    partial = PartialConv2d(3, [range(3)] * 4, 3, padding=1).double()
    with torch.no_grad():
        partial.weight.copy_(conv.get_parameter("weight").reshape(12, 3, 3))
        partial.bias.copy_(conv.get_parameter("bias"))
    x = random(2, 3, 6, 6)
    assert torch.allclose(partial(x), conv(x), atol=1e-12)


def test_partial_conv_reads_only_its_connections() -> None:
    partial = filled(PartialConv2d(3, ((2, 0), (1,)), 3))
    x = random(1, 3, 5, 5).requires_grad_()
    partial(x)[:, 0].sum().backward()
    assert x.grad is not None
    assert x.grad[:, 1].count_nonzero() == 0
    assert x.grad[:, [0, 2]].count_nonzero() == 2 * 25


def test_subsample_by_hand() -> None:
    module = Subsample(1, 2)
    with torch.no_grad():
        module.weight.fill_(0.5)
        module.bias.fill_(3)
    x = torch.tensor([[[[1.0, 2, 9], [3, 4, 9], [9, 9, 9]]]])
    assert module(x).tolist() == [[[[8.0]]]]  # (1 + 2 + 3 + 4) / 2 + 3


def test_rbf_is_minus_half_the_squared_distance() -> None:
    codes = class_codes(12)
    rbf = RBF(codes).double()
    x = random(5, 84)
    expected = -torch.cdist(x, rbf.codes).square() / 2
    assert torch.allclose(rbf(x), expected)
    assert rbf(rbf.codes).argmax(1).tolist() == list(range(12))
    assert list(rbf.parameters()) == []


def test_residual_block_without_weights_passes_its_input() -> None:
    block = ResidualBlock(2, 4, 2, norm=True, shortcut="pad").eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 2, 5, 5, generator=GENERATOR)
    expected = torch.cat([x[:, :, ::2, ::2], torch.zeros(1, 2, 3, 3)], 1)
    assert torch.equal(block(x), expected)


def test_residual_block_parts_and_parameter_free_pad() -> None:
    block = ResidualBlock(2, 4, 2, norm=True, shortcut="pad")
    names = [name for name, _ in block.named_children()]
    assert names == ["conv1", "norm1", "relu1", "conv2", "norm2", "relu2", "shortcut"]
    assert list(block.shortcut.parameters()) == []
    assert not any(module.inplace for module in block.modules() if isinstance(module, nn.ReLU))


def test_codes_are_distinct_bitmaps_and_prefixes_agree() -> None:
    codes = class_codes(200)
    assert {len(code) for code in codes} == {84}
    assert len(set(codes)) == 200
    assert {mark for code in codes for mark in code} == {"#", "."}
    assert class_codes(3) == codes[:3]
    gaps = [sum(a != b for a, b in zip(one, two, strict=True)) for one in codes for two in codes]
    assert min(gap for gap in gaps if gap) >= 4
