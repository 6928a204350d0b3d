"""The convolutions of a network, read and written alike whatever class they are of.

A layer's filters are (O, I, kh, kw) here, I the input channels that one filter reads: all of them,
or those of its group. A partial convolution has zeros where nothing is connected.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.modules import PartialConv2d
from viz.lenses.context import Subject
from viz.lenses.recorder import Call, followers
from viz.lenses.registry import LensError

Convolution = nn.Conv2d | PartialConv2d
_NORMS = (nn.BatchNorm2d, nn.InstanceNorm2d)
_ACTIVATIONS_FROM_0 = (nn.ReLU, nn.ReLU6)
_MORE = 12  # names in a sentence


@dataclass(frozen=True)
class Chosen:
    """One convolution of a network."""

    layer: str  # dotted name
    module: Convolution
    layers: tuple[str, ...]  # all convolutions, in the order of the modules


def choose_convolution(subject: Subject, layer: str | None) -> Chosen:
    """The convolution called `layer`; None: the first.

    Raises:
        LensError: there is none of that name, or none at all.
    """
    found = {
        name: module
        for name, module in subject.net.named_modules()
        if isinstance(module, Convolution)
    }
    if not found:
        raise LensError(
            f"{subject.title} has no convolution and so no filters: choose another network."
        )
    if layer is None:
        layer = next(iter(found))
    elif layer not in found:
        names = ", ".join(list(found)[:_MORE]) + (", …" if len(found) > _MORE else "")
        raise LensError(f"{subject.title} has no convolution {layer[:60]!r}; it has {names}.")
    return Chosen(layer, found[layer], tuple(found))


def check_filter(chosen: Chosen, number: object) -> int:
    """The number of a filter of the layer.

    Raises:
        LensError: it is not one.
    """
    count = len(dense(chosen.module))
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < count:
        raise LensError(
            f"{chosen.layer} has no filter {str(number)[:40]}: it has {count}, counted from 0."
        )
    return number


def dense(module: Convolution) -> Tensor:
    """Filters (O, I, kh, kw)."""
    return module.dense_weight() if isinstance(module, PartialConv2d) else module.weight


def to_dense(module: Convolution, values: Tensor) -> Tensor:
    """Values shaped as the layer's parameter (weights, their gradient, …) as (O, I, kh, kw)."""
    if not isinstance(module, PartialConv2d):
        return values
    return values.new_zeros(module.dense_shape).index_put((module.outputs, module.inputs), values)


@torch.no_grad()
def write(module: Convolution, filters: Tensor) -> None:
    """Give the layer these filters (O, I, kh, kw); what is not connected stays so."""
    if isinstance(module, PartialConv2d):
        filters = filters[module.outputs, module.inputs]
    module.weight.copy_(filters)


def groups(module: Convolution) -> int:
    """Into how many groups its channels fall that do not see each other."""
    return 1 if isinstance(module, PartialConv2d) else module.groups


@torch.inference_mode()
def chain(subject: Subject, layer: str) -> list[Call]:
    """What the layer's output runs through channel by channel; see `recorder.followers`."""
    image = torch.zeros(1, *subject.info.shape)
    return followers(subject.net, layer, image)


def normalised_place(subject: Subject, layer: str) -> str:
    """Where the layer's channels are complete: after the norm that follows it, else the layer.

    Setting a channel to 0 there is what knocks a filter out; before the norm, the norm would put
    its own shift in its place.
    """
    for call in chain(subject, layer):
        module = subject.net.get_submodule(call.layer)
        if isinstance(module, _NORMS):
            return call.layer
        if isinstance(module, _ACTIVATIONS_FROM_0):
            break
    return layer


def following_relu(subject: Subject, layer: str) -> Call | None:
    """The ReLU (or ReLU6) that decides whether a filter of the layer is ever heard; None: none
    follows directly."""
    for call in chain(subject, layer):
        if isinstance(subject.net.get_submodule(call.layer), _ACTIVATIONS_FROM_0):
            return call
    return None
