"""DeepLift by its rescale rule: slopes from the baseline to the image in place of derivatives.

The baseline runs once, without gradients, and every activation remembers what it was given and what
it made of it; then the image runs, and backwards each activation hands on Δout/Δin. Captum's
implementation leaves values that do not add up where the windows of a max pooling overlap and at
activations that it does not know; it also runs gradients through the baseline, once per image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.modules import GlobalPool
from models.separate import ACTIVATIONS, MAX_POOLINGS, exchanged, not_separate
from viz.lenses.batching import in_spans
from viz.lenses.saliency.baselines import baselines
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.passes import batch_size, gradient, scores_at
from viz.lenses.saliency.problem import Problem
from viz.lenses.saliency.refusals import check, refuses
from viz.lenses.saliency.structure import no_slopes

_CLOSE = 1e-6  # of Δin, relative: below, the ratio would be rounding


@attributes("deep_lift")
def deep_lift(problem: Problem) -> Iterator[Map]:
    """Contributions (N, C, H, W) to f(x) − f(baseline)."""
    check("deep_lift", problem)
    start = baselines(problem)
    found = list(
        in_spans(
            lambda span: contributions(problem.at(span), start[span]),
            len(start),
            max(1, batch_size(start) // 2),
        )
    )
    values = torch.cat([values for _, (values, _) in found])
    base = torch.cat([base for _, (_, base) in found])
    yield Map(values, forward_passes=2, backward_passes=1, baseline_scores=base)


@refuses("deep_lift")
def _refuse(problem: Problem) -> str:
    return no_slopes(problem.net) or not_separate(problem.net, problem.images[:1])


@torch.inference_mode(False)
def contributions(problem: Problem, start: Tensor) -> tuple[Tensor, Tensor]:
    """Contributions (N, C, H, W) and f(baseline) (N,).

    Args:
        problem: with N images.
        start: (N, C, H, W), their baselines; run once where it is one, expanded.
    """

    def make(_name: str, module: nn.Module) -> nn.Module | None:
        return _Slope(module) if isinstance(module, ACTIVATIONS) or _is_maximum(module) else None

    # Copies: what was made in inference mode cannot be kept for a backward pass.
    start = start[:1].clone().expand_as(start) if start.stride(0) == 0 else start.clone()
    with exchanged(problem.net, make):
        # All at once: activations remember one run.
        base = scores_at(problem, start) if start.stride(0) == 0 else problem.scores(start)
        slopes = gradient(problem.explained, problem.images, problem.classes)
    return (problem.images - start) * slopes, base


def _is_maximum(module: nn.Module) -> bool:
    whole = isinstance(module, GlobalPool) and module.mode == "max"
    return whole or isinstance(module, MAX_POOLINGS)


class _Slope(nn.Module):
    """In the place of an activation or a max pooling: the same forwards."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        self.before: tuple[Tensor, Tensor] | None = None  # of the baseline: given, made of it
        self.places: Tensor | None = None  # of a pooling's maxima then

    def forward(self, x: Tensor) -> Tensor:
        """Without gradients the baseline is run, with them the image."""
        pooled = _is_maximum(self.activation)
        if not torch.is_grad_enabled():
            if pooled:
                out, self.places = _largest(self.activation, x)
            else:
                out = self.activation(x)
            self.before = x, out
            return out
        if self.before is None:
            raise RuntimeError("an activation runs for the image that did not for its baseline")
        found: Tensor
        if pooled:
            found = _Pooled.apply(x, *self.before, self.places, self.activation)
        else:
            rule = _Cut if isinstance(self.activation, nn.ReLU | nn.ReLU6) else _Rescaled
            found = rule.apply(x, *self.before, self.activation)
        return found


class _Rescaled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, start: Tensor, start_out: Tensor, activation: nn.Module
    ) -> Tensor:
        """The activation itself."""
        out: Tensor = activation(x)
        change = x - start
        close = change.abs() <= _CLOSE * (x.abs() + start.abs() + out.abs())
        slope = (out - start_out) / torch.where(close, 1.0, change)
        if close.any():
            with torch.enable_grad():
                middle = ((x + start) / 2).detach().requires_grad_()
                [derivative] = torch.autograd.grad(activation(middle).sum(), middle)
            slope = torch.where(close, derivative, slope)
        ctx.save_for_backward(slope)
        return out

    @staticmethod
    def backward(ctx: Any, handed: Tensor) -> tuple[Tensor, None, None, None]:
        """By the slope from the baseline."""
        [slope] = ctx.saved_tensors
        return handed * slope, None, None, None


class _Cut(torch.autograd.Function):
    """The same for ReLU and ReLU6, in few passes over the maps. They hand on a number as it is or a
    constant, so slopes are exact however close the two are; only 0 by 0 has no answer of its own."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, start: Tensor, start_out: Tensor, activation: nn.Module
    ) -> Tensor:
        """The activation itself."""
        out: Tensor = activation(x)
        ctx.save_for_backward(x, out, start, start_out)
        return out

    @staticmethod
    def backward(ctx: Any, handed: Tensor) -> tuple[Tensor, None, None, None]:
        """By the slope from the baseline, by the derivative where nothing has changed."""
        x, out, start, start_out = ctx.saved_tensors
        change = x - start
        back = (out - start_out).mul_(handed).div_(change)
        if back.sum().isnan():  # 0 by 0 somewhere; quicker than to look at each
            derivative = (x > 0) & (out == x)
            back = torch.where(change == 0, handed * derivative, back)
        return back, None, None, None


class _Pooled(torch.autograd.Function):
    """What a window's maximum rises above the baseline's goes to the pixel that is largest now, what
    it falls below it to the pixel that was largest before. Windows may share pixels."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        start: Tensor,
        start_out: Tensor,
        before: Tensor,
        pooling: nn.Module,
    ) -> Tensor:
        """The pooling itself."""
        out, now = _largest(pooling, x)
        ctx.save_for_backward(x - start, out - start_out, now, before.expand_as(now))
        return out

    @staticmethod
    def backward(ctx: Any, handed: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Contributions divided by the change of the pixel that they go to."""
        change, risen, now, before = ctx.saved_tensors
        back = torch.zeros_like(change).flatten(2)  # (N, C, H·W)
        for part, places in ((risen.clamp(min=0), now), (risen.clamp(max=0), before)):
            shape = (*back.shape[:2], -1)
            back.scatter_add_(2, places.reshape(shape), (handed * part).reshape(shape))
        back = back.reshape(change.shape)
        still = change == 0
        slope = torch.where(still, 0.0, back / torch.where(still, 1.0, change))
        return slope, None, None, None, None


def _largest(pooling: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The maxima (N, C, …) and their places in each plane of x, row by row."""
    if isinstance(pooling, GlobalPool):
        found, places = x.flatten(2).max(2)
    elif isinstance(pooling, nn.AdaptiveMaxPool2d):
        size: Any = pooling.output_size
        found, places = F.adaptive_max_pool2d(x, size, return_indices=True)
    else:
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        given: Any = {name: getattr(pooling, name) for name in names}
        found, places = F.max_pool2d(x, **given, return_indices=True)
    return found, places
