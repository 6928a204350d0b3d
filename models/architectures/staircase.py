"""The three nets of the weight-sharing staircase: same units, ever fewer free weights.

All three have the same two layers of units in the same places. The fully connected net lets every
unit see everything, the locally connected one only its neighbourhood, the convolution also shares
the weights between places. What each restriction costs and gains is what the comparison shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.layers import Shape

_FIRST_SIDE = 16  # cells a side of the first maps, so that the unshared weights stay few


@dataclass(frozen=True)
class Step:
    """One layer of units as a convolution would compute it."""

    channels: int
    kernel_size: int
    stride: int
    padding: int

    def side(self, side: int) -> int:
        """Cells a side of this layer's maps, from those of the input."""
        return (side + 2 * self.padding - self.kernel_size) // self.stride + 1


def steps(input_shape: Shape) -> tuple[Step, Step]:
    """Both layers: 8 maps of about 16×16 cells, then 16 maps of half that side."""
    stride = -(-min(input_shape[1:]) // _FIRST_SIDE)
    kernel = max(5, stride + (stride + 1) % 2)  # odd, and no pixel is skipped
    return Step(8, kernel, stride, kernel // 2), Step(16, 3, 2, 1)
