"""Settings with a name: the figures of the literature and the layers people meet in networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from viz.arithmetic.exercise import Exercise
from viz.arithmetic.numbers import Fill
from viz.arithmetic.setting import Setting


@dataclass(frozen=True)
class Preset:
    """A setting with what to see in it; numbers are drawn from `seed` unless given flat."""

    title: str
    words: str
    setting: Setting
    x: tuple[float, ...] = ()
    weight: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()
    fill: Fill = "random"
    seed: int = 0

    @property
    def exercise(self) -> Exercise:
        """The setting with its numbers."""
        return Exercise(self.setting, self.fill, self.seed, self.x, self.weight, self.bias)


def _digits(*rows: str) -> tuple[float, ...]:
    return tuple(float(digit) for row in rows for digit in row)


def _plane(i: int, k: int, **fields: Any) -> Setting:
    return Setting(size=(i, i), kernel_size=(k, k), **_twice(fields))


def _twice(fields: dict[str, Any]) -> dict[str, Any]:
    """Single numbers of spatial fields for both sides; `p` is padding of any amount."""
    if "p" in fields:
        p = fields.pop("p")
        fields |= {"padding": "any", "amounts": ((p, p), (p, p))}
    spatial = {"stride", "dilation", "output_padding", "output_size"}
    return {name: (value, value) if name in spatial else value for name, value in fields.items()}


_GUIDE: Final = "Dumoulin & Visin"

PRESETS: Final[dict[str, Preset]] = {
    "valid": Preset(
        "No padding (valid)",
        "The kernel stays inside, so the output is k − 1 smaller.",
        _plane(4, 3),
    ),
    "arbitrary": Preset(
        "Padding of 2", f"Zeros round the input make the output larger ({_GUIDE}, figure 2.2).",
        _plane(5, 4, p=2),
    ),
    "same": Preset(
        "Same size", "An odd kernel with (k − 1)/2 zeros a side keeps the size.",
        _plane(5, 3, padding="same"),
    ),
    "full": Preset(
        "Full padding", "Every position in which kernel and input touch: k − 1 larger.",
        _plane(5, 3, padding="full"),
    ),
    "strided": Preset(
        "Stride 2", "The window moves two cells, so three quarters of the results are never computed.",
        _plane(5, 3, stride=2),
    ),
    "padded_strided": Preset(
        "Padding and stride, with numbers",
        f"The numeric figure of the animations to {_GUIDE}, with the output that is right for stride 2; "
        "the published one shows values of stride 1.",
        _plane(5, 3, stride=2, p=1),
        x=_digits("22333", "01303", "23013", "33212", "33023"),
        weight=(2, 0, 1, 1, 0, 0, 0, 1, 1),
    ),
    "uneven": Preset(
        "Sizes that do not come out even",
        "A last row and column are never read: torch says 2, CNN Explainer says invalid.",
        _plane(5, 2, stride=2),
    ),
    "cs231n_uneven": Preset(
        "10, kernel 3, stride 2 (CS231n)", "The notes' example of a stride that does not fit: 4.5.",
        _plane(10, 3, stride=2),
    ),
    "dilated": Preset(
        "Dilated", "Nine weights look at an area of 5 × 5, as in WaveNet and DeepLab.",
        _plane(7, 3, dilation=2),
    ),
    "causal": Preset(
        "1-D, causal, dilated", "All padding stands before the signal, so no output sees the future.",
        Setting(
            size=(14,), kernel_size=(2,), stride=(1,), dilation=(4,), padding="any", amounts=((4, 0),),
            output_padding=(0,), output_size=(2,),
        ),
    ),
    "volume": Preset(
        "3-D", "The kernel has a depth too, and moves in it: video and medical scans.",
        Setting(
            size=(4, 5, 5), kernel_size=(2, 3, 3), stride=(1, 1, 1), dilation=(1, 1, 1),
            amounts=((0, 0),) * 3, output_padding=(0, 0, 0), output_size=(2, 2, 2),
        ),
    ),
    "rectangular": Preset(
        "Rectangular", "Other sizes for height and width, as for spectrograms.",
        Setting(size=(5, 9), kernel_size=(2, 4), stride=(1, 2), padding="any", amounts=((0, 1), (1, 1))),
    ),
    "circular": Preset(
        "Circular padding", "What leaves on one side comes in on the other: panoramas, rings, the FFT.",
        _plane(5, 3, padding="same", padding_mode="circular"),
    ),
    "cs231n": Preset(
        "5×5×3 with two filters (CS231n)",
        "The demo of the CS231n notes: each filter has a kernel for every channel, and their sums add up.",
        _plane(5, 3, stride=2, p=1, in_channels=3, out_channels=2, bias=True), bias=(1, 0), seed=2,
    ),
    "grouped": Preset(
        "Two groups", "Each half of the filters sees half of the channels (AlexNet 2012).",
        _plane(4, 3, in_channels=4, out_channels=4, groups=2),
    ),
    "depthwise": Preset(
        "Depthwise", "As many groups as channels: no channel sees another.",
        _plane(5, 3, in_channels=3, out_channels=3, groups=3, padding="same"),
    ),
    "separable": Preset(
        "Depthwise separable", "First every channel by itself, then 1 × 1 across channels (MobileNet).",
        _plane(5, 3, operation="separable", in_channels=3, out_channels=2, padding="same"),
    ),
    "transposed": Preset(
        "Transposed", "The shapes of a convolution turned round: 2 becomes 4.",
        _plane(2, 3, operation="transposed"),
    ),
    "transposed_strided": Preset(
        "Transposed, stride 2", "A stride puts gaps between the inputs, so the output grows.",
        _plane(3, 3, operation="transposed", stride=2, p=1),
    ),
    "transposed_odd": Preset(
        "Transposed with output padding",
        "5 and 6 both give 3 with kernel 3, stride 2 and padding 1; output padding 1 means 6.",
        _plane(3, 3, operation="transposed", stride=2, p=1, output_padding=1),
    ),
    "checkerboard": Preset(
        "Transposed: checkerboard",
        "A kernel that the stride does not divide overlaps unevenly: ones in, a checkerboard out "
        "(Odena et al. 2016).",
        _plane(4, 3, operation="transposed", stride=2), x=(1,) * 16, weight=(1,) * 9,
    ),
    "flipped": Preset(
        "True convolution of one point",
        "Turned round, the kernel comes out as it is; torch's correlation gives it upside down.",
        _plane(5, 3, padding="same", flip=True), fill="impulse", weight=(1, 2, 3, 4, 5, 6, 7, 8, 9),
    ),
    "max": Preset(
        "Max pooling 2×2", "The largest of four; the window moves by its own size.",
        _plane(6, 2, operation="max", stride=2),
    ),
    "overlapping": Preset(
        "Overlapping max pooling", "Windows of 3 at stride 2, as in AlexNet.",
        _plane(7, 3, operation="max", stride=2),
    ),
    "mean": Preset(
        "Mean pooling", "The padded zeros count in the mean, unless torch is told otherwise.",
        _plane(5, 3, operation="mean", stride=2, p=1),
    ),
    "lp": Preset(
        "L2 pooling", "The root of the sum of squares, between mean and max.",
        _plane(6, 2, operation="lp", stride=2),
    ),
    "adaptive": Preset(
        "Adaptive mean pooling", "Windows of different sizes that overlap where 7 is cut into 3.",
        _plane(7, 3, operation="adaptive_mean", output_size=3),
    ),
}  # fmt: skip
