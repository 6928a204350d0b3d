"""Which class makes a layer, and with which arguments: read by the builder and the source writer.

Keeping this in one place, free of torch, is what makes the script a visitor downloads define the
very network the program trained.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.codes import class_codes
from models.layers import (
    Activation,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    LayerRow,
    Linear,
    Local,
    Norm,
    PartialConv,
    Pool,
    Rbf,
    Residual,
    Subsample,
)

Argument = (
    int | float | bool | str | tuple[int, ...] | tuple[str, ...] | tuple[tuple[int, ...], ...]
)

_ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "scaled_tanh": "ScaledTanh",
    "sigmoid": "Sigmoid",
}


@dataclass(frozen=True)
class Recipe:
    """A call: `class_name` is one of `models.modules`, or else of `torch.nn`."""

    class_name: str
    positional: tuple[Argument, ...] = ()
    keyword: dict[str, Argument] = field(default_factory=dict)


def recipe(layer: AnyLayer, row: LayerRow) -> Recipe:
    """How to make `layer`, whose checked table line is `row`."""
    inputs, outputs = row.in_shape[0], row.out_shape[0]
    match layer:
        case Conv():
            options = _options(layer, stride=1, padding=0, dilation=1, groups=1, bias=True)
            return Recipe("Conv2d", (inputs, outputs, layer.kernel_size), options)
        case Local():
            size = row.in_shape[1:]
            options = _options(layer, stride=1, padding=0, bias=True)
            return Recipe("LocallyConnected2d", (inputs, outputs, size, layer.kernel_size), options)
        case PartialConv():
            positional = (inputs, layer.connections, layer.kernel_size)
            return Recipe("PartialConv2d", positional, _options(layer, padding=0))
        case Pool():
            class_name = "MaxPool2d" if layer.mode == "max" else "AvgPool2d"
            options = _options(layer, stride=None, padding=0)
            return Recipe(class_name, (layer.kernel_size,), options)
        case Subsample():
            return Recipe("Subsample", (inputs, layer.kernel_size))
        case Norm():
            return _norm(layer, row)
        case Activation():
            return Recipe(_ACTIVATIONS[layer.function])
        case Dropout():
            return Recipe("Dropout", (layer.p,))
        case Flatten():
            return Recipe("Flatten")
        case Linear():
            return Recipe("Linear", (inputs, outputs), _options(layer, bias=True))
        case Residual():
            switches: dict[str, Argument] = {"norm": layer.norm, "shortcut": layer.shortcut}
            return Recipe("ResidualBlock", (inputs, outputs, layer.stride), switches)
        case GlobalPool():
            return Recipe("GlobalPool", (layer.mode,))
        case Rbf():
            return Recipe("RBF", (class_codes(outputs),))


def _norm(layer: Norm, row: LayerRow) -> Recipe:
    channels = row.in_shape[0]
    match layer.mode:
        case "batch":
            return Recipe("BatchNorm2d" if len(row.in_shape) == 3 else "BatchNorm1d", (channels,))
        case "group":
            return Recipe("GroupNorm", (layer.groups, channels))
        case "instance":
            return Recipe("InstanceNorm2d", (channels,), {"affine": True})
        case "layer":
            return Recipe("LayerNorm", (row.in_shape,))


def _options(layer: AnyLayer, **defaults: Argument | None) -> dict[str, Argument]:
    """The named settings of `layer` that differ from torch's defaults."""
    values = {name: getattr(layer, name) for name in defaults}
    return {name: value for name, value in values.items() if value != defaults[name]}
