"""Which explanation a step gets: by the class of its module, or by the function it calls.

A function is explained by the module that does the same, so there is one explanation of a ReLU
however a network writes it. What only moves numbers is followed by sending their positions through
the very same operation, so nothing here repeats what a flatten or a channel shuffle does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, fx, nn

from models.modules import (
    RBF,
    GlobalPool,
    LocallyConnected2d,
    PartialConv2d,
    Subsample,
)
from viz.lenses.steps import Step, Steps, Values
from viz.lenses.unit_points import (
    explain_activation,
    explain_linear,
    explain_norm,
    explain_softmax,
)
from viz.lenses.unit_windows import (
    Explained,
    adaptive_window,
    explain_conv,
    explain_global,
    explain_local,
    explain_max,
    explain_mean,
    explain_partial,
    explain_subsample,
    max_window,
    mean_window,
)
from viz.results.units import Combined, Index, Moved, Operand, Unexplained

_SAME: Final = "In evaluation it passes every number on unchanged; it works in training only."
_MOVES: Final = {
    "Identity": "It passes every number on unchanged.",
    "Sequential": "It is empty: it passes every number on unchanged.",
    "Dropout": _SAME,
    "Dropout1d": _SAME,
    "Dropout2d": _SAME,
    "AlphaDropout": _SAME,
    "StochasticDepth": _SAME,
    "dropout": _SAME,
    "dropout2d": _SAME,
    "Flatten": "It writes all maps into one row, channel after channel, row after row.",
    "flatten": "It writes all maps into one row, channel after channel, row after row.",
    "PadShortcut": "It takes every stride-th cell and fills new channels with zeros.",
    "cat": "It puts the channels of several tensors behind each other.",
    "getitem": "It takes a part of the channels.",
    "chunk": "It takes a part of the channels.",
    "ChannelShuffle": "It puts the channels into another order.",
    "Permute": "It puts the dimensions into another order.",
    "permute": "It puts the dimensions into another order.",
    "transpose": "It puts the dimensions into another order.",
    "view": "It groups the same numbers anew.",
    "reshape": "It groups the same numbers anew.",
    "squeeze": "It drops a dimension of size 1.",
    "unsqueeze": "It adds a dimension of size 1.",
    "contiguous": "It passes every number on unchanged.",
}  # fmt: skip
_FUNCTIONS: Final = {
    "relu": nn.ReLU, "relu6": nn.ReLU6, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "gelu": nn.GELU,
    "silu": nn.SiLU, "hardswish": nn.Hardswish, "hardsigmoid": nn.Hardsigmoid, "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}  # fmt: skip
_SIGNS: Final = {"add": "+", "mul": "×"}


def explain(
    steps: Steps, step: Step, values: Values, net: nn.Module, unit: Index, rows: int,
    classes: tuple[str, ...],
) -> Explained:  # fmt: skip
    """How the number at `unit` comes to be; `values` hold the tensors the step takes.

    Args:
        rows: channels or inputs told apart; the others are summed.
        classes: names for the numbers of a softmax.
    """
    if step.kind in _MOVES:
        return _moved(steps, step, values, unit)
    if step.kind in _SIGNS:
        return _combined(steps, step, values, unit)
    module = _module(net, step, values)
    x = values.of(step.node.args[0]) if step.node.args else None
    if not isinstance(x, Tensor):
        return _unknown(step)
    if step.kind in ("softmax", "Softmax") and x.ndim == 2:
        return explain_softmax(x, unit, classes)
    if isinstance(module, nn.Linear | RBF):
        origins, layer = _origins(steps, step, values)
        return explain_linear(module, x, unit, rows, origins, layer)
    return _of_module(module, x, unit, rows, len(step.shape)) or _unknown(step)


def _of_module(
    module: nn.Module | None, x: Tensor, unit: Index, rows: int, out_dims: int
) -> Explained | None:
    """The explanation of a module of windows, norms and activations; None if it has none here."""
    if module is None:
        return None
    if x.ndim == 4:
        sides = (x.shape[2], x.shape[3])
        match module:
            case nn.Conv2d():
                return explain_conv(module, x, unit, rows)
            case PartialConv2d():
                return explain_partial(module, x, unit, rows)
            case LocallyConnected2d():
                return explain_local(module, x, unit, rows)
            case Subsample():
                return explain_subsample(module, x, unit, rows)
            case GlobalPool():
                return explain_global(module, x, unit, rows)
            case nn.MaxPool2d():
                return explain_max(x, unit[0], max_window(module, unit))
            case nn.AvgPool2d():
                window, divisor = mean_window(module, unit, sides)
                return explain_mean(x, unit[0], window, divisor, rows)
            case nn.AdaptiveMaxPool2d():
                window = adaptive_window(unit, _adaptive(module.output_size, sides), sides)
                return explain_max(x, unit[0], window)
            case nn.AdaptiveAvgPool2d():
                window = adaptive_window(unit, _adaptive(module.output_size, sides), sides)
                return explain_mean(x, unit[0], window, math.prod(window.size), rows)
    if x.ndim - 1 != out_dims:
        return None
    return explain_activation(module, x, unit) or explain_norm(module, x, unit)


def _module(net: nn.Module, step: Step, values: Values) -> nn.Module | None:
    """The module of a step, or the one that does what its function does."""
    node = step.node
    if node.op == "call_module":
        return net.get_submodule(str(node.target))
    options = dict(values.of(dict(node.kwargs)))
    options.pop("inplace", None)
    extra = values.of(tuple(node.args[1:]))
    if step.kind in _FUNCTIONS:
        return _FUNCTIONS[step.kind]() if not extra and not options else None
    match step.kind:
        case "adaptive_avg_pool2d":
            return nn.AdaptiveAvgPool2d(*extra, **options)
        case "avg_pool2d":
            return nn.AvgPool2d(*extra, **options)
        case "max_pool2d":
            names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
            return nn.MaxPool2d(**dict(zip(names, extra, strict=False)) | options)
        case "mean":
            places = options.get("dim", extra[0] if extra else ())
            if tuple(np.sort(np.mod(places, 4))) == (2, 3) and not options.get("keepdim"):
                return GlobalPool("mean")
    return None


def _combined(steps: Steps, step: Step, values: Values, unit: Index) -> Explained:
    """Numbers added or multiplied, repeated along the dimensions that are of size 1."""
    operands: list[Operand] = []
    for argument in step.node.args:
        value = values.of(argument)
        node = argument if isinstance(argument, fx.Node) else None
        if not isinstance(value, Tensor):
            operands.append(Operand("a constant", (), float(value)))
            continue
        weight = node is not None and node.op == "get_attr"
        shape = tuple(value.shape) if weight else tuple(value.shape[1:])
        # positions, repeated as the numbers themselves are
        places = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), step.shape)
        at = tuple(int(i) for i in np.unravel_index(int(places[unit]), shape)) if shape else ()
        number = float((value if weight else value[0]).detach()[at])
        name = str(node.target) if weight and node is not None else _name(steps, node)
        operands.append(Operand(name, at, number))
    sign = _SIGNS[step.kind]
    numbers = [operand.value for operand in operands]
    total = math.fsum(numbers) if sign == "+" else math.prod(numbers)
    scale = sum(map(abs, numbers)) if sign == "+" else abs(total)
    return Explained(Combined(tuple(operands), sign), total, scale)


def _moved(steps: Steps, step: Step, values: Values, unit: Index) -> Explained:
    """Where a number comes from that is passed on."""
    places: dict[fx.Node, Tensor] = {}
    start = 1  # 0 is what the operation fills in
    for name in step.inputs:
        node = steps.node(name)
        count = values[node].numel()
        # float64 counts exactly up to 2**53
        numbers = torch.arange(start, start + count, dtype=torch.float64)
        places[node] = numbers.reshape(values[node].shape)
        start += count
    at = int(values.call(step.node, places)[0][unit])
    note = _MOVES[step.kind]
    for name in step.inputs:
        tensor = values[steps.node(name)]
        if 1 <= at <= tensor.numel():
            where = tuple(int(i) for i in np.unravel_index(at - 1, tuple(tensor.shape[1:])))
            number = float(tensor[0][where])
            return Explained(Moved(Operand(name, where, number), note), number, abs(number))
        at -= tensor.numel()
    return Explained(Moved(None, note), 0.0, 0.0)


def _origins(steps: Steps, step: Step, values: Values) -> tuple[list[Index] | None, str]:
    """For each input of a linear layer where it lies in the last maps before, and their step."""
    chain: list[Step] = []
    at = step
    while len(at.inputs) == 1 and at.inputs[0]:
        source = steps.find(at.inputs[0])
        if len(source.shape) > 1 and chain:
            count = math.prod(source.shape)
            places = torch.arange(count, dtype=torch.float64).reshape(1, *source.shape)
            for link in reversed(chain):
                places = values.call(link.node, {steps.node(link.inputs[0]): places})
            found = np.unravel_index(places[0].numpy().astype(np.int64), source.shape)
            return list(zip(*(part.tolist() for part in found), strict=True)), source.name
        if source.kind not in _MOVES or len(source.inputs) != 1:
            break
        chain.append(source)
        at = source
    return None, ""


def needed(steps: Steps, step: Step) -> list[fx.Node]:
    """The nodes whose values explain a step, its own first."""
    return [step.node, *(steps.node(name) for name in step.inputs)]


def _name(steps: Steps, node: fx.Node | None) -> str:
    return next((step.name for step in steps.all if step.node is node), "")


def _adaptive(size: Any, sides: tuple[int, int]) -> tuple[int, int]:
    pair: Sequence[int | None] = (size, size) if size is None or isinstance(size, int) else size
    return (pair[0] or sides[0], pair[1] or sides[1])


def _unknown(step: Step) -> Explained:
    reason = (
        f"{step.kind} is not taken apart here: its output is shown, but not how it comes to be."
    )
    return Explained(Unexplained(reason), None, 0.0)
