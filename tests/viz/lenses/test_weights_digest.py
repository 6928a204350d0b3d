"""The letters that stand for a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from viz.lenses.weights_digest import digest_weights


def test_only_equal_networks_with_equal_weights_have_the_same_letters() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    same = copy.deepcopy(net).requires_grad_(False)
    assert digest_weights(net) == digest_weights(same)
    with torch.no_grad():
        same.get_parameter("0.bias")[1] += 1
    changed = digest_weights(same)
    assert changed != digest_weights(net)
    other = copy.deepcopy(net)
    other.get_buffer("1.running_mean").add_(1)
    wired = nn.Sequential(*copy.deepcopy(net), nn.ReLU())
    assert len({digest_weights(each) for each in (net, same, other, wired)}) == 4
