"""Attacks on images: the smallest changes that a network falls for. Pure computations, no pages.

FGSM: Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015.
PGD: Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards deep learning models resistant to
adversarial attacks", ICLR 2018.

Our own rather than captum's: there ε is one number in the space of normalised inputs, where a ball
of pixels has another radius in every channel. Here it is one number an image in the space of pixels,
so that a whole curve over ε is one batch, and results are valid pictures. What is raised are the log
odds d against a class rather than its cross-entropy log(1 + exp d): the gradient has the same
direction, but that of the cross-entropy shrinks with the probability of being wrong, and where a
network is sure of itself rounding makes it 0, which looks like strength.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.catalogue import DatasetInfo
from data.pixels import Normalizer


@dataclass(frozen=True)
class Victim:
    """A network seen from its pixels."""

    net: nn.Module
    info: DatasetInfo

    def logits(self, pixels: Tensor) -> Tensor:
        """(N, K) of pictures (N, C, H, W) in [0, 1]."""
        found: Tensor = self.net(Normalizer(self.info, pixels.device).from_unit(pixels))
        return found

    @torch.no_grad()
    def probs(self, pixels: Tensor) -> Tensor:
        """(N, K)."""
        return torch.softmax(self.logits(pixels), dim=1)

    def climb(self, pixels: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
        """What the attack wants to raise (N,), and its gradient by the pixels (N, C, H, W)."""
        given = pixels.detach().requires_grad_()
        with torch.enable_grad():
            value = objective(self.logits(given))
            if not value.requires_grad:  # the answer does not depend on the image at all
                return value.detach(), torch.zeros_like(pixels)
            (gradient,) = torch.autograd.grad(value.sum(), given, allow_unused=True)
        return value.detach(), torch.zeros_like(pixels) if gradient is None else gradient


Objective = Callable[[Tensor], Tensor]
"""(N, K) logits to (N,) numbers that the attack raises."""


def away_from(classes: Tensor) -> Objective:
    """Untargeted: the log odds against these classes (N,), log((1 − p) / p)."""

    def against(logits: Tensor) -> Tensor:
        own = F.one_hot(classes, logits.shape[1]).bool()
        others = logits.masked_fill(own, -torch.inf).logsumexp(1)
        return others - logits.gather(1, classes[:, None])[:, 0]

    return against


def towards(classes: Tensor) -> Objective:
    """Targeted: the log odds for these classes (N,)."""
    against = away_from(classes)
    return lambda logits: -against(logits)


def fgsm(victim: Victim, pixels: Tensor, objective: Objective, epsilon: Tensor) -> Tensor:
    """One step of ε along the signs of the gradient, clipped to valid pixels.

    Args:
        victim: the network.
        pixels: (N, C, H, W) in [0, 1].
        objective: what to raise.
        epsilon: (N,) in units of a pixel's range, such as 8 / 255.
    """
    _, gradient = victim.climb(pixels, objective)
    return (pixels + _each(epsilon) * gradient.sign()).clamp(0, 1)


def pgd(
    victim: Victim,
    pixels: Tensor,
    objective: Objective,
    epsilon: Tensor,
    *,
    steps: int,
    step_size: Tensor,
    start: Tensor | None = None,
) -> Tensor:
    """The last of `pgd_steps`, which says what the arguments are."""
    *_, best = pgd_steps(
        victim, pixels, objective, epsilon, steps=steps, step_size=step_size, start=start
    )
    return best


def pgd_steps(
    victim: Victim,
    pixels: Tensor,
    objective: Objective,
    epsilon: Tensor,
    *,
    steps: int,
    step_size: Tensor,
    start: Tensor | None = None,
) -> Iterator[Tensor]:
    """Many small steps, each put back into the ball of ε around the image and into valid pixels.

    Args:
        victim: the network.
        pixels: (N, C, H, W) in [0, 1].
        objective: what to raise.
        epsilon: (N,) radius, in units of a pixel's range.
        steps: how many.
        step_size: (N,) of each step, in the same units.
        start: (N, C, H, W) or (1, C, H, W) in −1 to 1, where in the ball to start; None: at the image.

    Yields:
        steps + 1 times, of all the points it came through so far the one where the objective is
        highest, for each image.
    """
    radius, size = _each(epsilon), _each(step_size)
    low, high = (pixels - radius).clamp(0, 1), (pixels + radius).clamp(0, 1)
    at = pixels
    if start is not None:
        at = (pixels + radius * start).clamp(0, 1)
    best, best_value = at, torch.full((len(pixels),), -torch.inf)
    for step in range(steps + 1):
        if step < steps:
            value, gradient = victim.climb(at, objective)
        else:  # the last point is only judged
            with torch.no_grad():
                value = objective(victim.logits(at))
        better = value > best_value
        best = torch.where(better.view(-1, 1, 1, 1), at, best)
        best_value = torch.where(better, value, best_value)
        yield best
        if step < steps:
            at = torch.minimum(torch.maximum(at + size * gradient.sign(), low), high)


def anywhere(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A random point of the ball of radius 1, for `pgd` to start at."""
    return torch.rand(shape, generator=generator) * 2 - 1


def random_signs(pixels: Tensor, epsilon: Tensor, generator: torch.Generator) -> Tensor:
    """The control: every value moved by ε up or down at random, clipped to valid pixels. As large as
    an FGSM attack in every norm; only the directions are not chosen."""
    signs = torch.randint(0, 2, pixels.shape, generator=generator) * 2 - 1
    return (pixels + _each(epsilon) * signs).clamp(0, 1)


def _each(values: Tensor) -> Tensor:
    return values.to(torch.float32).view(-1, 1, 1, 1)
