"""How a new network's weights are drawn: a layer's rule follows from the activation behind it.

| next activation                   | weights                  | source                        |
|-----------------------------------|--------------------------|-------------------------------|
| ReLU, leaky ReLU, ELU, GELU, SiLU | normal, var. 2 / fan_in  | He et al. 2015, eq. 10        |
| tanh, sigmoid                     | normal, var. 1 / fan_in  | LeCun et al., Efficient       |
|                                   |                          | backprop, 1998, section 4.6   |
| scaled tanh                       | uniform, ±2.4 / fan_in   | LeCun et al. 1998, appendix A |
| none before the next such layer   | uniform, ±fan_in^(-1/2)  | PyTorch's default             |

fan_in counts the inputs of one unit; in a partial convolution it differs between channels. LeNet's
subsampling follows the scaled-tanh row (fan_in = cells of a window), else it starts as a plain
mean. Biases start at 0; norm layers with scale 1 and offset 0, as torch makes them.

The rules are data, so that `models.build` can carry them out and `models.source` can print them
into a script that ends up with the same weights. Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from models.layers import (
    Activation,
    AnyLayer,
    Conv,
    LayerRow,
    Linear,
    Local,
    PartialConv,
    Rbf,
    Residual,
    Subsample,
)

_WEIGHTED = (Conv, Local, PartialConv, Linear, Subsample, Residual, Rbf)


@dataclass(frozen=True)
class Draw:
    """One tensor method to call on one parameter, or on its `rows` [start, stop) only."""

    parameter: str  # dotted, as in the state dict: "conv1.weight"
    method: str  # of torch.Tensor: normal_, uniform_, fill_ or zero_
    arguments: tuple[float, ...] = ()
    rows: tuple[int, int] | None = None

    @property
    def is_random(self) -> bool:
        """Whether the method takes a generator."""
        return self.method in ("normal_", "uniform_")


def initial_draws(layers: Sequence[AnyLayer], rows: Sequence[LayerRow]) -> list[Draw]:
    """All draws for a network, in order; `rows` is its table (`models.layers.check`)."""
    draws: list[Draw] = []
    for position, (layer, row) in enumerate(zip(layers, rows, strict=True)):
        activation = _next_activation(layers[position + 1 :])
        inputs = row.in_shape[0]
        match layer:
            case Conv():
                fan_in = layer.kernel_size**2 * (inputs // layer.groups)
                draws += _weight_and_bias(row.name, activation, fan_in, layer.bias)
            case Local():
                fan_in = layer.kernel_size**2 * inputs
                draws += _weight_and_bias(row.name, activation, fan_in, layer.bias)
            case Linear():
                draws += _weight_and_bias(row.name, activation, inputs, layer.bias)
            case PartialConv():
                draws += _partial(row.name, layer, activation)
            case Subsample():
                draws += _subsample(row.name, layer, activation)
            case Residual():
                draws += _residual(row, layer)
            case _:
                pass  # has no weights, or fixed ones
    return draws


def _next_activation(following: Sequence[AnyLayer]) -> Activation | None:
    for layer in following:
        if isinstance(layer, Activation):
            return layer
        if isinstance(layer, _WEIGHTED):
            return None
    return None


def _weight(
    name: str, activation: Activation | None, fan_in: int, rows: tuple[int, int] | None = None
) -> Draw:
    parameter = f"{name}.weight"
    match activation:
        case None:
            bound = 1 / math.sqrt(fan_in)
        case Activation(function="scaled_tanh"):
            bound = 2.4 / fan_in
        case Activation(function="tanh" | "sigmoid"):
            return Draw(parameter, "normal_", (0.0, 1 / math.sqrt(fan_in)), rows)
        case _:
            return Draw(parameter, "normal_", (0.0, math.sqrt(2 / fan_in)), rows)
    return Draw(parameter, "uniform_", (-bound, bound), rows)


def _weight_and_bias(
    name: str, activation: Activation | None, fan_in: int, bias: bool
) -> list[Draw]:
    weight = _weight(name, activation, fan_in)
    return [weight, Draw(f"{name}.bias", "zero_")] if bias else [weight]


def _partial(name: str, layer: PartialConv, activation: Activation | None) -> list[Draw]:
    sizes = [(size, len(list(run))) for size, run in groupby(map(len, layer.connections))]
    ends = [0]  # rows of `weight` (one per connection) where runs of equal fan-in begin and end
    for size, count in sizes:
        ends.append(ends[-1] + size * count)
    weights = [
        _weight(name, activation, layer.kernel_size**2 * size, rows)
        for (size, _), rows in zip(sizes, pairwise(ends), strict=True)
    ]
    return [*weights, Draw(f"{name}.bias", "zero_")]


def _subsample(name: str, layer: Subsample, activation: Activation | None) -> list[Draw]:
    cells = layer.kernel_size**2
    if activation is not None and activation.function == "scaled_tanh":
        weight = _weight(name, activation, cells)
    else:
        weight = Draw(f"{name}.weight", "fill_", (1 / cells,))
    return [weight, Draw(f"{name}.bias", "zero_")]


def _residual(row: LayerRow, layer: Residual) -> list[Draw]:
    inputs, outputs, bias, relu = row.in_shape[0], row.out_shape[0], not layer.norm, Activation()
    draws = _weight_and_bias(f"{row.name}.conv1", relu, 9 * inputs, bias)
    draws += _weight_and_bias(f"{row.name}.conv2", relu, 9 * outputs, bias)
    if layer.shortcut == "conv" and (layer.stride != 1 or outputs != inputs):
        draws += _weight_and_bias(f"{row.name}.shortcut.conv", None, inputs, bias)
    return draws
