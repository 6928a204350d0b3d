"""Layer-wise relevance propagation: the answer is handed back from layer to layer, each unit
sharing what it gets among its inputs in proportion to what they gave it.

Written as a backward pass in which each layer with weights has another rule: what is handed back is
relevance divided by activation, so ReLUs, poolings and reshaping are right with their own
derivatives, and relevance is the product with the image at the end. Captum's implementation cannot
take `nn.Flatten`, nor the layers of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.modules import LocallyConnected2d, PartialConv2d
from models.separate import exchanged, not_separate
from viz.lenses.batching import in_spans
from viz.lenses.saliency.baselines import normalise
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.passes import batch_size, gradient
from viz.lenses.saliency.problem import Problem
from viz.lenses.saliency.refusals import check, refuses
from viz.lenses.saliency.structure import WEIGHTED, find_steps, first_weighted, no_chain

_CONVOLUTIONS = (nn.Conv2d, LocallyConnected2d, PartialConv2d)


@refuses("lrp")
def _refuse(problem: Problem) -> str:
    return no_chain(problem.net) or not_separate(problem.net, problem.images[:1])


@attributes("lrp")
def lrp(problem: Problem) -> Iterator[Map]:
    """Relevance (N, C, H, W).

    `baseline_scores` is what did not reach the image, because it is owed to biases and to ε: with
    the relevance it adds up to f(x).
    """
    check("lrp", problem)
    size = max(1, batch_size(problem.images) // 2)
    parts = [
        part
        for _, part in in_spans(lambda span: relevance(problem.at(span)), len(problem.images), size)
    ]
    values, kept = (torch.cat(each) for each in zip(*parts, strict=True))
    yield Map(values, forward_passes=1, backward_passes=1, baseline_scores=kept)


@torch.inference_mode(False)
@torch.no_grad()
def relevance(problem: Problem) -> tuple[Tensor, Tensor]:
    """Relevance (N, C, H, W), and what stayed with biases and ε (N,)."""
    settings = problem.settings or {}
    rule, epsilon, gamma = (settings[name] for name in ("rule", "epsilon", "gamma"))
    steps = find_steps(problem.net) or ()
    modules = {step.name: step.module for step in steps if step.module is not None}
    folded = _folds(modules, problem.explained.aim.layer)
    kept: list[Tensor] = []
    first = first_weighted(problem.net) if settings["pixels"] == "box" else None
    box: list[_Layer] = []

    def make(name: str, module: nn.Module) -> nn.Module | None:
        if name not in modules or not isinstance(module, WEIGHTED):
            return None
        if any(module is norm for norm in folded.values()):
            return nn.Identity()
        if name in folded and isinstance(module, nn.Conv2d):
            module = fuse_conv_bn_eval(module, folded[name])
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module = _Scale(module)
        if rule == "gamma":
            return _Layer(module, "gamma", float(gamma), kept)
        if rule == "z plus" or (rule == "epsilon plus" and isinstance(module, _CONVOLUTIONS)):
            if name == first:
                box.append(_Layer(module, "box", 0.0, kept, _limits(problem)))
                return box[0]
            return _Layer(module, "z plus", 0.0, kept)
        return _Layer(module, "epsilon", float(epsilon), kept)

    with exchanged(problem.net, make):
        handed = gradient(problem.explained, problem.images, problem.classes)
    stayed = torch.stack(kept).sum(0) if kept else torch.zeros(len(problem.images))
    if box and box[0].relevance is not None:
        return box[0].relevance.reshape(problem.images.shape), stayed
    return problem.images * handed, stayed


def _limits(problem: Problem) -> tuple[Tensor, Tensor]:
    """The lowest and highest values (N, C, H, W) of pixels, from black to white; an image that goes
    beyond them, as after noise was added, is its own limit there."""
    images = problem.images
    black, white = (
        normalise(problem, torch.full((images.shape[1], 1, 1), level)) for level in (0.0, 1.0)
    )
    return torch.minimum(images, black), torch.maximum(images, white)


def _folds(modules: dict[str, nn.Module], aim: str | None) -> dict[str, nn.BatchNorm2d]:
    """Convolutions whose next layer is a batch norm, with that."""
    found = {}
    for (name, layer), (_, after) in pairwise(modules.items()):
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d) and name != aim:
            found[name] = after
    return found


class _Scale(nn.Module):
    """A batch norm that does not learn: a factor and an offset per channel."""

    def __init__(self, norm: nn.BatchNorm2d | nn.BatchNorm1d) -> None:
        super().__init__()
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        scale = (variance + norm.eps).rsqrt()
        self.weight = nn.Parameter(scale if norm.weight is None else scale * norm.weight, False)
        shift = -mean * self.weight
        self.bias = nn.Parameter(shift if norm.bias is None else shift + norm.bias, False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, …) in, the same out."""
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)


