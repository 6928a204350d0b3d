"""Kernels with names: what people built by hand before networks learned theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from viz.arithmetic.numbers import Array


@dataclass(frozen=True)
class NamedKernel:
    """A preset: its title, what it shows, and how to make it (H, W)."""

    title: str
    words: str
    make: Callable[[], Array]


def gaussian(size: int, sigma: float) -> Array:
    """(size, size) bell that sums to 1; `sigma` in pixels."""
    at = np.arange(size) - (size - 1) / 2
    row = np.exp(-(at**2) / (2 * sigma**2))
    bell = np.outer(row, row)
    return np.asarray(bell / bell.sum())


def gabor(size: int, *, wavelength: float, angle: float, sigma: float) -> Array:
    """(size, size) cosine wave under a bell, its mean taken out so that flat areas give 0.

    Args:
        wavelength: pixels from crest to crest.
        angle: degrees from the x axis to the direction in which the wave runs, clockwise, as image
            rows count downwards; 0 finds vertical edges and stripes.
        sigma: width of the bell, pixels.

    Source: Daugman 1985, J. Opt. Soc. Am. A 2(7), with aspect ratio 1 and phase 0.
    """
    at = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(at, at, indexing="ij")
    along = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    wave = bell * np.cos(2 * np.pi * along / wavelength)
    balanced = wave - bell * wave.sum() / bell.sum()
    return np.asarray(balanced / np.abs(balanced).sum())


def rank(kernel: Array) -> int:
    """How many products of a column and a row it is the sum of; 1 means two thin passes do it."""
    return int(
        np.linalg.matrix_rank(kernel, tol=1e-9 * max(1.0, float(np.abs(kernel).max(initial=0))))
    )


def _rows(*rows: str, divide: float = 1) -> Callable[[], Array]:
    numbers = [[float(number) for number in row.split()] for row in rows]
    return lambda: np.array(numbers) / divide


KERNELS: Final[dict[str, NamedKernel]] = {
    "sobel_x": NamedKernel(
        "Sobel, vertical edges",
        "Differences from left to right, smoothed from top to bottom: vertical edges, orange where it "
        "grows lighter to the right.",
        _rows("-1 0 1", "-2 0 2", "-1 0 1"),
    ),
    "sobel_y": NamedKernel(
        "Sobel, horizontal edges",
        "Differences from top to bottom: horizontal edges, orange where it grows lighter downwards.",
        _rows("-1 -2 -1", "0 0 0", "1 2 1"),
    ),
    "laplace": NamedKernel(
        "Laplace, edges of any direction",
        "The middle against its neighbours: edges and points of every direction, with a sign on each side.",
        _rows("0 -1 0", "-1 4 -1", "0 -1 0"),
    ),
    "box": NamedKernel(
        "Box blur",
        "The mean of 25 neighbours; squares show in bright points.",
        lambda: np.full((5, 5), 1 / 25),
    ),
    "gauss": NamedKernel(
        "Gaussian blur",
        "Near neighbours count more, so points turn into round spots.",
        lambda: gaussian(7, 1.5),
    ),
    "sharpen": NamedKernel(
        "Sharpen",
        "The picture plus its Laplace edges: the weights sum to 1, so flat areas keep their lightness.",
        _rows("0 -1 0", "-1 5 -1", "0 -1 0"),
    ),
    "emboss": NamedKernel(
        "Emboss",
        "A slope along one diagonal over the picture itself, as if lit from the corner.",
        _rows("-2 -1 0", "-1 1 1", "0 1 2"),
    ),
    "gabor": NamedKernel(
        "Gabor",
        "A wave under a bell answers to stripes of its direction and width, as cells of the visual "
        "cortex and the first filters of trained networks do.",
        lambda: gabor(9, wavelength=5.0, angle=0.0, sigma=2.2),
    ),
    "identity": NamedKernel(
        "Nothing", "A single 1 in the middle copies the picture.", _rows("0 0 0", "0 1 0", "0 0 0")
    ),
    "motion": NamedKernel(
        "Motion blur",
        "The mean along a diagonal: the picture as a camera in motion sees it.",
        lambda: np.eye(7) / 7,
    ),
}  # fmt: skip
