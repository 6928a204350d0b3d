"""What is being computed: one operation with all its sizes, in one, two or three dimensions.

Everything the page shows, the link carries and torch is asked follows from a `Setting` and its
numbers. Names and order are torch's; every tuple has one entry a spatial dimension, depth first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

Operation = Literal[
    "conv", "separable", "transposed", "max", "mean", "lp", "adaptive_max", "adaptive_mean"
]
Padding = Literal["valid", "same", "full", "any"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
Pads = tuple[int, int]  # before the first cell, behind the last

OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
PADDINGS: Final[tuple[Padding, ...]] = get_args(Padding)
PADDING_MODES: Final[tuple[PaddingMode, ...]] = get_args(PaddingMode)
WEIGHTED: Final = ("conv", "separable", "transposed")
ADAPTIVE: Final = ("adaptive_max", "adaptive_mean")
MAX_SIDE: Final = {1: 32, 2: 16, 3: 6}
MAX_KERNEL: Final = {1: 15, 2: 9, 3: 4}
MAX_CHANNELS: Final = 8
MAX_GRID: Final = 64  # cells a side once padded or stretched
MAX_CELLS: Final = 4096  # output cells over all channels
NORMS: Final = (1, 2, 3, 4, 6, 8)


class SettingError(ValueError):
    """Sizes that give no result; the message is one sentence with the way out."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One operation. Fields that an operation does not have are ignored by it."""

    operation: Operation = "conv"
    size: tuple[int, ...] = (5, 5)
    kernel_size: tuple[int, ...] = (3, 3)
    stride: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    padding: Padding = "valid"
    amounts: tuple[Pads, ...] = ((0, 0), (0, 0))  # cells padded where `padding` is "any"
    padding_mode: PaddingMode = "zeros"
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    output_padding: tuple[int, ...] = (0, 0)  # transposed only
    output_size: tuple[int, ...] = (2, 2)  # adaptive only
    norm: int = 2  # Lp only
    flip: bool = False  # the kernel turned round: what mathematics calls convolution
    bias: bool = False

    @property
    def dims(self) -> int:
        """Spatial dimensions, 1 to 3."""
        return len(self.size)

    @property
    def weighted(self) -> bool:
        """Whether it has a kernel of numbers; pooling has none."""
        return self.operation in WEIGHTED

    @property
    def adaptive(self) -> bool:
        """Whether the windows follow from the size of the output."""
        return self.operation in ADAPTIVE

    @property
    def channels(self) -> tuple[int, int]:
        """Channels in and out; pooling keeps them."""
        return self.in_channels, (self.out_channels if self.weighted else self.in_channels)

    def extent(self, axis: int) -> int:
        """Cells from the first to the last that a window spans: d(k − 1) + 1."""
        return self.dilation[axis] * (self.kernel_size[axis] - 1) + 1

    def pads(self, axis: int) -> Pads:
        """Cells added before and behind; of a transposed convolution, what torch's `padding` is."""
        reach = self.extent(axis) - 1
        if self.adaptive or self.operation == "lp" or self.padding == "valid":
            return 0, 0
        if self.padding == "same":
            return reach // 2, reach - reach // 2  # torch puts the odd one behind
        if self.padding == "full":
            return reach, reach
        return self.amounts[axis]


def check(setting: Setting) -> Setting:
    """The setting itself, when torch computes it and a page can show it.

    Raises:
        SettingError: one sentence with the value and the way out.
    """
    check_ranges(setting)
    if not setting.adaptive:
        for axis in range(setting.dims):
            _check_axis(setting, axis)
    if setting.weighted:
        _check_channels(setting)
    return setting


def check_ranges(setting: Setting) -> Setting:
    """The setting itself, when every number of it is one the page can offer.

    Raises:
        SettingError: one sentence with the value and the range.
    """
    dims = setting.dims
    if dims not in MAX_SIDE:
        raise SettingError(f"The input has {dims} dimensions: choose 1, 2 or 3.")
    tuples = {
        "kernel_size": setting.kernel_size, "stride": setting.stride, "dilation": setting.dilation,
        "padding": setting.amounts, "output_padding": setting.output_padding,
        "output_size": setting.output_size,
    }  # fmt: skip
    for name, values in tuples.items():
        if len(values) != dims:
            raise SettingError(
                f"`{name}` has {len(values)} numbers: a {dims}-D input needs {dims}."
            )
    for name, values, low, most in (
        ("size", setting.size, 1, MAX_SIDE[dims]),
        ("kernel_size", setting.kernel_size, 1, MAX_KERNEL[dims]),
        ("stride", setting.stride, 1, 8),
        ("dilation", setting.dilation, 1, 8),
        ("output_padding", setting.output_padding, 0, 7),
        ("output_size", setting.output_size, 1, MAX_SIDE[dims]),
        ("padding", tuple(side for pads in setting.amounts for side in pads), 0, 16),
        ("in_channels", (setting.in_channels,), 1, MAX_CHANNELS),
        ("out_channels", (setting.out_channels,), 1, MAX_CHANNELS),
        ("groups", (setting.groups,), 1, MAX_CHANNELS),
    ):
        for value in values:
            if not low <= value <= most:
                raise SettingError(f"`{name}` is {value}: choose {low} to {most}.")
    if setting.norm not in NORMS:
        raise SettingError(f"`norm` is {setting.norm}: choose {', '.join(map(str, NORMS))}.")
    return setting


