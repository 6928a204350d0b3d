"""Whether something was left on a network that others share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def unchanged(net: nn.Module) -> Iterator[None]:
    """Weights, modes, gradients and hooks are afterwards as they were before."""
    before = _state(net)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    yield
    assert _state(net) == before
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


def _state(net: nn.Module) -> list[object]:
    hooks = [
        (name, each.training, len(each._forward_hooks), len(each._forward_pre_hooks), len(each._backward_hooks))
        for name, each in net.named_modules()
    ]  # fmt: skip
    graded = [
        (name, each.requires_grad, each.grad is None) for name, each in net.named_parameters()
    ]
    return [*hooks, *graded]
