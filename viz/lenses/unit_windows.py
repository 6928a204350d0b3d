"""One unit of a layer that slides a window: the cells it reads, the weights on them, the sum.

Everything is computed in float64 from the float32 numbers the layer was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.modules import GlobalPool, LocallyConnected2d, PartialConv2d, Subsample
from viz.results.units import ChannelTerm, Explanation, Index, Window, WindowMax, WindowSum

Doubles = npt.NDArray[np.float64]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Explained:
    """An explanation with its total (None: it has none); `scale`: sum of its absolute terms."""

    explanation: Explanation
    total: float | None
    scale: float


def explain_conv(module: nn.Conv2d, x: Tensor, unit: Index, rows: int) -> Explained:
    """Σ over the channels of its group of Σ patch · kernel, plus bias."""
    out, y, column = unit
    size, stride = _pair(module.kernel_size), _pair(module.stride)
    dilation = _pair(module.dilation)
    padding = _padding(module.padding, size, dilation)
    window = Window(y * stride[0] - padding[0], column * stride[1] - padding[1], size, dilation)
    per_group = module.in_channels // module.groups
    first = out // (module.out_channels // module.groups) * per_group
    channels = np.arange(first, first + per_group)
    note = ""
    if module.groups > 1:
        note = (
            "A depthwise convolution: each output channel reads one input channel."
            if per_group == 1
            else f"A grouped convolution: this channel reads {per_group} of {module.in_channels} "
            f"input channels, {first} to {first + per_group - 1}."
        )
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    if mode != "constant":
        note = f"{note} Outside the input it reads the {mode} continuation.".strip()
    return _sum(
        x, channels, module.weight[out], window, module.bias[out] if module.bias is not None else None,
        rows, note=note, mode=mode,
    )  # fmt: skip


def explain_partial(module: PartialConv2d, x: Tensor, unit: Index, rows: int) -> Explained:
    """As a convolution, over the channels that are connected."""
    out, y, column = unit
    side = module.dense_shape[-1]
    channels = module.inputs[module.outputs == out].numpy()
    weight = module.dense_weight()[out][torch.as_tensor(channels)]
    window = Window(y - module.padding, column - module.padding, (side, side), (1, 1))
    note = (
        f"Connected to {len(channels)} of {module.dense_shape[1]} input channels: "
        f"{', '.join(map(str, channels))}."
    )
    return _sum(x, channels, weight, window, module.bias[out], rows, note=note)


def explain_local(module: LocallyConnected2d, x: Tensor, unit: Index, rows: int) -> Explained:
    """As a convolution, with the filter of this very position."""
    out, y, column = unit
    side, step, padding = module.kernel_size, module.stride, module.padding
    window = Window(y * step - padding, column * step - padding, (side, side), (1, 1))
    bias = None if module.bias is None else module.bias[out, y, column]
    return _sum(
        x, np.arange(x.shape[1]), module.weight[y, column, out], window, bias, rows,
        note="This position has a filter of its own; its neighbours have others.",
    )  # fmt: skip


def explain_subsample(module: Subsample, x: Tensor, unit: Index, rows: int) -> Explained:
    """The sum of the window times one coefficient, plus bias."""
    channel, y, column = unit
    side = module.kernel_size
    weight = module.weight[channel].expand(1, side, side)
    window = Window(y * side, column * side, (side, side), (1, 1))
    return _sum(
        x, np.array([channel]), weight, window, module.bias[channel], rows,
        weights="the same trained coefficient in every cell",
    )  # fmt: skip


def explain_mean(x: Tensor, channel: int, window: Window, divisor: int, rows: int) -> Explained:
    """The mean of a window: a sum with 1/divisor everywhere."""
    weight = torch.full((1, *window.size), 1 / divisor, dtype=torch.float64)
    return _sum(
        x, np.array([channel]), weight, window, None, rows, weights=f"1/{divisor} in every cell"
    )


def explain_max(x: Tensor, channel: int, window: Window) -> Explained:
    """The largest number of a window."""
    patch, padded = _patches(x[:, channel : channel + 1], window, fill=-np.inf)
    winner = np.unravel_index(int(np.argmax(patch[0])), patch[0].shape)
    largest = float(patch[0][winner])
    explanation = WindowMax(
        window=window,
        channel=channel,
        patch=patch[0].astype(np.float32),
        map=_floats(x[0, channel]),
        padded=padded,
        winner=(int(winner[0]), int(winner[1])),
        ties=int((patch[0] == largest).sum()) - 1,
    )
    return Explained(explanation, largest, abs(largest))


def max_window(module: nn.MaxPool2d, unit: Index) -> Window:
    """The cells a unit of a max pooling compares."""
    size, stride = _pair(module.kernel_size), _pair(module.stride)
    padding, dilation = _pair(module.padding), _pair(module.dilation)
    return Window(
        unit[1] * stride[0] - padding[0], unit[2] * stride[1] - padding[1], size, dilation
    )


def mean_window(module: nn.AvgPool2d, unit: Index, sides: Pair) -> tuple[Window, int]:
    """The cells a unit of a mean pooling reads, and what their sum is divided by.

    With `count_include_pad` cells of the padding count, those beyond it (ceil_mode) never do.
    """
    size, stride, padding = (
        _pair(module.kernel_size),
        _pair(module.stride),
        _pair(module.padding),
    )
    spans = []
    for axis, at in enumerate(unit[1:3]):
        start = at * stride[axis] - padding[axis]
        end = min(start + size[axis], sides[axis] + padding[axis])
        inside = min(end, sides[axis]) - max(start, 0)
        spans.append((start, end - start, inside))
    (top, height, rows), (left, width, columns) = spans
    divisor = height * width if module.count_include_pad else rows * columns
    if module.divisor_override:
        divisor = int(module.divisor_override)
    return Window(top, left, (height, width), (1, 1)), divisor


def adaptive_window(unit: Index, out: Pair, sides: Pair) -> Window:
    """The cells of an adaptive pooling: from ⌊i·H/out⌋ up to ⌈(i+1)·H/out⌉."""
    starts = [at * side // size for at, side, size in zip(unit[1:3], sides, out, strict=True)]
    ends = [
        -(-(at + 1) * side // size) for at, side, size in zip(unit[1:3], sides, out, strict=True)
    ]
    size = (ends[0] - starts[0], ends[1] - starts[1])
    return Window(starts[0], starts[1], size, (1, 1))


def explain_global(module: GlobalPool, x: Tensor, unit: Index, rows: int) -> Explained:
    """One number per map."""
    window = whole_window(x)
    if module.mode == "max":
        return explain_max(x, unit[0], window)
    return explain_mean(x, unit[0], window, window.size[0] * window.size[1], rows)


def whole_window(x: Tensor) -> Window:
    """All cells of a map."""
    return Window(0, 0, (x.shape[2], x.shape[3]), (1, 1))


def _sum(
    x: Tensor,
    channels: npt.NDArray[np.int64],
    weight: Tensor,  # (len(channels), kh, kw)
    window: Window,
    bias: Tensor | None,
    rows: int,
    *,
    weights: str = "weights",
    note: str = "",
    mode: str = "constant",
) -> Explained:
    patch, padded = _patches(x[:, torch.as_tensor(channels)], window, mode=mode)
    kernel = weight.detach().to(torch.float64).numpy()  # (C, kh, kw)
    products = patch * kernel
    totals = products.sum(axis=(1, 2))  # (C,)
    order = np.argsort(-np.abs(totals), kind="stable")
    shown = order[:rows]
    added = None if bias is None else float(bias.detach())
    explanation = WindowSum(
        window=window,
        channels=tuple(
            ChannelTerm(
                channel=int(channels[at]),
                patch=patch[at].astype(np.float32),
                kernel=kernel[at].astype(np.float32),
                map=_floats(x[0, int(channels[at])]),
                total=float(totals[at]),
            )
            for at in shown
        ),
        rest_count=len(order) - len(shown),
        rest_total=float(totals[order[rows:]].sum()),
        bias=added,
        padded=padded,
        weights=weights,
        note=note,
    )
    total = float(totals.sum()) + (added or 0.0)
    return Explained(explanation, total, float(np.abs(products).sum()) + abs(added or 0.0))


def _patches(
    x: Tensor, window: Window, *, fill: float = 0.0, mode: str = "constant"
) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """The cells of `window` in maps (1, C, H, W): (C, kh, kw), and which lie outside (kh, kw)."""
    height, width = x.shape[2:]
    rows = window.top + np.arange(window.size[0]) * window.dilation[0]
    columns = window.left + np.arange(window.size[1]) * window.dilation[1]
    outside = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))
    maps = x[0].detach().to(torch.float64)
    if mode != "constant" and outside.any():
        up, left = max(0, -window.top), max(0, -window.left)
        down, right = max(0, window.bottom - height), max(0, window.right - width)
        maps = functional.pad(maps[None], (left, right, up, down), mode=mode)[0]
        patch: Doubles = maps.numpy()[:, rows[:, None] + up, columns + left]
        return patch, outside
    inside = maps.numpy()[:, rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
    return np.where(outside, fill, inside), outside


def _padding(padding: str | tuple[int, ...] | int, size: Pair, dilation: Pair) -> Pair:
    """Rows above and columns left of the input."""
    if padding == "same":
        return (dilation[0] * (size[0] - 1) // 2, dilation[1] * (size[1] - 1) // 2)
    return (0, 0) if isinstance(padding, str) else _pair(padding)


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _floats(values: Tensor) -> npt.NDArray[np.float32]:
    return np.array(values.detach().to(torch.float32).numpy(), copy=True, order="C")
