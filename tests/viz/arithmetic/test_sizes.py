"""The relationships 1 to 15 of Dumoulin & Visin (arXiv:1603.07285), against windows laid by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from viz.arithmetic.axes import build_axes
from viz.arithmetic.setting import Operation, Setting, check
from viz.arithmetic.sizes import adaptive_window, conv_size, transposed_size


def out(i: int, k: int, operation: Operation = "conv", **fields: object) -> int:
    """Output cells of a one-dimensional operation, counted from its windows."""
    named = {name: (value,) if isinstance(value, int) else value for name, value in fields.items()}
    base = {
        "stride": (1,),
        "dilation": (1,),
        "amounts": ((0, 0),),
        "output_padding": (0,),
        "output_size": (1,),
    }
    setting = Setting(operation=operation, size=(i,), kernel_size=(k,), **{**base, **named})  # type: ignore[arg-type]
    return build_axes(check(setting))[0].out


def padded(p: int) -> dict[str, Any]:
    return {"padding": "any", "amounts": ((p, p),)}


CASES = [(i, k) for i in range(3, 9) for k in range(1, 4)]


@pytest.mark.parametrize(("i", "k"), CASES)
def test_relationships_1_to_6_of_convolution(i: int, k: int) -> None:
    assert out(i, k) == (i - k) + 1  # 1: no padding, stride 1
    for p in range(3):
        assert out(i, k, **padded(p)) == (i - k) + 2 * p + 1  # 2: padding
    if k % 2:
        assert out(i, k, padding="same") == i  # 3: half padding
    assert out(i, k, padding="full") == i + (k - 1)  # 4: full padding
    for s in range(1, 4):
        assert out(i, k, stride=s) == (i - k) // s + 1  # 5: stride
        for p in range(3):
            assert out(i, k, stride=s, **padded(p)) == (i + 2 * p - k) // s + 1  # 6: both


@pytest.mark.parametrize("operation", ["max", "mean", "lp"])
def test_relationship_7_of_pooling(operation: Operation) -> None:
    for (i, k), s in itertools.product(CASES, range(1, 4)):
        assert out(i, k, operation, stride=s) == (i - k) // s + 1


@pytest.mark.parametrize(("i", "k"), CASES)
def test_relationships_8_to_14_of_transposed_convolution(i: int, k: int) -> None:
    # primes are the transposed one: its input has the size of the convolution's output
    assert out(i - k + 1, k, "transposed") == (i - k + 1) + (k - 1) == i  # 8
    for p in range(k):
        small = i - k + 2 * p + 1
        assert out(small, k, "transposed", **padded(p)) == small + (k - 1) - 2 * p == i  # 9
    if k % 2:
        assert out(i, k, "transposed", padding="same") == i  # 10
    small = i + (k - 1)
    assert out(small, k, "transposed", padding="full") == small - (k - 1) == i  # 11
    for s, p in itertools.product(range(1, 4), range(k)):
        span = i + 2 * p - k
        if span % s == 0:
            small = span // s + 1
            assert (
                out(small, k, "transposed", stride=s, **padded(p))
                == s * (small - 1) + k - 2 * p
                == i
            )  # 12, 13
        small, a = span // s + 1, span % s  # 14: any size, with a = (i + 2p − k) mod s
        found = out(small, k, "transposed", stride=s, output_padding=a, **padded(p))
        assert found == s * (small - 1) + a + k - 2 * p == i


def test_relationship_15_of_dilated_convolution() -> None:
    for (i, k), s, p, d in itertools.product(CASES, range(1, 4), range(3), range(1, 4)):
        if d * (k - 1) + 1 > i + 2 * p:
            continue
        wanted = (i + 2 * p - k - (k - 1) * (d - 1)) // s + 1
        assert out(i, k, stride=s, dilation=d, **padded(p)) == wanted


def test_sizes_that_do_not_come_out_even() -> None:
    # torch takes the floor: 5 cells, kernel 2, stride 2 give 2, and the last cell is lost
    found = conv_size(5, 2, 2, 0, 1)
    assert (found.size, found.span, found.remainder) == (2, 3, 1)
    [axis] = build_axes(
        Setting(
            size=(5,), kernel_size=(2,), stride=(2,), dilation=(1,), amounts=((0, 0),),
            output_padding=(0,), output_size=(1,),
        )
    )  # fmt: skip
    assert axis.windows == ((0, 1), (2, 3))
    assert axis.lost == (4,)
    assert axis.unread == (4,)
    # CS231n: W = 10, F = 3, P = 0, S = 2 would be 4.5
    assert (conv_size(10, 3, 2, 0, 1).span / 2 + 1) == 4.5
    # AlexNet: 227, 11, stride 4 is even; 224 is not
    assert conv_size(227, 11, 4, 0, 1).remainder == 0
    assert conv_size(224, 11, 4, 0, 1).remainder == 1


def test_transposed_size_of_torch_documentation() -> None:
    # torch.nn.ConvTranspose2d: (H_in − 1)·stride − 2·padding + dilation·(k − 1) + output_padding + 1
    assert transposed_size(12, 3, 2, 1, 1, 0) == 23
    assert transposed_size(6, 3, 2, 1, 1, 1) == 12


def test_adaptive_windows_cover_everything_and_overlap_as_torch_cuts_them() -> None:
    assert [adaptive_window(7, 3, cell) for cell in range(3)] == [(0, 3), (2, 5), (4, 7)]
    for size, count in itertools.product(range(1, 12), range(1, 15)):
        windows = [adaptive_window(size, count, cell) for cell in range(count)]
        assert {at for window in windows for at in range(*window)} == set(range(size))
        assert all(first < last for first, last in windows)
