"""Every optimiser against torch's plain implementation, and who is spared weight decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop

from models.modules import LocallyConnected2d
from training.optimizers import build_optimizer, set_lr, set_momentum, set_weight_decay
from training.spec import OptimizerSpec

PLAIN: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda groups: SGD(groups, lr=0.03, momentum=0.7, foreach=False),
    "adam": lambda groups: Adam(groups, lr=0.03, betas=(0.7, 0.999), foreach=False),
    "adamw": lambda groups: AdamW(groups, lr=0.03, betas=(0.7, 0.999), foreach=False),
    "adadelta": lambda groups: Adadelta(groups, lr=0.03, foreach=False),
    "rmsprop": lambda groups: RMSprop(groups, lr=0.03, momentum=0.7, foreach=False),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))


def learn(model: nn.Module, optimizer: Optimizer, updates: int = 6) -> None:
    torch.manual_seed(1)
    for _ in range(updates):
        optimizer.zero_grad()
        model(torch.randn(8, 5)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", list(PLAIN))
def test_equals_plain_torch(name: str) -> None:
    mine, theirs = network(), network()
    spec = OptimizerSpec.model_validate(
        {"name": name, "lr": 0.03, "momentum": 0.7, "weight_decay": 0.1}
    )
    learn(mine, build_optimizer(spec, mine))
    weights = [p for p in theirs.parameters() if p.ndim == 2]
    others = [p for p in theirs.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    learn(theirs, PLAIN[name](groups))
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_nesterov_equals_plain_torch() -> None:
    mine, theirs = network(), network()
    spec = OptimizerSpec(lr=0.03, momentum=0.7, nesterov=True)
    learn(mine, build_optimizer(spec, mine))
    plain = SGD(theirs.parameters(), lr=0.03, momentum=0.7, nesterov=True, foreach=False)
    learn(theirs, plain)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_only_weights_decay() -> None:
    """With no gradient, decay is all that happens: lr · decay · weight."""
    model = nn.Sequential(LocallyConnected2d(1, 2, (4, 4), 3), nn.BatchNorm2d(2))
    for param in model.parameters():
        nn.init.constant_(param, 2.0)
        param.grad = torch.zeros_like(param)
    spec = OptimizerSpec(lr=0.1, momentum=0, weight_decay=0.5)
    build_optimizer(spec, model).step()
    values = {name: torch.unique(param).tolist() for name, param in model.named_parameters()}
    assert values["0.weight"] == [pytest.approx(1.9)]
    assert values["0.bias"] == values["1.weight"] == values["1.bias"] == [2.0]


def test_live_values_reach_every_group() -> None:
    optimizer = build_optimizer(OptimizerSpec(name="adamw", weight_decay=0.1), network())
    set_lr(optimizer, 0.5)
    set_momentum(optimizer, 0.3)
    set_weight_decay(optimizer, 0.2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
    assert [group["betas"] for group in optimizer.param_groups] == [(0.3, 0.999)] * 2
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_momentum_raised_from_zero_starts_at_rest(name: str) -> None:
    """The same as an optimiser that is new at that moment (SGD), or goes on (RMSprop)."""
    model = network()
    spec = OptimizerSpec.model_validate({"name": name, "momentum": 0.0, "lr": 0.01})
    optimizer = build_optimizer(spec, model)
    learn(model, optimizer, 2)
    set_momentum(optimizer, 0.9)
    learn(model, optimizer, 2)
    set_momentum(optimizer, 0.0)
    learn(model, optimizer, 1)
    set_momentum(optimizer, 0.9)
    for param in model.parameters():
        assert not optimizer.state[param]["momentum_buffer"].any()
