"""A setting as torch layers: the list that the lens builds and that the page prints as code.

Both come from here, so the code to copy cannot say anything else than what torch was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from viz.arithmetic.numbers import Array, Numbers
from viz.arithmetic.setting import Setting

_POOLS: Final = {
    "max": "MaxPool", "mean": "AvgPool", "lp": "LPPool",
    "adaptive_max": "AdaptiveMaxPool", "adaptive_mean": "AdaptiveAvgPool",
}  # fmt: skip
_PADS: Final = {
    "zeros": "ConstantPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad",
    "circular": "CircularPad",
}  # fmt: skip


@dataclass(frozen=True)
class LayerCall:
    """`nn.<module>(**arguments)`; `weight` is the number of its weights among the setting's."""

    module: str
    arguments: dict[str, Any] = field(default_factory=dict)
    weight: int | None = None
    bias: bool = False


def layer_calls(setting: Setting) -> tuple[LayerCall, ...]:
    """The layers that compute a checked setting, in order."""
    cin, cout = setting.channels
    if not setting.weighted:
        return (LayerCall(f"{_POOLS[setting.operation]}{setting.dims}d", _pool_arguments(setting)),)
    if setting.operation == "transposed":
        arguments = _geometry(setting) | {
            "padding": short(tuple(setting.pads(axis)[0] for axis in range(setting.dims))),
            "output_padding": short(setting.output_padding),
            "groups": setting.groups,
        }
        return (_conv(f"ConvTranspose{setting.dims}d", cin, cout, arguments, 0, setting.bias),)
    before, padding = _padding(setting)
    arguments = _geometry(setting) | padding
    name = f"Conv{setting.dims}d"
    if setting.operation == "separable":
        depthwise = _conv(name, cin, cin, arguments | {"groups": cin}, 0, False)
        return (*before, depthwise, _conv(name, cin, cout, {"kernel_size": 1}, 1, setting.bias))
    return (
        *before,
        _conv(name, cin, cout, arguments | {"groups": setting.groups}, 0, setting.bias),
    )


def short(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all are the same, as people write it."""
    return values[0] if len(set(values)) == 1 else values


def turned(weight: Array, dims: int) -> Array:
    """The kernel turned round in every spatial dimension."""
    return np.flip(weight, tuple(range(-dims, 0))).copy()


def torch_code(setting: Setting, numbers: Numbers) -> str:
    """A script that computes what is shown and prints it; `y` holds the result (1, O, *out)."""
    calls = layer_calls(setting)
    lines = [
        "import torch",
        "from torch import nn",
        "",
        f"x = {_tensor(numbers.x[None])}  # {_letters(setting)}",
    ]
    for number, call in enumerate(calls):
        lines.append(f"{_name(calls, number)} = {_call_text(call)}")
    weighted = [number for number, call in enumerate(calls) if call.weight is not None]
    lines += ["", "with torch.no_grad():"]
    for number in weighted:
        call, name = calls[number], _name(calls, number)
        turn = _flip_text(setting) if setting.flip and call.weight == 0 else ""
        lines.append(f"    {name}.weight.copy_({_tensor(numbers.weights[call.weight or 0])}{turn})")
        if call.bias:
            lines.append(f"    {name}.bias.copy_({_tensor(numbers.bias)})")
    chain = "x"
    for number in range(len(calls)):
        chain = f"{_name(calls, number)}({chain})"
    return "\n".join([*lines, f"    y = {chain}", "", "print(y.shape)", "print(y)"]) + "\n"


def _conv(
    module: str, cin: int, cout: int, arguments: dict[str, Any], weight: int, bias: bool
) -> LayerCall:
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "output_padding": 0}
    said = {name: value for name, value in arguments.items() if usual.get(name) != value}
    start = {"in_channels": cin, "out_channels": cout}
    return LayerCall(module, {**start, **said, "bias": bias}, weight, bias)


def _geometry(setting: Setting) -> dict[str, Any]:
    return {
        "kernel_size": short(setting.kernel_size),
        "stride": short(setting.stride),
        "dilation": short(setting.dilation),
    }


def _padding(setting: Setting) -> tuple[tuple[LayerCall, ...], dict[str, Any]]:
    """Layers that pad beforehand, where the convolution itself cannot, and its own arguments."""
    pads = [setting.pads(axis) for axis in range(setting.dims)]
    mode = {} if setting.padding_mode == "zeros" else {"padding_mode": setting.padding_mode}
    if not any(sum(one) for one in pads):
        return (), {}
    if all(before == behind for before, behind in pads):
        if setting.padding == "same" and set(setting.stride) == {1}:
            return (), {"padding": "same", **mode}  # torch refuses the word with a stride
        return (), {"padding": short(tuple(before for before, _ in pads)), **mode}
    sides = tuple(side for one in reversed(pads) for side in one)  # torch: last dimension first
    module = f"{_PADS[setting.padding_mode]}{setting.dims}d"
    value = {"value": 0.0} if setting.padding_mode == "zeros" else {}
    return (LayerCall(module, {"padding": sides, **value}),), {}


def _pool_arguments(setting: Setting) -> dict[str, Any]:
    if setting.adaptive:
        return {"output_size": short(setting.output_size)}
    window = {"kernel_size": short(setting.kernel_size), "stride": short(setting.stride)}
    if setting.operation == "lp":
        return {"norm_type": setting.norm, **window}
    padding = short(tuple(setting.pads(axis)[0] for axis in range(setting.dims)))
    said = {"padding": padding} if padding else {}
    if setting.operation == "max" and set(setting.dilation) != {1}:
        said["dilation"] = short(setting.dilation)
    return window | said


def _name(calls: tuple[LayerCall, ...], number: int) -> str:
    call = calls[number]
    if call.weight is None:
        return "pad" if "Pad" in call.module else "pool"
    layers = [one for one in calls if one.weight is not None]
    return "conv" if len(layers) == 1 else ("depthwise", "pointwise")[call.weight]


def _call_text(call: LayerCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"nn.{call.module}({arguments})".replace("'", '"')


def _flip_text(setting: Setting) -> str:
    return f".flip({', '.join(str(axis) for axis in range(2, 2 + setting.dims))})"


def _letters(setting: Setting) -> str:
    return (
        "(" + ", ".join(("N", "C", "D", "H", "W")[:2] + ("D", "H", "W")[3 - setting.dims :]) + ")"
    )


def _tensor(values: Array) -> str:
    return f"torch.tensor({_nested(values)}, dtype=torch.float32)"


def _nested(values: Array) -> str:
    if values.ndim == 0:
        return f"{float(values):.7g}"
    return f"[{', '.join(_nested(part) for part in values)}]"
