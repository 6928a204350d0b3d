"""Parameters and MACs against hand counts, published ones and torch layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.viz.arithmetic.drawing import random_settings
from viz.arithmetic.counts import compare_costs, setting_cost
from viz.arithmetic.steps import build_steps
from viz.arithmetic.torch_layers import layer_calls


def by_name(
    *shapes: tuple[int, ...], groups: int = 1, bias: bool = False
) -> dict[str, tuple[int, int]]:
    source, target, kernel = shapes
    costs = compare_costs(source, target, kernel, groups=groups, bias=bias)
    return {cost.name: (cost.num_params, cost.macs) for cost in costs}


def test_lenet_c1_has_156_parameters_and_117_600_macs() -> None:
    found = by_name((1, 32, 32), (6, 28, 28), (5, 5), bias=True)
    assert found["Convolution"] == (156, 117_600)  # LeCun 1998: 122,304 connections with the biases
    assert 117_600 + 6 * 28 * 28 == 122_304
    assert found["Fully connected"] == (1024 * 4704 + 4704, 1024 * 4704)
    assert found["Locally connected"] == (25 * 4704 + 4704, 25 * 4704)


def test_separable_costs_one_over_channels_plus_one_over_window() -> None:
    found = by_name((128, 28, 28), (128, 28, 28), (3, 3))
    share = found["Depthwise separable"][1] / found["Convolution"][1]
    assert share == pytest.approx(1 / 128 + 1 / 9)
    assert round(share, 4) == 0.1189
    assert found["Depthwise separable"][0] / found["Convolution"][0] == pytest.approx(share)


def test_groups_divide_the_convolution() -> None:
    found = by_name((8, 6, 6), (4, 4, 4), (3, 3), groups=4)
    assert found["Convolution, 4 groups"] == (
        found["Convolution"][0] // 4,
        found["Convolution"][1] // 4,
    )


def test_a_setting_has_the_parameters_of_its_torch_layers_and_the_macs_of_its_matrix() -> None:
    torch.set_num_threads(1)
    for setting, numbers in random_settings(150, seed=21):
        steps = build_steps(setting, numbers)
        params, macs = setting_cost(setting, steps)
        layers = [getattr(nn, call.module)(**call.arguments) for call in layer_calls(setting)]
        assert params == sum(one.numel() for layer in layers for one in layer.parameters()), setting
        if setting.operation == "conv":
            [step] = steps
            window = numbers.weights[0][0].size
            assert macs == step.output.size * window
        elif not setting.weighted:
            assert macs == 0
