"""Gradients through ReLUs that hand back something else than their derivative.

Captum puts these rules on `nn.ReLU` alone; here ReLU6, which is one below its cap, has them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from models.separate import ACTIVATIONS, exchanged, not_separate
from viz.attribution.table import find_method
from viz.lenses.saliency.gradients import at_images
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.problem import Problem
from viz.lenses.saliency.refusals import check, kinds, refuses, running

RECTIFIERS = (nn.ReLU, nn.ReLU6)
_GATES = (nn.Sigmoid, nn.Hardsigmoid)  # of squeeze-and-excitation: nobody changes their derivative
_KNOWN: WeakKeyDictionary[nn.Module, dict[str, str]] = WeakKeyDictionary()


def _refusal(problem: Problem, name: str) -> str:
    """Found out once for a network: as long as a pass of a small one takes."""
    known = _KNOWN.setdefault(problem.net, {})
    if name not in known:
        known[name] = _find_refusal(problem, find_method(name).title)
    return known[name]


def _find_refusal(problem: Problem, title: str) -> str:
    active = tuple(each for each in running(problem) if isinstance(each, ACTIVATIONS))
    others = tuple(each for each in active if not isinstance(each, RECTIFIERS + _GATES))
    if not any(isinstance(each, RECTIFIERS) for each in active):
        have = f"only {kinds(active)}" if active else "no activation at all"
        return (
            f"{title} changes what ReLUs hand back, and this network has none ({have}), so its map "
            "would be the plain gradient under another name: choose Saliency."
        )
    if others:
        return (
            f"{title} is defined for ReLUs, and this network also has {kinds(others)}, for which "
            "it has no rule: choose Saliency or Integrated Gradients."
        )
    return not_separate(problem.net, problem.images[:1])


@refuses("guided_backprop")
def _refuse_guided(problem: Problem) -> str:
    return _refusal(problem, "guided_backprop")


@refuses("deconvolution")
def _refuse_deconvolution(problem: Problem) -> str:
    return _refusal(problem, "deconvolution")


@attributes("guided_backprop")
def guided_backprop(problem: Problem) -> Iterator[Map]:
    """The gradient (N, C, H, W), but each ReLU hands back only what is positive."""
    yield _through(problem, "guided_backprop", guided=True)


@attributes("deconvolution")
def deconvolution(problem: Problem) -> Iterator[Map]:
    """The gradient (N, C, H, W), but each ReLU hands back the positive part of what it is handed,
    whether it let its own input pass or not."""
    yield _through(problem, "deconvolution", guided=False)


def _through(problem: Problem, name: str, guided: bool) -> Map:
    check(name, problem)

    rule = _Guided if guided else _Deconvolved

    def make(_name: str, module: nn.Module) -> nn.Module | None:
        return rule(module) if isinstance(module, RECTIFIERS) else None

    with exchanged(problem.net, make):
        return Map(at_images(problem, problem.explained), forward_passes=1, backward_passes=1)


class _Guided(nn.Module):
    """In the place of a ReLU: the same, but only what is positive is handed to its derivative."""

    def __init__(self, relu: nn.Module) -> None:
        super().__init__()
        self.relu = relu.forward  # itself, without the costs of a module around it

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same out."""
        out: Tensor = self.relu(x)
        if out.requires_grad:
            out.register_hook(_positive)  # type: ignore[no-untyped-call]
        return out


def _positive(handed: Tensor) -> Tensor:
    return handed.clamp(min=0)


class _Deconvolved(nn.Module):
    """In the place of a ReLU: the same forwards, and backwards a ReLU, too."""

    def __init__(self, relu: nn.Module) -> None:
        super().__init__()
        self.relu = relu.forward  # itself, without the costs of a module around it

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same out."""
        found: Tensor = _Rule.apply(x, self.relu)
        return found


class _Rule(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor, relu: Callable[[Tensor], Tensor]) -> Tensor:
        """The activation itself."""
        return relu(x)

    @staticmethod
    def backward(_ctx: Any, handed: Tensor) -> tuple[Tensor, None]:
        """The positive part in place of its derivative."""
        return _positive(handed), None
