"""What each layer makes of one image: several layers at a glance, or one of them with all its
channels and what is needed to place them on the image.

The network runs once, as far as the last layer that is wanted. Which modules put out maps is only
known while it runs; that is found out once for each network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from viz.lenses.arrays import check_count, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.geometry import layer_geometry
from viz.lenses.pictures import fit
from viz.lenses.recorder import Call, leaves, map_calls, map_layers, record_part, run_until
from viz.lenses.registry import LensError, lens
from viz.results import FeatureMaps, LayerMaps
from viz.results.maps import LayerSheet

# Shown only when asked for: what comes before or after them looks almost the same.
_PLAIN = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm, nn.Identity, nn.Dropout)


@dataclass(frozen=True)
class _Plan:
    """What is the same for every image that a network looks at."""

    calls: tuple[Call, ...]  # of the innermost modules with maps, as they run
    kinds: dict[str, str]  # their class names, in the order in which they run first
    usual: tuple[str, ...]  # those that are shown without being asked for

    def last(self, layers: Sequence[str]) -> Call | None:
        """How far the network has to run for these layers; None: nothing has to run."""
        return next((call for call in reversed(self.calls) if call.layer in layers), None)


_PLANS: WeakKeyDictionary[nn.Module, _Plan] = WeakKeyDictionary()


def _plan(net: nn.Module, batch: Tensor) -> _Plan:
    if net not in _PLANS:
        modules = {name: net.get_submodule(name) for name in map_layers(net, batch)}
        _PLANS[net] = _Plan(
            calls=map_calls(net, batch),
            kinds={name: type(module).__name__ for name, module in modules.items()},
            usual=tuple(name for name, each in modules.items() if not isinstance(each, _PLAIN)),
        )
    return _PLANS[net]


@lens("feature_maps")
def feature_maps(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layers: Sequence[str] | None = None,
    limit: int = 64,
    first: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> FeatureMaps:
    """Maps (C, H, W) of layers, the first `limit` channels of each.

    `layers` are dotted names; default: after each convolution, activation and pooling, in the order
    in which they run, of which `first` takes the first ones only. The network runs as far as that.
    """
    check_count("limit", limit, 4096)
    if first is not None:
        check_count("first", first, 4096)
    subject = context.subject(model, dataset)
    fitted, _ = fit(context, image, subject)
    plan = _plan(subject.net, fitted.batch)
    wanted = list(plan.usual[:first] if layers is None else layers)
    for name in wanted:
        if name not in plan.kinds:
            raise no_such_layer(str(name), tuple(plan.kinds), model)

    def keep(_name: str, output: Tensor) -> tuple[Tensor, int]:
        channels = output.size(1)
        shown = output if channels <= limit else output[:, :limit]
        # Channel first at once, as arrays have it: the networks here compute with channels last.
        return shown.clone(memory_format=torch.contiguous_format), channels

    with record_part(subject.net, dict.fromkeys(wanted), keep) as outputs:
        run_until(subject.net, fitted.batch, plan.last(wanted))
    return FeatureMaps(
        image=to_pictures(fitted.picture),
        layers=tuple(
            LayerMaps(
                layer=name,
                kind=plan.kinds[name],
                maps=outputs[name][-1][0].float().numpy()[0],
                num_channels=outputs[name][-1][1],
            )
            for name in wanted
        ),
        available=tuple(plan.kinds),
        note=fitted.note,
        step=subject.step,
    )


@lens("layer_maps")
def layer_maps(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    peak: bool = False,
    dataset: Mapping[str, Any] | None = None,
) -> LayerSheet:
    """Every map of one layer, and where each unit sits on the image.

    Args:
        context: of the worker.
        model: a model reference.
        image: an image reference.
        layer: dotted name of any module that puts out maps, a whole block too; default: the first.
        peak: whether to look for the largest value in any layer too, which reads them all.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    chosen = layer or first_layer(subject)
    modules = dict(subject.net.named_modules())
    read = dict.fromkeys([*(leaves(subject.net) if peak else []), chosen])
    calls: list[Tensor] = []

    def keep(name: str, output: Tensor) -> Tensor | None:
        if output.ndim != 4:
            return None
        if name == chosen:
            calls.append(output[0].clone(memory_format=torch.contiguous_format))
        return _largest(output) if peak else None

    if chosen not in modules:
        raise no_such_layer(chosen, map_layers(subject.net, fitted.batch), model)
    with record_part(subject.net, read, keep) as outputs, torch.inference_mode():
        subject.net(fitted.batch)
    if not calls:
        raise no_such_layer(chosen, map_layers(subject.net, fitted.batch), model)
    sizes = [float(found[-1]) for found in outputs.values() if found and found[-1] is not None]
    return LayerSheet(
        image=to_pictures(fitted.picture),
        layer=chosen,
        kind=type(modules[chosen]).__name__,
        calls=len(calls),
        maps=calls[-1].to(torch.float32).numpy(),
        geometry=layer_geometry(subject, chosen),
        peak=max(filter(math.isfinite, sizes), default=0.0) if peak else None,
        note=fitted.note,
        label=label,
        classes=subject.info.classes,
        step=subject.step,
    )


def first_layer(subject: Subject) -> str:
    """The first convolution, else the first innermost module: where looking begins.

    Raises:
        LensError: the network has no modules at all.
    """
    every = leaves(subject.net)
    if not every:
        raise LensError(f"{subject.title} has no layers to look at: choose another network.")
    modules = dict(subject.net.named_modules())
    return next((name for name in every if isinstance(modules[name], nn.Conv2d)), every[0])


def no_such_layer(layer: str, available: Sequence[str], model: str | None) -> LensError:
    """The sentence for a layer without maps, with the first layers that have some."""
    some = ", ".join(available[:12]) + (", …" if len(available) > 12 else "")
    return LensError(f"{model} has no layer with maps called {layer[:60]!r}; it has {some}.")


def _largest(output: Tensor) -> Tensor:
    """The largest size of a value."""
    # In the order in which the values lie in memory, which is several times as fast.
    last = output.is_contiguous(memory_format=torch.channels_last)
    low, high = torch.aminmax(output.permute(0, 2, 3, 1) if last else output)
    return torch.maximum(-low, high)