def _check_axis(setting: Setting, axis: int) -> None:
    size, kernel, extent = setting.size[axis], setting.kernel_size[axis], setting.extent(axis)
    before, behind = setting.pads(axis)
    if setting.operation == "transposed":
        _check_transposed(setting, axis)
        return
    if setting.operation in ("max", "mean"):
        if before != behind:
            raise SettingError(
                f"Torch pools pad both sides alike, not {before} before and {behind} behind: choose "
                "the same number, or an odd kernel for 'same'."
            )
        if before > kernel // 2:
            raise SettingError(
                f"`padding` is {before}, more than half of the pooling window of {kernel}, and torch "
                f"refuses that: choose at most {kernel // 2}."
            )
    if setting.operation in ("mean", "lp") and setting.dilation[axis] != 1:
        raise SettingError("Mean and Lp pooling have no dilation in torch: set it to 1.")
    if setting.operation == "mean" and setting.dims == 3 and kernel > size:
        raise SettingError(
            f"Torch's AvgPool3d takes no window of {kernel} on an input of {size}, however it is "
            "padded: choose a smaller window."
        )
    if setting.weighted:
        _check_mode(setting, size, max(before, behind))
    padded = size + before + behind
    if extent > padded:
        spread = f" with dilation {setting.dilation[axis]} spans {extent} cells and" if (
            setting.dilation[axis] > 1
        ) else ""  # fmt: skip
        raise SettingError(
            f"The kernel of {kernel}{spread} is larger than the padded input of {padded}: make the "
            "kernel smaller, or the input or its padding larger."
        )
    if padded > MAX_GRID:
        raise SettingError(f"The padded input is {padded} cells wide: keep it to {MAX_GRID}.")


def _check_mode(setting: Setting, size: int, most: int) -> None:
    if setting.padding_mode == "reflect" and most >= size:
        raise SettingError(
            f"Reflection can add at most {size - 1} cells to an input of {size}, not {most}: pad "
            "less, or choose zero padding."
        )
    if setting.padding_mode == "circular" and most > size:
        raise SettingError(
            f"Circular padding can go round once, so at most {size} cells, not {most}: pad less."
        )


def _check_transposed(setting: Setting, axis: int) -> None:
    before, behind = setting.pads(axis)
    stride, dilation = setting.stride[axis], setting.dilation[axis]
    extra = setting.output_padding[axis]
    if before != behind:
        raise SettingError(
            f"A transposed convolution crops both sides alike, not {before} and {behind}: choose an "
            "odd kernel, or the same number on both sides."
        )
    if extra >= max(stride, dilation):
        raise SettingError(
            f"`output_padding` is {extra}: it must be smaller than the stride ({stride}) or the "
            f"dilation ({dilation}), for it only says which of the input sizes that give the same "
            "output is meant."
        )
    grid = stride * (setting.size[axis] - 1) + 1 + 2 * (setting.extent(axis) - 1 - before) + extra
    out = grid - setting.extent(axis) + 1
    if out < 1:
        raise SettingError(
            f"Cropping {before} from both sides leaves nothing: choose a smaller `padding`."
        )
    if grid > MAX_GRID:
        raise SettingError(f"The stretched input is {grid} cells wide: keep it to {MAX_GRID}.")


def _check_channels(setting: Setting) -> None:
    cin, cout, groups = setting.in_channels, setting.out_channels, setting.groups
    if setting.operation != "separable" and (cin % groups or cout % groups):
        most = math.gcd(cin, cout)
        ways = ", ".join(str(one) for one in range(1, most + 1) if most % one == 0)
        raise SettingError(
            f"{groups} groups do not divide {cin} input and {cout} output channels: choose {ways}."
        )
