"""Which layers a class activation map can be made of, and which is the one to begin with.

The choice people ask about most. Deep layers know what things are, and every pooling forgets where:
so the default is the last layer that still has places, before everything is pooled into one number a
channel or laid out flat. Behind its norm and activation, because that is what is added up later; the
output of the whole block where a shortcut joins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from models.modules import GlobalPool, Subsample
from viz.lenses.context import Subject
from viz.lenses.recorder import record, record_part
from viz.lenses.registry import LensError
from viz.lenses.saliency.problem import Problem, check_aim

_POOLINGS = (
    *(nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d, nn.FractionalMaxPool2d, nn.AdaptiveAvgPool2d),
    *(nn.AdaptiveMaxPool2d, Subsample, GlobalPool),
)
_LOCAL = (nn.MaxPool2d, nn.AvgPool2d, Subsample)
_SAME = (nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.Identity)  # put out what they are given
_PASSING = (*_POOLINGS, *_SAME)


@dataclass(frozen=True)
class SpatialLayer:
    """A layer with maps of more than one place."""

    name: str  # dotted
    kind: str  # class name
    shape: tuple[int, int, int]  # (C, h, w)


@dataclass(frozen=True)
class SpatialLayers:
    """Those of one network for images of one size."""

    layers: tuple[
        SpatialLayer, ...
    ]  # as they run; a block only where its output is not its last layer's
    default: str | None  # None: there are none
    why: str  # one sentence
    every: frozenset[str]  # also names of blocks that are left out above, whose output is the same


def spatial_layers(net: nn.Module, image: Tensor) -> SpatialLayers:
    """What `net` has for images like `image` (1, C, H, W); remembered for as long as it lives."""
    known = _KNOWN.setdefault(net, {})
    shape = tuple(image.shape[1:])
    if shape not in known:
        known[shape] = _find(net, image)
    return known[shape]


_KNOWN: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], SpatialLayers]] = WeakKeyDictionary()


def choose_layer(net: nn.Module, image: Tensor, name: str | None) -> str:
    """`name` if a class activation map can be made of it; for None the default.

    Args:
        net: whose modules have separate activations.
        image: (1, C, H, W), any of the right size.
        name: dotted.

    Raises:
        LensError: there is no such layer, its output has no places, or no layer's has.
    """
    found = spatial_layers(net, image)
    if found.default is None:
        raise LensError(found.why)
    if name is None:
        return found.default
    if name in found.every:
        return name
    if name not in dict(net.named_modules()) or not name:
        raise LensError(
            f"{name[:60]!r} is no layer of this network: choose one such as {found.default}."
        )
    raise LensError(
        f"{name} has no places left, only one number a channel, so no map can be made of it: choose "
        f"a layer before the pooling, such as {found.default}."
    )


def cam_layer(problem: Problem) -> str:
    """The layer of `problem`, or its default layer; see `choose_layer`."""
    return choose_layer(problem.net, problem.images[:1], problem.layer)


def check_unit(subject: Subject, problem: Problem) -> None:
    """Whether the layer, channel and unit that are to be explained exist, where a layer is.

    Raises:
        LensError: they do not.
    """
    aim = problem.explained.aim
    if aim.layer is None:
        return
    if not aim.layer or aim.layer not in dict(problem.net.named_modules()):
        raise LensError(
            f"{aim.layer[:60]!r} is no layer of {subject.title}: choose one of its own."
        )
    with record(problem.net, [aim.layer]) as outputs, torch.no_grad():
        problem.net(problem.images[:1])
    if not outputs[aim.layer]:
        raise LensError(f"{aim.layer} of {subject.title} puts out nothing for an image.")
    check_aim(subject, aim, outputs[aim.layer][-1])


def _find(net: nn.Module, image: Tensor) -> SpatialLayers:
    modules = dict(net.named_modules())
    calls: list[tuple[str, Tensor]] = []  # as they end; held, so that identity means identity

    def keep(name: str, output: Tensor) -> None:
        calls.append((name, output))

    with record_part(net, [name for name in modules if name], keep), torch.no_grad():
        net(image.clone())
    # Between linear layers that work place by place, as in ConvNeXt, channels come last.
    turned = {
        name.rpartition(".")[0]
        for name, output in calls
        if isinstance(modules[name], nn.Linear) and _has_places(output)
    }
    spatial = [
        (name, output)
        for name, output in calls
        if _has_places(output)
        and (name.rpartition(".")[0] not in turned or isinstance(modules[name], nn.Conv2d))
    ]
    last_use = {name: at for at, (name, _) in enumerate(spatial)}
    listed: dict[str, SpatialLayer] = {}
    for at, (name, output) in enumerate(spatial):
        # A block that hands on what its last layer put out is that layer once more.
        again = any(output is before for _, before in spatial[:at])
        again = again and any(modules[name].children())
        if last_use[name] == at and not again and not isinstance(modules[name], _SAME):
            channels, height, width = output.shape[1:]
            kind = type(modules[name]).__name__
            listed[name] = SpatialLayer(name, kind, (channels, height, width))
    default = _default(modules, spatial)
    if default is None:
        why = (
            "This network has no layer with maps, only layers of single numbers, so no class "
            "activation map can be made of it: choose a method that explains pixels."
        )
    else:
        why = _why(default, modules, calls)
    return SpatialLayers(tuple(listed.values()), default, why, frozenset(last_use))


def _has_places(output: Tensor) -> bool:
    """Whether a module put out (N, C, h, w) with more than one place."""
    return output.ndim == 4 and output.shape[2] * output.shape[3] > 1


def _default(modules: Mapping[str, nn.Module], spatial: list[tuple[str, Tensor]]) -> str | None:
    """The last module that puts out places and does more than to pool or hand on."""
    wanted = len(spatial) - 1
    while wanted >= 0:
        tensor = spatial[wanted][1]
        makers = [at for at, (_, output) in enumerate(spatial[: wanted + 1]) if output is tensor]
        own = [at for at in makers if not any(modules[spatial[at][0]].children())]
        working = [at for at in own if not isinstance(modules[spatial[at][0]], _PASSING)]
        if working:
            return spatial[working[-1]][0]
        if not own:  # a block that ends with a sum or with maps put side by side
            return spatial[makers[0]][0]
        wanted = makers[0] - 1  # what was pooled
    return None


def _why(name: str, modules: Mapping[str, nn.Module], calls: list[tuple[str, Tensor]]) -> str:
    at = max(place for place, (called, _) in enumerate(calls) if called == name)
    channels, height, width = calls[at][1].shape[1:]
    after = [modules[called] for called, _ in calls[at + 1 :]]
    linear = next((each for each in after if isinstance(each, nn.Linear)), None)
    flat = linear is not None and linear.in_features != channels
    finer = any(isinstance(each, _LOCAL) for each in after)
    return (
        f"{name} puts out the last {channels} maps, of {height}×{width} places, before they are "
        f"{'laid out flat' if flat else 'pooled into one number a map'}"
        f"{', and before a pooling makes them coarser' if finer and flat else ''}: no layer knows "
        "more about what is there and still says where."
    )
