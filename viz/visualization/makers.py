"""What DeepDream, feature inversion and style transfer can be asked for: their settings, limits and
defaults in one table each, free of torch, so that the pages offer exactly what the lenses take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from viz.visualization.knobs import Knob, Table, check_all

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
_SEED: Final = Knob(
    "Seed", "Where it begins and how it is moved; the same seed makes the same picture", 0, 0, 99_999, 1
)  # fmt: skip
_SIZE: Final = Knob(
    "Size, px", "Shorter side of the picture that is made; 0: as the network takes it", 0, 0, LARGEST, 8
)  # fmt: skip

DREAM: Final[Table] = {
    "octaves": Knob("Octaves", "Sizes at which it dreams, the smallest first", 4, 1, 8, 1),
    "scale": Knob("Octave scale", "Each octave is so much larger than the one before", 1.4, 1.1, 2.0, 0.1),
    "steps": Knob("Steps an octave", "Updates at each size", 10, 1, 100, 1),
    "rate": Knob(
        "Step size, grey levels",
        "How far a step moves a pixel on average: the gradient is divided by its mean size",
        1.5, 0.1, 10.0, 0.1,
    ),
    "jitter": Knob(
        "Jitter, px",
        "Every step sees the picture rolled by up to so many pixels, at most a quarter of its side",
        16, 0, 64, 1,
    ),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip

INVERSION: Final[Table] = {
    "steps": Knob("Steps", "Iterations of L-BFGS for each layer", 100, 1, 1000, 10),
    "tv": Knob(
        "Total variation",
        "What rough neighbours cost, against the error in the features. Rudin, Osher and Fatemi 1992",
        0.05, 0.0, 2.0, 0.01,
    ),
    "basis": Knob(
        "Pixels are", "What the optimiser moves: waves weighed by 1/f, or every pixel by itself",
        "fourier", choices={"fourier": "Fourier waves", "pixels": "Separate"},
    ),
    "seeds": Knob("Starts", "Pictures rebuilt from different noise, to see what the layer leaves open", 2, 1, 6, 1),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip

STYLE: Final[Table] = {
    "style": Knob(
        "Style weight, 10ˣ", "Weight of the style against that of the content, which is 1",
        1.5, -2.0, 4.0, 0.25,
    ),
    "tv": Knob("Total variation", "What rough neighbours cost. Rudin, Osher and Fatemi 1992", 0.1, 0.0, 5.0, 0.1),
    "basis": Knob(
        "Pixels are",
        "Waves weighed by 1/f let networks other than VGG paint, too. Mordvintsev et al. 2018, "
        "Differentiable image parameterizations; the paper of 2016 moves every pixel by itself",
        "fourier", choices={"fourier": "Fourier waves", "pixels": "Separate"},
    ),
    "optimiser": Knob(
        "Optimiser", "L-BFGS, as in the paper, needs fewer steps; Adam moves more evenly",
        "lbfgs", choices={"lbfgs": "L-BFGS", "adam": "Adam"},
    ),
    "start": Knob(
        "Begin with", "The content keeps its layout from the first step on; noise is what the paper shows",
        "content", choices={"content": "Content", "noise": "Noise", "style": "Style"},
    ),
    "steps": Knob("Steps", "Iterations of the optimiser", 100, 1, 1000, 10),
    "rate": Knob("Learning rate", "Of Adam", 0.05, 0.001, 1.0, 0.01),
    "size": _SIZE,
    "seed": _SEED,
}  # fmt: skip


def read(table: Table, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every setting of `table`, from what a request gives or else the default.

    Raises:
        SettingError: one sentence: no such setting, or a value that it does not take.
    """
    return {name: knob.default for name, knob in table.items()} | check_all(table, given)


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
