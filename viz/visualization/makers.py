"""What DeepDream, feature inversion and style transfer can be asked for: their settings, limits and
defaults in one table each, free of torch, so that the pages offer exactly what the lenses take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from viz.visualization.settings import SettingError


@dataclass(frozen=True)
class Number:
    """A setting that is a number."""

    title: str
    help: str
    default: float  # an int for a whole number
    low: float
    high: float
    step: float

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(self.default, int)


@dataclass(frozen=True)
class Word:
    """A setting that is one of a few words."""

    title: str
    help: str
    default: str
    choices: Mapping[str, str]  # by the word in requests and links, what people read


Table = Mapping[str, Number | Word]

SMALLEST, LARGEST = 8, 512  # pixels a side
MOST_LAYERS: Final = 8
STRIP_LAYERS: Final = 5  # that are rebuilt or painted with, where nobody chooses
_CONVOLUTIONS = ("Conv2d", "PartialConv2d", "LocallyConnected2d")
_INVERTED = (
    *_CONVOLUTIONS,
    "MaxPool2d",
    "AvgPool2d",
    "LPPool2d",
    "AdaptiveAvgPool2d",
    "Linear",
    "RBF",
)
_ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish"),
    *("Hardswish", "Hardsigmoid", "Hardtanh", "Sigmoid", "Tanh", "ScaledTanh", "Softplus"),
)
_SEED: Final = Number(
    "Seed", "Where it begins and how it is moved; the same seed makes the same picture", 0, 0, 99_999, 1
)  # fmt: skip
_SIZE: Final = Number(
    "Size, px", "Shorter side of the picture that is made; 0: as the network takes it", 0, 0, LARGEST, 8
)  # fmt: skip

DREAM: Final[Table] = {
    "octaves": Number("Octaves", "Sizes at which it dreams, the smallest first", 4, 1, 8, 1),
    "scale": Number("Octave scale", "Each octave is so much larger than the one before", 1.4, 1.1, 2.0, 0.1),
    "steps": Number("Steps an octave", "Updates at each size", 10, 1, 100, 1),
    "rate": Number(
        "Step size, grey levels",
        "How far a step moves a pixel on average: the gradient is divided by its mean size",
        1.5, 0.1, 10.0, 0.1,
    ),
    "jitter": Number(
        "Jitter, px",
        "Every step sees the picture rolled by up to so many pixels, at most a quarter of its side",
        16, 0, 64, 1,
    ),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip

INVERSION: Final[Table] = {
    "steps": Number("Steps", "Iterations of L-BFGS for each layer", 100, 1, 1000, 10),
    "tv": Number(
        "Total variation",
        "What rough neighbours cost, against the error in the features. Mahendran and Vedaldi 2015",
        0.05, 0.0, 2.0, 0.01,
    ),
    "basis": Word(
        "Pixels are", "What the optimiser moves: waves weighed by 1/f, or every pixel by itself",
        "fourier", {"fourier": "Fourier waves", "pixels": "Separate"},
    ),
    "seeds": Number("Starts", "Pictures rebuilt from different noise, to see what the layer leaves open", 2, 1, 6, 1),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip

STYLE: Final[Table] = {
    "style": Number(
        "Style weight, 10ˣ", "Weight of the style against that of the content, which is 1",
        1.5, -2.0, 4.0, 0.25,
    ),
    "tv": Number("Total variation", "What rough neighbours cost", 0.1, 0.0, 5.0, 0.1),
    "basis": Word(
        "Pixels are",
        "Waves weighed by 1/f let networks other than VGG paint, too. Mordvintsev et al. 2018, "
        "Differentiable image parameterizations; the paper of 2016 moves every pixel by itself",
        "fourier", {"fourier": "Fourier waves", "pixels": "Separate"},
    ),
    "optimiser": Word(
        "Optimiser", "L-BFGS, as in the paper, needs fewer steps; Adam moves more evenly",
        "lbfgs", {"lbfgs": "L-BFGS", "adam": "Adam"},
    ),
    "start": Word(
        "Begin with", "The content keeps its layout from the first step on; noise is what the paper shows",
        "content", {"content": "Content", "noise": "Noise", "style": "Style"},
    ),
    "steps": Number("Steps", "Iterations of the optimiser", 100, 1, 1000, 10),
    "rate": Number("Learning rate", "Of Adam", 0.05, 0.001, 1.0, 0.01),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip


def read(table: Table, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every setting of `table`, from what a request gives or else the default.

    Raises:
        SettingError: one sentence: no such setting, or a value that it does not take.
    """
    asked = given or {}
    for name in asked:
        if name not in table:
            raise SettingError(
                f"There is no setting {str(name)[:40]!r} here; there are {', '.join(table)}."
            )
    return {name: check(kind, asked.get(name, kind.default)) for name, kind in table.items()}


def check(kind: Number | Word, value: Any) -> Any:
    """`value` as the setting takes it.

    Raises:
        SettingError: one sentence: it does not.
    """
    if isinstance(kind, Word):
        if value not in kind.choices:
            raise SettingError(
                f"{kind.title} is {str(value)[:40]!r}: choose {' or '.join(kind.choices)}."
            )
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not kind.low <= value <= kind.high or (kind.whole and value != int(value)):
        sort = "a whole number" if kind.whole else "a number"
        raise SettingError(
            f"{kind.title} is {str(value)[:40]!r}: choose {sort} from {kind.low:g} to {kind.high:g}."
        )
    return int(value) if kind.whole else float(value)


def suited(table: Table, shape: tuple[int, ...]) -> dict[str, Any]:
    """The defaults that differ from the table's for pictures (C, H, W)."""
    side = min(shape[1:])
    found: dict[str, Any] = {}
    if table is DREAM and side <= 96:
        # Small pictures have room for few octaves, unless they are enlarged.
        found = {"size": max(4 * side, 64), "jitter": 8, "steps": 15}
    if table is INVERSION and side > 96:
        found = {"size": 128, "steps": 80, "seeds": 1}
    if table is STYLE:
        found = {"size": 160 if side > 96 else max(4 * side, 64)}
    return found


def dream_layer(layers: Sequence[tuple[str, str]]) -> str | None:
    """Where shapes are seen and not yet classes: two thirds into the convolutions; None without any.

    Args:
        layers: (name, class name) of the innermost modules as they run.
    """
    names = [name for name, kind in layers if kind in _CONVOLUTIONS]
    return names[(2 * len(names) - 1) // 3] if names else None


def inversion_layers(layers: Sequence[tuple[str, str]]) -> list[str]:
    """A few convolutions, poolings and linear layers over the whole network."""
    return _spread([name for name, kind in layers if kind in _INVERTED])


def style_layers(layers: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """Where to read the content, and a few layers for the style; ("", []) without convolutions.

    Behind activations, as the paper does; in a network with few, at convolutions.

    Args:
        layers: (name, class name) of those that put out maps.
    """
    names = [name for name, kind in layers if kind in _ACTIVATIONS]
    convolutions = [name for name, kind in layers if kind in _CONVOLUTIONS]
    if len(names) < 2 <= len(convolutions) or not names:
        names = convolutions
    if not names:
        return "", []
    # The last layers know classes, not textures.
    return names[(2 * len(names) - 1) // 3], _spread(names[: -(-5 * len(names) // 6)])


def _spread(names: Sequence[str]) -> list[str]:
    """`STRIP_LAYERS` of them, evenly, the first and the last included."""
    last = len(names) - 1
    if last < STRIP_LAYERS:
        return list(names)
    return [names[round(last * place / (STRIP_LAYERS - 1))] for place in range(STRIP_LAYERS)]
