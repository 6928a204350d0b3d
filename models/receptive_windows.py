"""Rules for what looks through windows: convolutions, pools, padding, resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.receptive_axes import Axis, adapt, interpolate, slide, spread, take
from models.receptive_call import Call, rule
from models.receptive_trace import Dim, Mixed, Trace, labels_of, plain


def _windows(
    trace: Trace,
    shape: Sequence[int],
    spatial: int,
    make: Callable[[Axis, int, int], Axis],
) -> Trace:
    """Put `make(axis, number of the spatial dimension, units)` in place of each spatial axis."""
    dims = list(trace.dims)
    for number in range(spatial):
        at, count = len(dims) - spatial + number, shape[len(shape) - spatial + number]
        label = trace.label(at)
        if not label and not dims[at]:  # one unit, which padding may turn into several
            label = ("", "y", "x")[max(0, number - spatial + 3)]
        if not label or (not dims[at] and trace.find(label) is not None):
            dims[at] = plain([count])[0]
            continue
        trace = trace.with_axis(label, make(trace.axis(label), number, count))
        dims[at] = ((count, label),) if count > 1 else ()
    return replace(trace, dims=tuple(dims))


def _each(value: Any, number: int) -> int:
    """One of a setting's numbers, which torch may leave at one for all."""
    values = [value] if isinstance(value, int) else list(value)
    return int(values[number if len(values) > 1 else 0])


@rule("convolution")
def _convolution(call: Call, shape: Sequence[int]) -> Trace:
    trace, given = call.main(), call.arguments
    kernel = tuple(given["weight"].shape[2:])

    def make(axis: Axis, number: int, count: int) -> Axis:
        window = [_each(given[name], number) for name in ("stride", "padding", "dilation")]
        return (spread if given["transposed"] else slide)(axis, count, kernel[number], *window)

    trace = trace.pool(labels_of([trace.dims[1]]), call.where)  # all channels are summed
    found = _windows(trace, shape, len(kernel), make)
    return replace(found, dims=(found.dims[0], *plain([shape[1]]), *found.dims[2:]))


@rule(
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices"),
    *("max_pool3d_with_indices", "max_pool1d_with_indices"),
)
def _pool(call: Call, shape: Sequence[int]) -> Trace:
    given, kernel = call.arguments, call.arguments["kernel_size"]
    steps = given["stride"] or kernel

    def make(axis: Axis, number: int, count: int) -> Axis:
        window = _each(given["padding"], number), _each(given.get("dilation", 1), number)
        return slide(axis, count, _each(kernel, number), _each(steps, number), *window)

    return _windows(call.main(), shape, _spatial(call.name), make)


@rule(
    *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d"),
    *("adaptive_max_pool2d", "adaptive_max_pool3d"),
)
def _adaptive_pool(call: Call, shape: Sequence[int]) -> Trace:
    trace, spatial = call.main(), _spatial(call.name)
    single = [trace.dims[n - spatial] for n in range(spatial) if shape[n - spatial] == 1]
    trace = trace.pool(labels_of(single), call.where)
    return _windows(trace, shape, spatial, lambda axis, _, count: adapt(axis, count))


@rule("upsample_nearest1d", "upsample_nearest2d", "upsample_linear1d", "upsample_bilinear2d")
def _upsample(call: Call, shape: Sequence[int]) -> Trace:
    linear, corners = "linear" in call.name, bool(call.arguments.get("align_corners"))

    def make(axis: Axis, _: int, count: int) -> Axis:
        return interpolate(axis, count, linear, corners)

    return _windows(call.main(), shape, _spatial(call.name), make)


def _spatial(name: str) -> int:
    """The number before the "d" of a name such as avg_pool2d."""
    return next(int(digit) for digit in "123" if f"{digit}d" in name)


@rule("pixel_shuffle")
def _pixel_shuffle(call: Call, shape: Sequence[int]) -> Trace:
    def make(axis: Axis, _: int, count: int) -> Axis:
        return interpolate(axis, count, linear=False, corners=False)

    return with_channels(_windows(call.main(), shape, 2, make), shape)


@rule("pixel_unshuffle")
def _pixel_unshuffle(call: Call, shape: Sequence[int]) -> Trace:
    side = call.arguments["downscale_factor"]

    def make(axis: Axis, _: int, count: int) -> Axis:
        return slide(axis, count, side, side, 0, 1)

    return with_channels(_windows(call.main(), shape, 2, make), shape)


def with_channels(trace: Trace, shape: Sequence[int]) -> Trace:
    """The same with the number of channels that `shape` has, third from the last."""
    if labels_of([trace.dims[-3]]):
        raise Mixed
    return replace(trace, dims=(*trace.dims[:-3], *plain([shape[-3]]), *trace.dims[-2:]))


@rule("im2col")
def _unfold(call: Call, shape: Sequence[int]) -> Trace:
    trace, given = call.main(), call.arguments
    kernel, padding, dilation, stride = (
        [_each(given[name], n) for n in (0, 1)]
        for name in ("kernel_size", "padding", "dilation", "stride")
    )
    size = list(given["self"].shape[-2:])
    counts = [
        (size[n] + 2 * padding[n] - dilation[n] * (kernel[n] - 1) - 1) // stride[n] + 1
        for n in (0, 1)
    ]

    def make(axis: Axis, n: int, count: int) -> Axis:
        return slide(axis, count, kernel[n], stride[n], padding[n], dilation[n])

    found = _windows(trace, [*shape[:-2], *counts], 2, make)
    positions: Dim = (*found.dims[-2], *found.dims[-1])
    return replace(found, dims=(*plain(shape[:-1]), positions))


@rule("constant_pad_nd")
def _pad(call: Call, shape: Sequence[int]) -> Trace:
    return _padded(call, shape, "constant", call.arguments["pad"])


@rule("reflection_pad1d", "reflection_pad2d")
def _reflect(call: Call, shape: Sequence[int]) -> Trace:
    return _padded(call, shape, "reflect", call.arguments["padding"])


@rule("replication_pad1d", "replication_pad2d")
def _replicate(call: Call, shape: Sequence[int]) -> Trace:
    return _padded(call, shape, "edge", call.arguments["padding"])


def _padded(call: Call, shape: Sequence[int], mode: Any, pad: Sequence[int]) -> Trace:
    spatial = len(pad) // 2

    def make(axis: Axis, number: int, count: int) -> Axis:
        before, after = pad[2 * (spatial - 1 - number) :][:2]  # torch lists the last axis first
        positions = np.arange(-before, axis.count + after)
        if mode == "constant":
            return take(axis, positions)
        inside = np.arange(axis.count)[max(0, -before) : axis.count - max(0, -after)]
        return take(axis, positions, np.pad(inside, (max(0, before), max(0, after)), mode))

    return _windows(call.main(), shape, spatial, make)