class _Layer(nn.Module):
    """In the place of a layer with weights: the same forwards."""

    def __init__(
        self,
        layer: nn.Module,
        rule: str,
        amount: float,
        kept: list[Tensor],
        limits: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.layer, self.rule, self.amount, self.kept = layer, rule, amount, kept
        self.limits = limits  # of pixels, for the rule "box"
        self.relevance: Tensor | None = None  # of pixels, by that rule

    def forward(self, x: Tensor) -> Tensor:
        """As the layer."""
        found: Tensor = _Rule.apply(x, self)
        return found

    def hand_back(self, x: Tensor, out: Tensor, relevance: Tensor) -> Tensor:
        """Relevance of the inputs divided by the inputs, from that of the outputs.

        With a: inputs, w: weights, b: bias, z: Σ a w + b, and (…)⁺ the positive part of each term:

        epsilon: a w / (z + ε sign z), ε a share of the layer's root mean square;
        z plus: (a w)⁺ / (Σ (a w)⁺ + b⁺);
        box: (a w − l w⁺ − h w⁻) / (Σ (a w − l w⁺ − h w⁻) + b⁺), l and h the limits of pixels (z^B of
        Montavon, Lapuschkin, Binder, Samek and Müller, Explaining nonlinear classification decisions
        with deep Taylor decomposition, Pattern Recognition 2017); a pixel that is 0 may matter here,
        so relevance is put by itself, and nothing is handed on;
        gamma: (a w + γ (a w)⁺) / (z + γ Σ (a w)⁺ + γ b⁺) where z > 0, mirrored where z < 0.
        """
        bias = self._bias(out)
        if self.rule == "epsilon":
            level = out.flatten(1).square().mean(1).sqrt().reshape(-1, *(1,) * (out.ndim - 1))
            extra = self.amount * level * torch.where(out < 0, -1.0, 1.0)
            share = _divide(relevance, out + extra)
            self._keep(share * (bias + extra))
            return self._back(x, share, 0)
        if self.limits is not None:
            low, high = (each.reshape(x.shape) for each in self.limits)
            total = self._linear(x, 0) - self._linear(low, 1) - self._linear(high, -1)
            total += bias.clamp(min=0)
            share = _divide(relevance, total)
            self._keep(share * bias.clamp(min=0) + torch.where(total == 0, relevance, 0.0))
            self.relevance = x * self._transposed(x, share, 0)
            self.relevance -= low * self._transposed(x, share, 1)
            self.relevance -= high * self._transposed(x, share, -1)
            return torch.zeros_like(x)
        if self.rule == "z plus":
            total = self._total(x, 1) + bias.clamp(min=0)
            share = _divide(relevance, total)
            self._keep(share * bias.clamp(min=0) + torch.where(total == 0, relevance, 0.0))
            return self._back(x, share, 1)
        gamma, up = self.amount, out > 0
        boost = torch.where(
            up,
            self._total(x, 1) + bias.clamp(min=0),
            self._total(x, -1) + bias.clamp(max=0),
        )
        share = _divide(relevance, out + gamma * boost)
        leaning = torch.where(up, bias.clamp(min=0), bias.clamp(max=0))
        self._keep(share * (bias + gamma * leaning))
        positive, negative = share * up, share * ~up
        return self._back(x, share, 0) + gamma * (
            self._back(x, positive, 1) + self._back(x, negative, -1)
        )

    def _keep(self, what: Tensor) -> None:
        self.kept.append(what.flatten(1).sum(1))

    def _bias(self, out: Tensor) -> Tensor:
        """As wide as the output, so that sums over units count it once a unit."""
        given = getattr(self.layer, "bias", None)
        if given is None:
            return torch.zeros_like(out)
        bias: Tensor = given.detach()
        if isinstance(self.layer, nn.Linear) or bias.ndim + 1 == out.ndim:  # one for every unit
            return bias.expand_as(out)
        return bias.reshape(-1, *(1,) * (out.ndim - 2)).expand_as(out)

    def _linear(self, x: Tensor, sign: int) -> Tensor:
        """Σ a w, with all weights (0), the positive ones (1) or the negative ones (-1)."""
        weight: Tensor = self.layer.weight.detach()  # type: ignore[operator]
        given = {"weight": weight if sign == 0 else (weight * sign).clamp(min=0) * sign}
        bias = getattr(self.layer, "bias", None)
        if bias is not None:
            given["bias"] = torch.zeros_like(bias)
        found: Tensor = functional_call(self.layer, given, (x,))
        return found

    def _total(self, x: Tensor, sign: int) -> Tensor:
        """The sum of the positive (1) or negative (-1) terms a w."""
        total = self._linear(x.clamp(min=0), sign)
        return total if bool((x >= 0).all()) else total + self._linear(x.clamp(max=0), -sign)

    def _back(self, x: Tensor, share: Tensor, sign: int) -> Tensor:
        """Σ over outputs of share · w, w of the terms of that sign."""
        if sign == 0 or bool((x >= 0).all()):
            return self._transposed(x, share, sign)
        return torch.where(
            x > 0, self._transposed(x, share, sign), self._transposed(x, share, -sign)
        )

    def _transposed(self, x: Tensor, share: Tensor, sign: int) -> Tensor:
        """Σ over outputs of share · w, with the weights of that sign."""
        with torch.enable_grad():
            at = x.detach().requires_grad_()
            [found] = torch.autograd.grad(self._linear(at, sign), at, share)
        return found


class _Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _Layer) -> Tensor:
        """The layer itself."""
        out: Tensor = layer.layer(x)
        ctx.save_for_backward(x, out)
        ctx.layer = layer
        return out

    @staticmethod
    def backward(ctx: Any, handed: Tensor) -> tuple[Tensor, None]:
        """What the layer's rule makes of it."""
        x, out = ctx.saved_tensors
        return ctx.layer.hand_back(x, out, handed * out), None


def _divide(relevance: Tensor, total: Tensor) -> Tensor:
    """Relevance by what it is shared out of; 0 where that is nothing."""
    empty = total == 0
    return torch.where(empty, 0.0, relevance / torch.where(empty, 1.0, total))
