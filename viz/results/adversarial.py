"""What the adversarial lenses return: attacked images, how far they had to go, what a set holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.intervals import wilson
from viz.results import Floats, Ints

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attack:
    """One image, attacked at one strength. Pixels are floats in [0, 1]; ε counts 1/255 of them."""

    method: str
    epsilon: float
    original: Floats  # (H, W, C)
    attacked: Floats  # (H, W, C)
    noisy: Floats  # (H, W, C) the image with random signs of the same strength
    before: Floats  # (K,)
    after: Floats  # (K,)
    after_rounding: Floats  # (K,) of the attacked image with whole bytes, as a file would keep it
    after_noise: Floats  # (K,) of `noisy`
    noise_flips: int  # of `noise_draws` such images, those with another answer
    noise_draws: int  # so far
    source: int  # the answer before, which an untargeted attack drives away from
    target: int | None
    label: int | None
    classes: tuple[str, ...]
    largest: float  # largest change of a pixel, in 1/255
    changed: float  # share of the values that changed
    passes: int  # forward and backward, of one image
    note: str
    share: float
    step: int | None

    @property
    def answer(self) -> int:
        """The class after the attack."""
        return int(np.nan_to_num(self.after, nan=-1).argmax())

    @property
    def succeeded(self) -> bool:
        """Whether the answer is the target; without one: whether it is another than before."""
        return self.answer == self.target if self.target is not None else self.answer != self.source


@dataclass(frozen=True)
class VisibleStrength:
    """Where to begin."""

    epsilon: float | None  # in 1/255; None: nothing succeeds up to the end


@dataclass(frozen=True)
class AttackCurve:
    """One image over rising strength, as far as it is known."""

    method: str
    epsilons: Floats  # (E,) in 1/255, rising, from 0
    probs: Floats  # (E, K) under attack; rows of NaN: not computed yet
    noise: Floats  # (E,) mean probability of the source class under noise; NaN: not yet
    noise_flips: Ints  # (E,) other answers among the draws
    noise_draws: int
    source: int
    target: int | None
    smallest: float | None  # least ε found at which the attack succeeds; None: none up to the end
    holds: float | None  # largest ε below it at which it was seen to fail
    classes: tuple[str, ...]
    share: float
    step: int | None


@dataclass(frozen=True)
class AttackAccuracy:
    """Right answers of a set under attack; M kinds of change, E strengths."""

    kinds: tuple[str, ...]  # noise, fgsm, pgd
    epsilons: Floats  # (E,) in 1/255
    right: Ints  # (M, E) of `images` so far
    images: int  # done so far
    total: int
    words: str  # such as "180 validation images"
    steps: int  # of PGD
    share: float
    step: int | None

    @property
    def accuracy(self) -> Doubles:
        """(M, E); NaN before any image."""
        return self.right / self.images if self.images else np.full(self.right.shape, np.nan)

    @property
    def bounds(self) -> Doubles:
        """(M, E, 2) Wilson intervals at 95 %."""
        ends = [[wilson(int(n), self.images) for n in row] for row in self.right]
        return np.asarray(ends, np.float64).reshape(*self.right.shape, 2)
