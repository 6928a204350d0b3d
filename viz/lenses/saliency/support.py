"""The lens that says, before anything is computed, which methods a network allows and at which layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from viz.attribution.table import METHODS
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.lenses.saliency.layers import spatial_layers
from viz.lenses.saliency.problem import Problem, make_problem
from viz.lenses.saliency.refusals import refusal, refuses
from viz.results.attribution import AttributionLayer, AttributionSupport

_GUIDED = "guided_grad_cam"
_LAYERED = tuple(name for name, each in METHODS.items() if each.layered and name != _GUIDED)


@lens("attribution_support")
def attribution_support(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> AttributionSupport:
    """Why each method that would be wrong here is refused; layers for class activation maps.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used: the answer is the same for all.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    noise = torch.randn(1, *subject.info.shape, generator=torch.Generator().manual_seed(0))
    problem = make_problem(subject, noise, torch.zeros(1, dtype=torch.int64))
    refusals = {name: refusal(name, problem) for name in METHODS}
    found = spatial_layers(problem.net, noise)
    return AttributionSupport(
        refusals={name: sentence for name, sentence in refusals.items() if sentence},
        layers=tuple(AttributionLayer(one.name, one.kind, one.shape) for one in found.layers),
        default_layer=found.default,
        why=found.why,
        note=_what_was_done(subject.net, problem.net),
    )


@refuses(*_LAYERED)
def _no_places(problem: Problem) -> str:
    found = spatial_layers(problem.net, problem.images[:1])
    return found.why if found.default is None else ""


@refuses(_GUIDED)
def _no_guided_places(problem: Problem) -> str:
    return _no_places(problem) or refusal("guided_backprop", problem)


def _what_was_done(net: nn.Module, copy: nn.Module) -> str:
    """How the network that is explained differs from the one that was loaded."""
    known = dict(net.named_modules())
    new = [name for name, _ in copy.named_modules() if name not in known]
    in_place = [name for name, one in known.items() if getattr(one, "inplace", False) is True]
    told = [
        f"{len(in_place)} work on a tensor of their own instead of in place" if in_place else "",
        f"{len(new)} that were functions or shared a module are modules of their own"
        if new
        else "",
    ]
    done = " and ".join(part for part in told if part)
    if not done:
        return ""
    return (
        f"Computed on a copy with the same weights and equal outputs, of whose activations {done}."
    )
