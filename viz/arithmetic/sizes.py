"""Output sizes, one axis at a time, with what the floor throws away.

The relationships are those of Dumoulin & Visin, A guide to convolution arithmetic for deep learning
(arXiv:1603.07285), numbered there 1 to 15; the tests go through all of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """An output size and whether the windows use up the padded input."""

    size: int
    span: int  # cells the first window can move: padded input − extent
    remainder: int  # cells at the end no window reaches; 0: the division is exact


def conv_size(size: int, kernel: int, stride: int, padded: int, dilation: int) -> Size:
    """Convolution and pooling: ⌊(i + P − d(k − 1) − 1) / s⌋ + 1 (relationship 15).

    Args:
        padded: cells added on both sides together, 2p where they are alike.
    """
    span = size + padded - dilation * (kernel - 1) - 1
    return Size(span // stride + 1, span, span % stride)


def transposed_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int
) -> int:
    """Transposed convolution: s(i − 1) + d(k − 1) + 1 − 2p + a (relationship 14, with dilation)."""
    return stride * (size - 1) + dilation * (kernel - 1) + 1 - 2 * padding + output_padding


def adaptive_window(size: int, out: int, cell: int) -> tuple[int, int]:
    """First and past-the-last input cell of an adaptive pooling window, as torch cuts them:
    ⌊o·i / n⌋ to ⌈(o + 1)·i / n⌉."""
    return cell * size // out, -(-(cell + 1) * size // out)
