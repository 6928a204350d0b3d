"""What one layer makes of its input: output shape, parameters, multiply-adds, and the formula.

Pure Python, so the page can show every number of a network while it is being edited without
importing torch. Sizes are torch's: a window that does not fit a last time is left out (floor), and
`note` says which input cells are thereby never read. A layer that cannot work raises `Refusal`
with the value and the way out; `models.layers` adds which layer it was.

MACs count the multiplications by weights (padding included): convolutions, linear layers and their
kin. Pooling, normalisation and activations count 0, as in torchvision's published figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.codes import CODE_HEIGHT, CODE_LENGTH, CODE_WIDTH
from models.kinds import (
    Activation,
    ActivationName,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Local,
    Norm,
    Outputs,
    PartialConv,
    Pool,
    Rbf,
    Residual,
    Subsample,
)
from models.windows import Refusal, between, slide

Shape = tuple[int, ...]
"""(C, H, W) of maps or (F,) of a row of numbers; the batch is not part of it."""

MAX_WIDTH = 65_536  # channels or units of one layer
MAX_VALUES = 100_000_000  # numbers in one layer's output for one image
MAX_PARAMS = 30_000_000  # of a layer and of a network: some sixty snapshots of 120 MB are kept


_FUNCTION_TITLES: dict[ActivationName, str] = {
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "scaled_tanh": "Scaled tanh",
    "sigmoid": "Sigmoid",
}


@dataclass(frozen=True)
class Inference:
    """What is known of one layer before it exists; `activations` = floats it stores per image."""

    title: str
    out_shape: Shape
    num_params: int = 0
    macs: int = 0
    formula: str = "0"
    activations: int = 0
    note: str = ""
    min_batch: int = 1  # images a training batch needs here


def infer(layer: AnyLayer, in_shape: Shape, num_classes: int) -> Inference:
    """The result of `layer` on an input of `in_shape`, (C, H, W) or (F,).

    Raises:
        Refusal: when torch could not run the layer there, or its size is out of bounds.
    """
    match layer:
        case Conv():
            result = _conv(layer, in_shape, num_classes)
        case Local():
            result = _local(layer, in_shape, num_classes)
        case PartialConv():
            result = _partial_conv(layer, in_shape)
        case Pool():
            result = _pool(layer, in_shape)
        case Subsample():
            result = _subsample(layer, in_shape)
        case Norm():
            result = _norm(layer, in_shape)
        case Activation():
            result = Inference(_FUNCTION_TITLES[layer.function], in_shape)
        case Dropout():
            result = _dropout(layer, in_shape)
        case Flatten():
            result = Inference("Flatten", (math.prod(in_shape),))
        case Linear():
            result = _linear(layer, in_shape, num_classes)
        case Residual():
            result = _residual(layer, in_shape, num_classes)
        case GlobalPool():
            result = Inference(f"Global {layer.mode} pool", (_maps(in_shape)[0],))
        case Rbf():
            result = _rbf(in_shape, num_classes)
    return _bounded(result)


def _conv(layer: Conv, in_shape: Shape, num_classes: int) -> Inference:
    channels, height, width = _maps(in_shape)
    outputs = _outputs("out_channels", layer.out_channels, num_classes)
    kernel, groups = layer.kernel_size, layer.groups
    between("groups", groups, 1, MAX_WIDTH)
    if channels % groups:
        raise Refusal(
            f"`groups` is {groups} but the {channels} input channels cannot be split evenly by it;"
            f" choose a divisor of {channels}"
        )
    if outputs % groups:
        raise Refusal(
            f"`out_channels` is {outputs} and cannot be split evenly into {groups} `groups`;"
            f" choose a multiple of {groups}"
        )
    window = (kernel, layer.stride, layer.padding, layer.dilation)
    rows, cols, note = slide(height, width, *window)
    weights = kernel * kernel * (channels // groups) * outputs
    num_params = weights + outputs * layer.bias
    formula = _sum([_weights(kernel, channels // groups, outputs), *_bias(layer.bias, outputs)])
    return Inference(
        _window_title(f"Conv {kernel}×{kernel}, {outputs} channels", layer),
        (outputs, rows, cols),
        num_params,
        weights * rows * cols,
        f"{formula} = {num_params:,}",
        note=note,
    )


def _local(layer: Local, in_shape: Shape, num_classes: int) -> Inference:
    channels, height, width = _maps(in_shape)
    outputs = _outputs("out_channels", layer.out_channels, num_classes)
    kernel = layer.kernel_size
    rows, cols, note = slide(height, width, kernel, layer.stride, layer.padding)
    weights = rows * cols * kernel * kernel * channels * outputs
    num_params = weights + rows * cols * outputs * layer.bias
    each = _sum([_weights(kernel, channels, outputs), *_bias(layer.bias, outputs)])
    return Inference(
        _window_title(f"Local {kernel}×{kernel}, {outputs} channels", layer),
        (outputs, rows, cols),
        num_params,
        weights,
        f"{rows}×{cols}×({each}) = {num_params:,}",
        note=note,
    )


def _partial_conv(layer: PartialConv, in_shape: Shape) -> Inference:
    channels, height, width = _maps(in_shape)
    outputs = _outputs("connections", len(layer.connections), 0)
    for number, sources in enumerate(layer.connections):
        wrong = next((source for source in sources if not 0 <= source < channels), None)
        if wrong is not None:
            raise Refusal(
                f"`connections` lets output {number} read input channel {wrong};"
                f" there are {channels}, numbered 0 to {channels - 1}"
            )
        if not sources or len(set(sources)) < len(sources):
            raise Refusal(
                f"`connections` gives output {number} the inputs {list(sources)[:8]};"
                " list at least one, each only once"
            )
    kernel = layer.kernel_size
    rows, cols, note = slide(height, width, kernel, 1, layer.padding)
    links = sum(len(sources) for sources in layer.connections)
    num_params = kernel * kernel * links + outputs
    return Inference(
        _window_title(f"Partial conv {kernel}×{kernel}, {outputs} channels", layer),
        (outputs, rows, cols),
        num_params,
        kernel * kernel * links * rows * cols,
        f"{kernel}×{kernel}×{links} + {outputs} = {num_params:,}",
        note=note,
    )


def _pool(layer: Pool, in_shape: Shape) -> Inference:
    channels, height, width = _maps(in_shape)
    kernel, padding = layer.kernel_size, layer.padding
    stride = kernel if layer.stride is None else layer.stride
    rows, cols, note = slide(height, width, kernel, stride, padding)
    if padding > kernel // 2:
        raise Refusal(
            f"`padding` is {padding} but a {kernel}×{kernel} pool may be padded by at most"
            f" {kernel // 2}; lower it or enlarge the window"
        )
    title = f"{layer.mode.capitalize()} pool {kernel}×{kernel}"
    title += f", stride {stride}" if stride != kernel else ""
    title += f", padding {padding}" if padding else ""
    return Inference(title, (channels, rows, cols), note=note)


def _subsample(layer: Subsample, in_shape: Shape) -> Inference:
    channels, height, width = _maps(in_shape)
    kernel = layer.kernel_size
    rows, cols, note = slide(height, width, kernel, kernel, 0)
    return Inference(
        f"Subsample {kernel}×{kernel}",
        (channels, rows, cols),
        2 * channels,
        channels * rows * cols,
        f"{channels} + {channels} = {2 * channels:,}",
        note=note,
    )


def _norm(layer: Norm, in_shape: Shape) -> Inference:
    channels, area = in_shape[0], math.prod(in_shape[1:])
    if layer.mode == "instance" and len(in_shape) == 1:
        raise Refusal(f"instance norm needs maps but gets {in_shape[0]} numbers; move it up")
    if layer.mode == "group":
        between("groups", layer.groups, 1, MAX_WIDTH)
        if channels % layer.groups:
            raise Refusal(
                f"`groups` is {layer.groups} but the {channels} input channels cannot be split"
                f" evenly by it; choose a divisor of {channels}"
            )
    together = {  # how many numbers of one image share a mean and a variance
        "batch": 0,  # those of the other images join in
        "group": channels // layer.groups * area if layer.mode == "group" else 0,
        "instance": area,
        "layer": channels * area,
    }[layer.mode]
    if together == 1:
        raise Refusal(
            f"{layer.mode} norm would set each number apart, which always gives 0; use batch norm"
            " or normalise where more numbers belong together"
        )
    scale = math.prod(in_shape) if layer.mode == "layer" else channels
    sides = "×".join(map(str, in_shape)) if layer.mode == "layer" else str(channels)
    title = f"{layer.mode.capitalize()} norm"
    return Inference(
        f"{title}, {layer.groups} groups" if layer.mode == "group" else title,
        in_shape,
        2 * scale,
        formula=f"2×{sides} = {2 * scale:,}",
        min_batch=2 if layer.mode == "batch" and area == 1 else 1,
    )


def _dropout(layer: Dropout, in_shape: Shape) -> Inference:
    if not 0 <= layer.p < 1:
        raise Refusal(f"`p` is {layer.p:g}; choose at least 0 and less than 1")
    return Inference(f"Dropout {layer.p:g}", in_shape)


def _linear(layer: Linear, in_shape: Shape, num_classes: int) -> Inference:
    if len(in_shape) != 1:
        raise Refusal(
            f"a linear layer needs a row of numbers but gets maps of {show(in_shape)};"
            " put a flatten or a global pool layer before it"
        )
    outputs = _outputs("out_features", layer.out_features, num_classes)
    inputs = in_shape[0]
    num_params = inputs * outputs + outputs * layer.bias
    formula = _sum([f"{inputs}×{outputs}", *_bias(layer.bias, outputs)])
    return Inference(
        f"Linear, {outputs} outputs",
        (outputs,),
        num_params,
        inputs * outputs,
        f"{formula} = {num_params:,}",
    )


def _residual(layer: Residual, in_shape: Shape, num_classes: int) -> Inference:
    channels, height, width = _maps(in_shape)
    outputs = _outputs("out_channels", layer.out_channels, num_classes)
    stride = layer.stride
    rows, cols, _ = slide(height, width, 3, stride, 1)
    changes = stride != 1 or outputs != channels
    if layer.shortcut == "pad" and outputs < channels:
        raise Refusal(
            f"`out_channels` is {outputs} but a padded shortcut cannot drop any of the {channels}"
            f' input channels; choose at least {channels}, or the shortcut "conv"'
        )
    convs = [(3, channels), (3, outputs)]
    if changes and layer.shortcut == "conv":
        convs.append((1, channels))
    extra, extra_text = (2 * outputs, f"2×{outputs}") if layer.norm else (outputs, f"{outputs}")
    weights = sum(kernel * kernel * inputs * outputs for kernel, inputs in convs)
    num_params = weights + extra * len(convs)
    terms = [f"{_weights(kernel, inputs, outputs)} + {extra_text}" for kernel, inputs in convs]
    # Stored per image: (conv, norm, relu) twice, the shortcut where it makes new maps.
    stored = 2 * (3 if layer.norm else 2) + (1 + layer.norm) * (len(convs) - 2)
    return Inference(
        f"Residual block, {outputs} channels" + (f", stride {stride}" if stride != 1 else ""),
        (outputs, rows, cols),
        num_params,
        weights * rows * cols,
        f"{_sum(terms)} = {num_params:,}",
        activations=stored * outputs * rows * cols,
        min_batch=2 if layer.norm and rows * cols == 1 else 1,
    )


def _rbf(in_shape: Shape, num_classes: int) -> Inference:
    if in_shape != (CODE_LENGTH,):
        raise Refusal(
            f"rbf compares {CODE_LENGTH} numbers with {CODE_WIDTH}×{CODE_HEIGHT} codes but gets"
            f" {show(in_shape)}; put a linear layer with {CODE_LENGTH} outputs before it"
        )
    return Inference(f"RBF, {num_classes} codes", (num_classes,), 0, num_classes * CODE_LENGTH)


def show(shape: Shape) -> str:
    """A shape as people write it: `16×5×5`, or `400 numbers`."""
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} numbers"


def _bounded(result: Inference) -> Inference:
    if result.num_params > MAX_PARAMS:
        raise Refusal(
            f"it would have {result.num_params:,} parameters, more than {MAX_PARAMS:,};"
            " use fewer outputs or shrink the maps before it"
        )
    if math.prod(result.out_shape) > MAX_VALUES:
        raise Refusal(
            f"its output of {show(result.out_shape)} holds more than {MAX_VALUES:,} numbers;"
            " use fewer channels or less padding"
        )
    return result


def _maps(in_shape: Shape) -> tuple[int, int, int]:
    if len(in_shape) != 3:
        raise Refusal(
            f"it needs maps but gets a row of {in_shape[0]} numbers;"
            " move it before the flatten or global pool layer"
        )
    channels, height, width = in_shape
    return channels, height, width


def _outputs(name: str, value: Outputs, num_classes: int) -> int:
    number = num_classes if value == "classes" else value
    between(name, number, 1, MAX_WIDTH)
    return number


def _weights(kernel: int, inputs: int, outputs: int) -> str:
    return f"{kernel}×{kernel}×{inputs}×{outputs}"


def _bias(bias: bool, outputs: int) -> list[str]:
    return [f"{outputs}"] if bias else []


def _sum(terms: list[str]) -> str:
    return " + ".join(terms)


def _window_title(title: str, layer: Conv | Local | PartialConv) -> str:
    defaults = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    for name, default in defaults.items():
        value = getattr(layer, name, default)
        title += f", {name} {value}" if value != default else ""
    return title
