"""Layers of a network with the weights they would start from, drawn anew, and the old ones back.

What is drawn is a whole second network, made the way the first one was before its training; its
layers then replace those of the first, from the last to the first or one at a time. So every layer
starts as its architecture starts it (`models.initial`, or torchvision's own rules).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from models.build import build_network
from models.introspect import list_modules, shape_twin
from models.references import RandomRef, TorchvisionRef, parse_reference
from models.registry import get_architecture
from training.network import spec_layers
from viz.lenses.context import Subject
from viz.lenses.registry import LensError

MOST_STAGES = 20  # beyond it, neighbouring layers are drawn anew together, block by block
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
_AS_DRAWN = {"init_weights": True}  # GoogLeNet and Inception ask for it, or warn


@dataclass(frozen=True)
class Stage:
    """Layers that are drawn anew together: one with weights, and the norms behind it."""

    name: str  # dotted, of the layer or of the block
    tensors: tuple[str, ...]  # parameters and buffers, dotted


class Rewritable:
    """A private copy of a network whose layers can be drawn anew and put back.

    Args:
        subject: the network; never changed.
        model: the reference it was asked for by.
        seed: of the new weights. Never those the network itself started from, which training may
            have moved only a little.
    """

    def __init__(self, subject: Subject, model: str, seed: int) -> None:
        self.net = copy.deepcopy(subject.net)
        fresh = fresh_network(subject, model, subject.seed + 1 + seed)
        self._fresh = {**dict(fresh.named_parameters()), **dict(fresh.named_buffers())}
        mine = {**dict(self.net.named_parameters()), **dict(self.net.named_buffers())}
        self._before = {name: tensor.clone() for name, tensor in mine.items()}
        self._mine = mine
        changing = {
            name
            for name, tensor in mine.items()
            if name in self._fresh and not torch.equal(tensor, self._fresh[name])
        }
        self.stages = _stages(self.net, subject, changing)
        if not self.stages:
            raise LensError(
                f"{subject.title} has no weights that could be drawn anew: choose another network."
            )

    @torch.no_grad()
    def draw(self, stage: Stage) -> None:
        """The weights of these layers as they might be at the start of a training."""
        self._put(stage, self._fresh)

    @torch.no_grad()
    def restore(self, stage: Stage) -> None:
        """The weights of these layers as they were."""
        self._put(stage, self._before)

    def _put(self, stage: Stage, values: dict[str, Tensor]) -> None:
        for name in stage.tensors:
            self._mine[name].copy_(values[name])


def fresh_network(subject: Subject, model: str, seed: int) -> nn.Module:
    """A network made as the subject's was before its training, with weights drawn from `seed`."""
    reference = parse_reference(model)
    classes = len(subject.info.classes)
    if isinstance(reference, TorchvisionRef):
        needs = _AS_DRAWN if reference.name in {"googlenet", "inception_v3"} else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net: nn.Module = get_model(reference.name, weights=None, **needs)
        return net
    if isinstance(reference, RandomRef):
        layers = get_architecture(reference.architecture).layers(subject.info.shape, classes)
    elif subject.spec is not None:
        layers = spec_layers(subject.spec, subject.info)
    else:
        raise LensError(f"Nobody knows how {subject.title} started: choose another network.")
    return build_network(layers, subject.info.shape, classes, seed=seed)


def _stages(net: nn.Module, subject: Subject, changing: set[str]) -> tuple[Stage, ...]:
    """Stages of the layers that change, as they run."""
    rows = list_modules(shape_twin(net), subject.info.shape)
    modules = dict(net.named_modules())
    found: list[Stage] = []
    for row in rows:
        part = modules[row.name]
        own = [*part._parameters, *part._buffers]
        tensors = tuple(name for each in own if (name := f"{row.name}.{each}") in changing)
        if not tensors:
            continue
        if isinstance(part, _NORMS) and found:
            found[-1] = Stage(found[-1].name, (*found[-1].tensors, *tensors))
        else:
            found.append(Stage(row.name, tensors))
    return _grouped(found)


def _grouped(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """At most `MOST_STAGES`: the finest level of blocks at which there are so few; where even the first
    has more, neighbouring blocks of it go together."""
    if len(stages) <= MOST_STAGES:
        return tuple(stages)
    deepest = max(stage.name.count(".") for stage in stages)
    groups: dict[str, tuple[str, ...]] = {}
    for depth in range(deepest, 0, -1):
        groups = {}
        for stage in stages:
            block = ".".join(stage.name.split(".")[:depth])
            groups[block] = (*groups.get(block, ()), *stage.tensors)
        if len(groups) <= MOST_STAGES:
            break
    found = [Stage(name, tensors) for name, tensors in (groups or _single(stages)).items()]
    ends = [len(found) * at // MOST_STAGES for at in range(MOST_STAGES + 1)]
    if len(found) <= MOST_STAGES:
        return tuple(found)
    return tuple(_merged(found[a:b]) for a, b in pairwise(ends))


def _single(stages: Sequence[Stage]) -> dict[str, tuple[str, ...]]:
    return {stage.name: stage.tensors for stage in stages}


def _merged(stages: Sequence[Stage]) -> Stage:
    """Neighbours as one stage."""
    first, last = stages[0].name, stages[-1].name
    tensors = tuple(name for stage in stages for name in stage.tensors)
    return Stage(first if first == last else f"{first} to {last}", tensors)
