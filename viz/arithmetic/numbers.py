"""The numbers in the cells: small whole ones by default, because people check them in their heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from viz.arithmetic.setting import Setting, SettingError

Array = npt.NDArray[np.float64]
Fill = Literal["random", "count", "impulse", "ones"]

FILLS: Final[tuple[Fill, ...]] = get_args(Fill)
MAX_VALUE: Final = 1e6


@dataclass(frozen=True)
class Shapes:
    """Shapes of the numbers of a setting, as torch stores them."""

    x: tuple[int, ...]  # (C, *size)
    weights: tuple[
        tuple[int, ...], ...
    ]  # one a layer: two of a separable convolution, none of pooling
    bias: int  # entries, 0 without


@dataclass(frozen=True)
class Numbers:
    """An input, the weights of each layer and the bias of the last."""

    x: Array
    weights: tuple[Array, ...]
    bias: Array


def shapes_of(setting: Setting) -> Shapes:
    """What a setting needs numbers for."""
    cin, cout = setting.channels
    kernel, x = setting.kernel_size, (cin, *setting.size)
    bias = cout if setting.bias and setting.weighted else 0
    weights: tuple[tuple[int, ...], ...] = ()
    if setting.operation == "conv":
        weights = ((cout, cin // setting.groups, *kernel),)
    elif setting.operation == "transposed":
        weights = ((cin, cout // setting.groups, *kernel),)  # torch: input channels first
    elif setting.operation == "separable":
        pointwise = (cout, cin, *(1 for _ in kernel))
        weights = ((cin, 1, *kernel), pointwise)
    return Shapes(x, weights, bias)


def draw_numbers(setting: Setting, *, fill: Fill = "random", seed: int = 0) -> Numbers:
    """Numbers for a setting: an input by `fill`, kernels of −2..2, biases of −1..1.

    `fill`: "random" whole numbers 0..3, "count" 0, 1, 2, …, a single 1 in the middle ("impulse":
    what comes out is the kernel itself), or "ones" (what comes out counts the cells read).
    """
    shapes = shapes_of(setting)
    generator = np.random.default_rng(seed)
    random = generator.integers(0, 4, shapes.x).astype(np.float64)
    weights = tuple(generator.integers(-2, 3, shape).astype(np.float64) for shape in shapes.weights)
    bias = generator.integers(-1, 2, shapes.bias).astype(np.float64)
    return Numbers(_filled(random, fill), weights, bias)


def use_numbers(
    setting: Setting, x: Sequence[float], weight: Sequence[float], bias: Sequence[float]
) -> Numbers:
    """Numbers given flat, row by row; the weights of several layers one after the other.

    Raises:
        SettingError: there are more or fewer than the setting needs, or one is no usable number.
    """
    shapes = shapes_of(setting)
    wanted = [math.prod(shape) for shape in shapes.weights]
    given = {
        "input": (x, math.prod(shapes.x)),
        "kernel": (weight, sum(wanted)),
        "bias": (bias, shapes.bias),
    }
    for name, (values, count) in given.items():
        if len(values) != count:
            raise SettingError(f"The {name} has {len(values)} numbers: this setting needs {count}.")
        if not all(abs(value) <= MAX_VALUE for value in values):  # false for NaN too
            raise SettingError(
                f"A number of the {name} is not between −{MAX_VALUE:g} and {MAX_VALUE:g}."
            )
    parts = np.split(np.asarray(weight, np.float64), np.cumsum(wanted)[:-1]) if wanted else []
    return Numbers(
        np.asarray(x, np.float64).reshape(shapes.x),
        tuple(part.reshape(shape) for part, shape in zip(parts, shapes.weights, strict=True)),
        np.asarray(bias, np.float64),
    )


def flatten(numbers: Numbers) -> tuple[list[float], list[float], list[float]]:
    """Input, weights and bias flat, as `use_numbers` takes them."""
    weights = [value for part in numbers.weights for value in part.ravel().tolist()]
    return numbers.x.ravel().tolist(), weights, numbers.bias.tolist()


def _filled(random: Array, fill: Fill) -> Array:
    if fill == "count":
        return np.arange(random.size, dtype=np.float64).reshape(random.shape)
    if fill == "ones":
        return np.ones_like(random)
    if fill == "impulse":
        impulse = np.zeros_like(random)
        impulse[(slice(None), *(side // 2 for side in random.shape[1:]))] = 1
        return impulse
    return random
