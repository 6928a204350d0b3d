"""One spatial dimension of an operation: which cells each window covers.

Convolution, transposed convolution and pooling are the same thing along an axis: a row of cells
(the input, padded or stretched) and, for every output cell, the cells its window reads. Two and
three dimensions are all combinations of their axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from viz.arithmetic.setting import MAX_CELLS, PaddingMode, Setting, SettingError
from viz.arithmetic.sizes import adaptive_window, conv_size, transposed_size

PAD: Final = -1  # a cell that padding added and that holds no input
GAP: Final = -2  # a cell that a stride of a transposed convolution put between two inputs


@dataclass(frozen=True)
class Axis:
    """Cells are numbered along the grid, which is the input with its padding or its gaps."""

    size: int  # input cells
    source: tuple[int, ...]  # (grid,) input cell in each grid cell, or PAD or GAP
    windows: tuple[tuple[int, ...], ...]  # (out,) grid cells each window reads, tap by tap
    taps: tuple[int, ...]  # (taps,) kernel position that each tap multiplies
    stride: int  # grid cells between windows; 0 where windows are irregular (adaptive pooling)
    dilation: int  # grid cells between taps
    lost: tuple[int, ...]  # grid cells at the end that the floor cuts off
    before: int  # grid cells before the first input cell; negative where it is cropped

    @property
    def out(self) -> int:
        """Output cells."""
        return len(self.windows)

    @property
    def unread(self) -> tuple[int, ...]:
        """Input cells no window reads: cut off at the end, or stepped over."""
        read = {self.source[cell] for window in self.windows for cell in window}
        return tuple(cell for cell in range(self.size) if cell not in read)


def build_axes(setting: Setting) -> tuple[Axis, ...]:
    """The axes of a checked setting.

    Raises:
        SettingError: when the output would have more cells than a page can show.
    """
    axes = tuple(_axis(setting, axis) for axis in range(setting.dims))
    cells = setting.channels[1]
    for axis in axes:
        cells *= axis.out
    if cells > MAX_CELLS:
        raise SettingError(
            f"The output would have {cells:,} cells: keep it to {MAX_CELLS:,} with a smaller input, "
            "fewer channels or a larger stride."
        )
    return axes


def _axis(setting: Setting, axis: int) -> Axis:
    size, kernel = setting.size[axis], setting.kernel_size[axis]
    stride, dilation = setting.stride[axis], setting.dilation[axis]
    if setting.adaptive:
        return _adaptive(size, setting.output_size[axis])
    taps = (
        tuple(reversed(range(kernel)))
        if setting.flip and setting.weighted
        else tuple(range(kernel))
    )
    before, behind = setting.pads(axis)
    if setting.operation == "transposed":
        extra = setting.output_padding[axis]
        border = setting.extent(axis) - 1 - before
        source = _stretched(size, stride, border, extra)
        out = transposed_size(size, kernel, stride, before, dilation, extra)
        return _regular(size, source, out, taps[::-1], 1, dilation, border)
    mode = setting.padding_mode if setting.weighted else "zeros"
    source = tuple(_padded(cell, size, mode) for cell in range(-before, size + behind))
    out = conv_size(size, kernel, stride, before + behind, dilation).size
    return _regular(size, source, out, taps, stride, dilation, before)


def _regular(
    size: int,
    source: tuple[int, ...],
    out: int,
    taps: tuple[int, ...],
    stride: int,
    dilation: int,
    before: int,
) -> Axis:
    windows = tuple(
        tuple(start * stride + tap * dilation for tap in range(len(taps))) for start in range(out)
    )
    lost = tuple(range(windows[-1][-1] + 1, len(source)))
    return Axis(size, source, windows, taps, stride, dilation, lost, before)


def _adaptive(size: int, out: int) -> Axis:
    windows = tuple(tuple(range(*adaptive_window(size, out, cell))) for cell in range(out))
    longest = max(map(len, windows))
    return Axis(size, tuple(range(size)), windows, tuple(range(longest)), 0, 1, (), 0)


def _padded(cell: int, size: int, mode: PaddingMode) -> int:
    """The input cell that position `cell`, maybe outside 0..size − 1, holds."""
    if 0 <= cell < size:
        return cell
    if mode == "reflect":
        return -cell if cell < 0 else 2 * (size - 1) - cell
    if mode == "replicate":
        return 0 if cell < 0 else size - 1
    return cell % size if mode == "circular" else PAD


def _stretched(size: int, stride: int, border: int, extra: int) -> tuple[int, ...]:
    """The input with stride − 1 gaps between its cells and `border` cells round it (fewer than none
    crop it), `extra` more at the end: what a plain convolution turns into the transposed one."""
    stretched = [
        cell // stride if cell % stride == 0 else GAP for cell in range(stride * (size - 1) + 1)
    ]
    around = range(-border, len(stretched) + border + extra)
    return tuple(stretched[cell] if 0 <= cell < len(stretched) else PAD for cell in around)
