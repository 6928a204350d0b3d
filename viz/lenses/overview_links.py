"""What feeds what in an overview, channel by channel: kernel norms where there are kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.modules import LocallyConnected2d, PartialConv2d
from viz.lenses.overview_columns import Place
from viz.lenses.steps import Step, Steps

Strengths = npt.NDArray[np.float64]
_OWN_CHANNEL = (
    *("BatchNorm1d", "BatchNorm2d", "InstanceNorm2d", "GroupNorm", "LayerNorm2d", "ReLU", "ReLU6"),
    *("LeakyReLU", "ELU", "GELU", "SiLU", "Hardswish", "Hardsigmoid", "Tanh", "ScaledTanh"),
    *("Sigmoid", "relu", "relu6", "silu", "sigmoid", "hardswish", "MaxPool2d", "AvgPool2d"),
    *("AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "GlobalPool", "Subsample", "PadShortcut"),
    *("adaptive_avg_pool2d", "avg_pool2d", "max_pool2d", "mean", "add", "mul", "LayerNorm"),
)
"""Kinds whose output channel c is made of channel c of each input."""
_THROUGH = frozenset(_OWN_CHANNEL) - {"add", "mul"}


@dataclass(frozen=True)
class Relation:
    """How strongly output channels depend on input channels, (out, in) or None for alike."""

    kind: str  # "weights", "same", "all"
    strength: Strengths | None


def find_sources(steps: Steps, places: list[Place]) -> list[dict[int, Step]]:
    """For each column the columns it takes from (−1: the image), with the step that takes."""
    column = {step: number for number, place in enumerate(places) for step in place.steps}
    found: list[dict[int, Step]] = []
    for number, place in enumerate(places):
        sources: dict[int, Step] = {}
        for step in place.steps:
            for source in _shown_inputs(steps, step, column):
                at = -1 if source is None else column[source]
                if at != number:
                    sources.setdefault(at, step)
        found.append(sources)
    return found


def relate(
    steps: Steps, net: nn.Module, place: Place, taker: Step, source: Place | None,
    source_shape: tuple[int, ...],
) -> Relation:  # fmt: skip
    """What the channels of `place` take from those of `source` (None: the image).

    A block of one convolution followed by what works channel by channel (norm, activation) is that
    convolution; of any other block only is known that everything may depend on everything.
    """
    if len(place.steps) > 1 and not (
        place.steps[0] is taker
        and all(step.kind in _THROUGH for step in place.steps[1:])
        and all(steps.find(name) in place.steps for s in place.steps[1:] for name in s.inputs)
    ):
        return Relation("all", None)
    if taker.node.op == "call_module":
        weight = _norms(net.get_submodule(str(taker.node.target)), source_shape)
        if weight is not None:
            return Relation("weights", weight)
    channels = source_shape[0]
    if taker.kind == "cat":
        start = 0
        for name in taker.inputs:
            part = steps.find(name) if name else None
            if part is (source.last if source else None) or _leads_to(steps, part, source):
                return Relation("same", np.eye(taker.shape[0], channels, -start))
            start += part.shape[0] if part else channels
    if taker.kind in _OWN_CHANNEL:
        return Relation("same", np.eye(taker.shape[0], channels))
    return Relation("all", None)


def pick(
    relation: Relation, target: npt.NDArray[np.int64], source: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], float]:
    """Strengths of the shown channels as 0…255 of the largest."""
    if relation.strength is None:
        return np.full((len(target), len(source)), 255, np.uint8), 1.0
    chosen = relation.strength[np.ix_(target, source)]
    top = float(np.nan_to_num(chosen).max(initial=0.0))
    scaled = np.nan_to_num(chosen) / (top or 1.0) * 255
    # what is connected at all stays visible
    return np.where(chosen > 0, np.maximum(np.rint(scaled), 1), 0).astype(np.uint8), top


def _shown_inputs(steps: Steps, step: Step, column: Mapping[Step, int]) -> Iterator[Step | None]:
    for name in step.inputs:
        source = steps.find(name) if name else None
        if source is None or source in column:
            yield source
        else:
            yield from _shown_inputs(steps, source, column)


def _leads_to(steps: Steps, step: Step | None, source: Place | None) -> bool:
    """Whether a hidden step hands on what `source` puts out."""
    while step is not None and len(step.inputs) == 1:
        if source is not None and step in source.steps:
            return True
        name = step.inputs[0]
        step = steps.find(name) if name else None
    return step is None and source is None


def _norms(module: nn.Module, source_shape: tuple[int, ...]) -> Strengths | None:
    """Norm of each kernel, or absolute weight: (out, in)."""
    match module:
        case nn.Conv2d():
            return _grouped(module)
        case PartialConv2d():
            return _array(module.dense_weight().flatten(2).norm(dim=2))
        case LocallyConnected2d():
            # of all positions together
            return _array(module.weight.square().sum((0, 1, 4, 5)).sqrt())
        case nn.Linear():
            weight = module.weight.detach()
            per_channel = math.prod(source_shape[1:])
            if weight.shape[1] == source_shape[0] * per_channel:
                return _array(weight.reshape(len(weight), source_shape[0], -1).norm(dim=2))
    return None


def _grouped(module: nn.Conv2d) -> Strengths:
    norms = module.weight.detach().flatten(2).norm(dim=2)  # (O, I / groups)
    dense = torch.zeros(module.out_channels, module.in_channels)
    per_group = module.in_channels // module.groups
    outputs = torch.arange(module.out_channels)
    first = outputs // (module.out_channels // module.groups) * per_group
    columns = first[:, None] + torch.arange(per_group)
    return _array(dense.scatter_(1, columns, norms))


def _array(values: Tensor) -> Strengths:
    return values.detach().to(torch.float64).numpy()
