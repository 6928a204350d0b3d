"""Parts of large layers, and the limits that their colours are measured by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.modules import PartialConv2d
from tests.viz.lenses.nets import OneNet
from viz.lenses.filters import MAX_FILTERS, MAX_INPUTS, filters
from viz.lenses.registry import LensError


def wide() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 300, 1), nn.Conv2d(300, 8, 3, groups=2), nn.Flatten())


def test_a_part_of_a_large_layer_with_the_limits_of_the_whole() -> None:
    net = wide()
    weights = net.get_parameter("0.weight").detach()
    with torch.no_grad():
        weights[299, 3] = -9  # beyond what is shown
        net.get_parameter("1.weight")[0, 0, 0, 0] = 20
    found = filters(OneNet(net), "any", None)
    assert found.weights.shape == (MAX_FILTERS, 4, 1, 1)
    assert (found.num_filters, found.num_inputs, found.groups) == (300, 4, 1)
    assert (found.layer_limit, found.network_limit) == (9, 20)
    last = filters(
        OneNet(net), "any", None, first_filter=298, num_filters=5, first_input=1, num_inputs=2
    )
    assert np.array_equal(last.weights, weights[298:, 1:3])
    assert (last.first_filter, last.first_input) == (298, 1)


def test_grouped_filters_read_the_channels_of_their_group() -> None:
    found = filters(OneNet(wide()), "any", None, layer="1")
    assert (found.num_inputs, found.groups) == (150, 2)
    assert found.weights.shape == (8, MAX_INPUTS, 3, 3)


def test_a_partial_convolution_is_dense_with_zeros() -> None:
    net = nn.Sequential(PartialConv2d(2, [[0], [0, 1]], 2))
    nn.init.ones_(net.get_parameter("0.weight"))
    found = filters(OneNet(net), "any", None)
    assert found.weights.sum(axis=(2, 3)).tolist() == [[4, 0], [4, 4]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"first_filter": 300}, "first_filter is 300: choose a whole number from 0 to 299"),
        ({"first_input": -1}, "first_input is -1"),
        ({"first_filter": 1.5}, "first_filter is 1.5"),
        ({"num_filters": 0}, "num_filters is 0"),
        ({"num_inputs": MAX_INPUTS + 1}, "num_inputs is 65"),
        ({"layer": "2"}, "no convolution '2'"),
    ],
)
def test_parts_that_are_not_there_are_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(LensError, match=sentence):
        filters(OneNet(wide()), "any", None, **options)


def test_weights_that_are_no_numbers_have_a_limit_all_the_same() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1))
    nn.init.constant_(net.get_parameter("0.weight"), torch.nan)
    assert filters(OneNet(net), "any", None).layer_limit == 0
