"""An operation taken apart: grids of cells, windows over them, and what happens to each window.

`build_steps` brings every operation into one form: an output cell gathers the cells of its window,
multiplies them by weights where there are any, and reduces them to one number. A depthwise
separable convolution is two such steps, all others are one. A transposed convolution gathers from
its stretched input with the kernel turned round, which is the same numbers as spreading each input
cell over the output (Dumoulin & Visin, section 4).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from viz.arithmetic.axes import Axis, build_axes
from viz.arithmetic.numbers import Array, Numbers
from viz.arithmetic.setting import Setting

Reduce = Literal["sum", "max", "mean", "lp"]
_REDUCE: dict[str, Reduce] = {
    "max": "max", "adaptive_max": "max", "mean": "mean", "adaptive_mean": "mean", "lp": "lp",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One gathering, with its numbers. T taps a window, D spatial dimensions."""

    axes: tuple[Axis, ...]
    reduce: Reduce
    norm: int  # of "lp"
    groups: int
    x: Array  # (C, *size)
    weight: Array | None  # (O, C / groups, *kernel), None for pooling
    bias: Array  # (O,) or (0,)
    output: Array  # (O, *out)

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells of the padded or stretched input along each axis."""
        return tuple(len(axis.source) for axis in self.axes)

    @property
    def blank(self) -> float:
        """What a cell without input holds: nothing can be less than it where the largest wins."""
        return -np.inf if self.reduce == "max" else 0.0


@dataclass(frozen=True)
class Term:
    """One product of an output cell, or one number that is compared or averaged."""

    channel: int
    cell: tuple[int, ...]  # position in the grid
    source: tuple[int, ...] | None  # position in the input; None: padding or a gap
    tap: tuple[int, ...] | None  # position in the kernel; None: pooling
    x: float
    weight: float

    @property
    def product(self) -> float:
        """x · weight."""
        return self.x * self.weight


def build_steps(setting: Setting, numbers: Numbers) -> tuple[Step, ...]:
    """The steps of a checked setting, computed.

    Raises:
        SettingError: when the output would have more cells than a page can show.
    """
    axes = build_axes(setting)
    none = np.zeros(0)
    if setting.operation == "separable":
        first = _computed(
            Step(axes, "sum", 2, setting.in_channels, numbers.x, numbers.weights[0], none, none)
        )
        ones = replace(
            setting, operation="conv", size=first.output.shape[1:], groups=1, padding="valid",
            kernel_size=(1,) * setting.dims, stride=(1,) * setting.dims, flip=False,
        )  # fmt: skip
        second = Step(
            build_axes(ones), "sum", 2, 1, first.output, numbers.weights[1], numbers.bias, none
        )
        return first, _computed(second)
    reduce = _REDUCE.get(setting.operation, "sum")
    weight = numbers.weights[0] if setting.weighted else None
    groups = setting.groups if setting.weighted else setting.in_channels
    if setting.operation == "transposed" and weight is not None:
        weight = gather_layout(weight, groups)
    step = Step(axes, reduce, setting.norm, groups, numbers.x, weight, numbers.bias, none)
    return (_computed(step),)


def gather_layout(weight: Array, groups: int) -> Array:
    """Weights of a transposed convolution (C, O / groups, …) as (O, C / groups, …)."""
    cin, per_group, *kernel = weight.shape
    parts = weight.reshape(groups, cin // groups, per_group, *kernel).swapaxes(1, 2)
    return np.ascontiguousarray(parts).reshape(groups * per_group, cin // groups, *kernel)


def grid_values(step: Step) -> Array:
    """The padded or stretched input (C, *grid); `step.blank` where there is no input."""
    values = step.x
    for at, axis in enumerate(step.axes, start=1):
        source = np.array(axis.source)
        values = values.take(np.maximum(source, 0), axis=at)
        shape = [1] * values.ndim
        shape[at] = len(source)
        values = np.where((source < 0).reshape(shape), step.blank, values)
    return values


def terms(step: Step, channel: int, position: tuple[int, ...]) -> Iterator[Term]:
    """What output cell `position` of `channel` is made of, in the order in which it is added up."""
    per_group = len(step.x) // step.groups
    group = channel // (len(step.output) // step.groups)
    windows = [axis.windows[at] for axis, at in zip(step.axes, position, strict=True)]
    for inner in range(per_group):
        for ordinals in itertools.product(*(range(len(window)) for window in windows)):
            cell = tuple(window[at] for window, at in zip(windows, ordinals, strict=True))
            source = tuple(axis.source[at] for axis, at in zip(step.axes, cell, strict=True))
            inside = min(source) >= 0
            tap = tuple(axis.taps[at] for axis, at in zip(step.axes, ordinals, strict=True))
            outer = group * per_group + inner
            yield Term(
                outer,
                cell,
                source if inside else None,
                None if step.weight is None else tap,
                float(step.x[(outer, *source)]) if inside else step.blank,
                1.0 if step.weight is None else float(step.weight[(channel, inner, *tap)]),
            )


def _computed(step: Step) -> Step:
    """The step with its output: every tap's cells, shifted and added, as the picture plays it."""
    grid = grid_values(step)
    if step.weight is None:
        return replace(step, output=_pooled(step, grid))
    taps = list(itertools.product(*(range(len(axis.taps)) for axis in step.axes)))
    filters, per_group = step.weight.shape[:2]
    output = np.zeros((filters, *(axis.out for axis in step.axes)))
    for ordinals in taps:
        cells = [
            [window[at] for window in axis.windows]
            for axis, at in zip(step.axes, ordinals, strict=True)
        ]
        tap = tuple(axis.taps[at] for axis, at in zip(step.axes, ordinals, strict=True))
        for inner in range(per_group):
            outer = np.arange(filters) // (filters // step.groups) * per_group + inner
            place: tuple[Any, ...] = (slice(None), inner, *tap)
            weights = step.weight[place]  # (O,)
            output += grid[np.ix_(outer, *cells)] * weights.reshape(-1, *[1] * len(step.axes))
    if step.bias.size:
        output += step.bias.reshape(-1, *[1] * len(step.axes))
    return replace(step, output=output)


def _pooled(step: Step, grid: Array) -> Array:
    output = np.empty((len(grid), *(axis.out for axis in step.axes)))
    for position in itertools.product(*(range(axis.out) for axis in step.axes)):
        cells = [axis.windows[at] for axis, at in zip(step.axes, position, strict=True)]
        window = grid[np.ix_(range(len(grid)), *cells)].reshape(len(grid), -1)
        place: tuple[Any, ...] = (slice(None), *position)
        output[place] = reduce_window(window, step.reduce, step.norm)
    return output


def reduce_window(window: Array, reduce: Reduce, norm: int) -> Array:
    """(C, T) -> (C,): the largest, the mean, or the p-th root of the sum of p-th powers.

    Torch takes powers of x itself, not of |x|: a negative sum has no even root and is NaN here too.
    """
    if reduce == "max":
        return np.asarray(window.max(axis=1))
    if reduce == "mean":
        return np.asarray(window.mean(axis=1))
    total = np.asarray((window**norm).sum(axis=1))
    if norm == 1:
        return total
    with np.errstate(invalid="ignore"):
        return np.asarray(total ** (1 / norm))
