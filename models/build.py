"""Layer lists become torch networks: one named child per layer, weights a function of the seed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from models import modules
from models.initial import Draw, initial_draws
from models.layers import LayerList, Shape, check
from models.recipes import Recipe, recipe


def build_network(
    layers: LayerList, input_shape: Shape, num_classes: int, *, seed: int
) -> nn.Sequential:
    """The network of a layer list, on the CPU and in training mode.

    Takes images (N, C, H, W) with (C, H, W) = `input_shape`, gives logits (N, num_classes). Its
    children are named as in the layer table. Weights follow `models.initial`; the same arguments
    always give the same weights, and the global random state is left as it was.

    Raises:
        LayerError: the first layer that cannot work.
    """
    rows = check(layers, input_shape, num_classes).rows
    with torch.random.fork_rng(devices=[]):  # torch's own constructors draw, then we draw anew
        parts = [
            (row.name, make_module(recipe(layer, row)))
            for layer, row in zip(layers, rows, strict=True)
        ]
    net = nn.Sequential(OrderedDict(parts))
    _draw_weights(net, initial_draws(layers, rows), seed)
    return net


def make_module(recipe: Recipe) -> nn.Module:
    """The module a recipe describes, with whatever weights its constructor gives it."""
    home = modules if hasattr(modules, recipe.class_name) else nn
    module: nn.Module = getattr(home, recipe.class_name)(*recipe.positional, **recipe.keyword)
    return module


@torch.no_grad()
def _draw_weights(net: nn.Module, draws: Sequence[Draw], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for draw in draws:
        values = net.get_parameter(draw.parameter)
        part = values if draw.rows is None else values[slice(*draw.rows)]
        random = {"generator": generator} if draw.is_random else {}
        getattr(part, draw.method)(*draw.arguments, **random)
