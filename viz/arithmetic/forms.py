"""The same operation in the three other shapes it takes in programs, each computed on its own.

One matrix times the input as a vector; im2col, where windows become columns and the filters one
matrix; and the product of Fourier transforms. That they agree with the sum written out is shown on
the page with a tick, so none of them may reuse the numbers of another.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from viz.arithmetic.numbers import Array
from viz.arithmetic.setting import SettingError
from viz.arithmetic.steps import Step, grid_values, reduce_window

MAX_ENTRIES = 400_000
MAX_ROWS = 1200


@dataclass(frozen=True)
class MatrixForm:
    """y = M x + b: the input as one column, every output cell a row."""

    matrix: Array  # (O · P, C · I)
    weights: npt.NDArray[np.int64]  # the same shape: which weight stands there, −1 for none
    output: Array  # (O, *out)


@dataclass(frozen=True)
class ColumnsForm:
    """Y = W X: every window a column, every filter a row."""

    filters: Array | None  # (groups, O / groups, C / groups · T); None: columns are reduced
    columns: Array  # (groups, C / groups · T, P)
    output: Array  # (O, *out)


@dataclass(frozen=True)
class SpectrumForm:
    """Y = F⁻¹(F(x) · F(k)*): windows of the whole input at once, then every s-th is kept."""

    x: npt.NDArray[np.complex128]  # (C, *grid)
    kernel: npt.NDArray[np.complex128]  # (O, C / groups, *grid)
    output: Array  # (O, *out)


def is_linear(step: Step) -> bool:
    """Whether one matrix does it: maxima and powers are not linear."""
    return step.reduce in ("sum", "mean")


def build_matrix(step: Step) -> MatrixForm:
    """The matrix of a linear step (Dumoulin & Visin, section 4.1).

    An input cell that a window reads twice, as reflected and circular borders do, has the sum of
    both weights; `weights` names the last of them then.

    Raises:
        SettingError: not linear, or too large to show.
    """
    if not is_linear(step):
        raise SettingError("The largest of several numbers, or a power, is no matrix product.")
    cells, places = math.prod(step.x.shape), math.prod(step.output.shape)
    if cells * places > MAX_ENTRIES or max(cells, places) > MAX_ROWS:
        raise SettingError(
            f"The matrix would be {places:,} × {cells:,}: make the input or the channels fewer to see it."
        )
    matrix, names = np.zeros((places, cells)), np.full((places, cells), -1, np.int64)
    per_group = len(step.x) // step.groups
    out, taps = step.output.shape[1:], [axis.taps for axis in step.axes]
    for row, (channel, *position) in enumerate(itertools.product(*map(range, step.output.shape))):
        windows = [axis.windows[at] for axis, at in zip(step.axes, position, strict=True)]
        count = math.prod(map(len, windows))
        first = channel // (len(step.output) // step.groups) * per_group
        for ordinals in itertools.product(*(range(len(window)) for window in windows)):
            source = [
                axis.source[w[at]] for axis, w, at in zip(step.axes, windows, ordinals, strict=True)
            ]
            if min(source) < 0:
                continue
            tap = tuple(tap[at] for tap, at in zip(taps, ordinals, strict=True))
            for inner in range(per_group):
                column = np.ravel_multi_index((first + inner, *source), step.x.shape)
                if step.weight is None:
                    matrix[row, column] += 1 / count
                    names[row, column] = 0
                else:
                    matrix[row, column] += step.weight[(channel, inner, *tap)]
                    names[row, column] = np.ravel_multi_index(
                        (channel, inner, *tap), step.weight.shape
                    )
    output = (matrix @ step.x.ravel()).reshape(-1, *out)
    return MatrixForm(matrix, names, _with_bias(step, output))


def build_columns(step: Step) -> ColumnsForm:
    """im2col: the windows side by side, then one matrix product a group.

    Raises:
        SettingError: adaptive windows differ in size, so they are no columns of one matrix.
    """
    if any(axis.stride == 0 for axis in step.axes):
        raise SettingError("Adaptive windows differ in size, so they do not stack into one matrix.")
    grid, dims = grid_values(step), len(step.axes)
    # Strided views of every window: (C, *out, *taps), independent of the loop that fills the page.
    spans = tuple(axis.windows[0][-1] + 1 for axis in step.axes)
    windows = np.lib.stride_tricks.sliding_window_view(grid, spans, axis=tuple(range(1, dims + 1)))
    every = [slice(0, axis.stride * (axis.out - 1) + 1, axis.stride) for axis in step.axes]
    every += [slice(None, None, axis.dilation) for axis in step.axes]
    windows = windows[(slice(None), *every)]
    order = (0, *range(dims + 1, 2 * dims + 1), *range(1, dims + 1))
    columns = windows.transpose(order).reshape(step.groups, -1, math.prod(step.output.shape[1:]))
    if step.weight is None:
        channels = columns.reshape(len(step.x), -1, columns.shape[-1])
        pooled = [reduce_window(channel.T, step.reduce, step.norm) for channel in channels]
        return ColumnsForm(None, columns, np.stack(pooled).reshape(step.output.shape))
    filters = _as_applied(step).reshape(step.groups, len(step.output) // step.groups, -1)
    output = (filters @ columns).reshape(step.output.shape)
    return ColumnsForm(filters, columns, _with_bias(step, output))


def build_spectrum(step: Step) -> SpectrumForm:
    """The convolution theorem, on the padded input: shifts become products.

    Raises:
        SettingError: not linear, or windows that do not repeat.
    """
    if not is_linear(step) or any(axis.stride == 0 for axis in step.axes):
        raise SettingError(
            "Only sums over windows of one size become products of Fourier transforms."
        )
    grid, dims = grid_values(step), len(step.axes)
    axes = tuple(range(-dims, 0))
    kernel = _as_applied(step)
    spans = tuple(axis.windows[0][-1] + 1 for axis in step.axes)
    spread = np.zeros((*kernel.shape[:2], *spans))
    places: tuple[Any, ...] = (..., *(slice(None, None, axis.dilation) for axis in step.axes))
    spread[places] = kernel
    # Correlation reads forward from each start, so with at least `grid` cells nothing wraps into
    # the starts that are kept: the circle closes behind the last whole window.
    shape = step.grid
    x = np.fft.fftn(grid, shape, axes)  # (C, *grid)
    k = np.fft.fftn(spread, shape, axes)  # (O, C / groups, *grid)
    grouped = x.reshape(step.groups, 1, -1, *x.shape[1:])
    products = grouped * np.conj(k).reshape(step.groups, -1, *k.shape[1:])
    every = tuple(slice(0, axis.stride * (axis.out - 1) + 1, axis.stride) for axis in step.axes)
    moved = np.fft.ifftn(products.sum(axis=2), shape, axes).real  # (groups, O / groups, *grid)
    output = moved.reshape(-1, *shape)[(slice(None), *every)]
    return SpectrumForm(x, k, _with_bias(step, output))


def _as_applied(step: Step) -> Array:
    """The weights in the order of the taps: turned round where the operation turns them."""
    if step.weight is None:
        count = math.prod(len(axis.taps) for axis in step.axes)
        taps = tuple(len(axis.taps) for axis in step.axes)
        return np.full((len(step.x), 1, *taps), 1 / count)
    applied = step.weight
    for at, axis in enumerate(step.axes, start=2):
        applied = applied.take(axis.taps, axis=at)
    return applied


def _with_bias(step: Step, output: Array) -> Array:
    if not step.bias.size:
        return output
    return output + step.bias.reshape(-1, *[1] * (output.ndim - 1))
