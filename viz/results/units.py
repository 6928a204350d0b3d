"""What the "steps" and "unit" lenses return: a network's steps, and how one number in it came to be.

Every explanation carries its own total, computed in float64 from the float32 numbers that the layer
was given, so that it can be compared with what torch put out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats

Index = tuple[int, ...]
"""Position of a unit in an output without its batch: (channel, y, x), or (feature,)."""

TOLERANCE: Final = 1e-5
"""Of the sum of the absolute terms: what float32 and the order of adding may make of a sum."""


@dataclass(frozen=True)
class StepInfo:
    """One step of a network."""

    name: str
    kind: str  # class name such as Conv2d, or function such as add
    shape: tuple[int, ...]  # without the batch
    inputs: tuple[str, ...]  # names of steps; "" is the image


@dataclass(frozen=True)
class StepList:
    """All steps of a network in the order they run."""

    steps: tuple[StepInfo, ...]

    def find(self, name: str) -> StepInfo | None:
        """The step called `name`; of a block the last one in it; None: no such thing."""
        for step in self.steps:
            if step.name == name:
                return step
        inside = [step for step in self.steps if name and step.name.startswith(f"{name}.")]
        return inside[-1] if inside else None


@dataclass(frozen=True)
class Window:
    """The cells of the input maps that a unit reads; rows and columns may lie outside (padding)."""

    top: int
    left: int
    size: tuple[int, int]  # cells read (kh, kw)
    dilation: tuple[int, int]  # distance between two of them

    @property
    def bottom(self) -> int:
        """The row after the last one."""
        return self.top + (self.size[0] - 1) * self.dilation[0] + 1

    @property
    def right(self) -> int:
        """The column after the last one."""
        return self.left + (self.size[1] - 1) * self.dilation[1] + 1


@dataclass(frozen=True)
class ChannelTerm:
    """What one input channel adds to a unit."""

    channel: int
    patch: Floats  # (kh, kw)
    kernel: Floats  # (kh, kw)
    map: Floats  # (H, W) the whole input channel
    total: float  # sum of patch * kernel


@dataclass(frozen=True)
class WindowSum:
    """Σ over channels of Σ patch · kernel, plus bias: convolutions and everything that averages."""

    window: Window
    channels: tuple[ChannelTerm, ...]  # strongest first, limited
    rest_count: int  # channels beyond those
    rest_total: float  # what they add
    bias: float | None
    padded: npt.NDArray[np.bool_]  # (kh, kw) cells that lie outside the input
    weights: str  # what the kernel is: "weights", "1/4 each", …
    note: str = ""


@dataclass(frozen=True)
class WindowMax:
    """The largest number of a window."""

    window: Window
    channel: int
    patch: Floats  # (kh, kw), −inf where padded
    map: Floats  # (H, W)
    padded: npt.NDArray[np.bool_]
    winner: tuple[int, int]  # row, column in the patch
    ties: int  # other cells with the same value


@dataclass(frozen=True)
class InputTerm:
    """What one input number adds to a unit of a linear layer."""

    index: int
    origin: Index  # where that number is in the last maps before the layer; else (index,)
    value: float
    weight: float
    product: float


@dataclass(frozen=True)
class InputSum:
    """Σ over inputs, plus bias. `rule` "product": x · w; "distance": −(x − w)²/2."""

    terms: tuple[InputTerm, ...]  # strongest first, limited
    rest_count: int
    rest_total: float
    bias: float | None
    rule: str
    origin_layer: str  # where `origin` points to; "" when it is the layer's own input


@dataclass(frozen=True)
class Pointwise:
    """A function of one number."""

    x: float
    formula: str  # such as max(0, x)
    written: str  # with the number put in
    curve: Floats  # (2, n) points of the function around x
    note: str = ""


@dataclass(frozen=True)
class Normalised:
    """(x − μ) / √(σ² + ε) · γ + β."""

    x: float
    mean: float
    variance: float
    eps: float
    gamma: float
    beta: float
    over: str  # whose mean and variance these are, as a sentence


@dataclass(frozen=True)
class Operand:
    """One of the numbers that are added or multiplied."""

    layer: str  # step, "" for the image; a word for a number of the network itself
    unit: Index
    value: float


@dataclass(frozen=True)
class Combined:
    """Several numbers added or multiplied: where a residual path comes back."""

    operands: tuple[Operand, ...]
    sign: str  # "+" or "×"


@dataclass(frozen=True)
class Moved:
    """A number taken over as it is, from another place."""

    source: Operand | None  # None: a zero that was filled in
    note: str


@dataclass(frozen=True)
class Share:
    """exp(z) over the sum of exp of all."""

    index: int
    logits: npt.NDArray[np.float64]  # (K,)
    names: tuple[str, ...]  # (K,) of the classes; () where they are not classes


@dataclass(frozen=True)
class Unexplained:
    """A step that is not taken apart here; `reason` is a sentence."""

    reason: str


Explanation = (
    WindowSum
    | WindowMax
    | InputSum
    | Pointwise
    | Normalised
    | Combined
    | Moved
    | Share
    | Unexplained
)


@dataclass(frozen=True)
class Source:
    """A tensor that a step takes."""

    layer: str  # step; "" for the image
    shape: tuple[int, ...]


@dataclass(frozen=True)
class UnitView:
    """One number of a network, and how it comes to be."""

    layer: str
    kind: str
    unit: Index
    shape: tuple[int, ...]  # of the layer's output
    values: Floats  # (H, W) the unit's own map, or (F,) the row it is in
    sources: tuple[Source, ...]
    explanation: Explanation
    value: float  # torch's
    total: float | None  # ours in float64; None: not taken apart
    scale: float  # sum of the absolute terms of ours
    image: Bytes  # (H, W, C) as the network sees it
    box: (
        tuple[int, int, int, int] | None
    )  # top, left, bottom, right on it, half-open; None: unknown
    box_note: str  # what is to be said about the box; "" for nothing
    note: str  # what was done to the image so that it fits
    step: int | None

    @property
    def tolerance(self) -> float:
        """How far torch's number may be from ours."""
        return TOLERANCE * self.scale

    @property
    def equal(self) -> bool:
        """Whether torch's number is ours, up to the tolerance; numbers that are none are equal."""
        if self.total is None:
            return False
        if not (math.isfinite(self.total) and math.isfinite(self.value)):
            return repr(self.total) == repr(self.value)
        return abs(self.total - self.value) <= self.tolerance
