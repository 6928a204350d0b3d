"""Theoretical receptive fields: the table of a network, and gradients as the judge of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models.receptive_field import Field
from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.geometry import network_fields
from viz.lenses.pictures import fit
from viz.lenses.recorder import record
from viz.lenses.registry import LensError, lens
from viz.lenses.unit_gradients import count_calls, find_place, unit_gradient
from viz.results import Ints
from viz.results.fields import FieldTable, LayerField, Support, UnitMap


@lens("receptive_fields")
def receptive_fields(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> FieldTable:
    """Size, stride, padding and position of every layer's fields."""
    subject = context.subject(model, dataset)
    modules = dict(subject.net.named_modules())
    layers = [_layer(name, modules[name], field) for name, field in network_fields(subject).items()]
    return FieldTable(subject.title, subject.info.shape[1:], tuple(layers))


def _layer(name: str, module: nn.Module, field: Field) -> LayerField:
    return LayerField(
        layer=name,
        kind=type(module).__name__,
        leaf=not any(module.children()),
        units=field.units,
        size=field.size,
        stride=field.stride,
        start=field.start,
        whole=field.whole,
        placed=field.has_place,
        even=field.even,
        whole_since=field.whole_since,
        misaligned=field.misaligned,
        rows=_spans(field, 0),
        columns=_spans(field, 1),
    )


def _spans(field: Field, axis: int) -> Ints:
    """(n, 4) for each position along one axis: start and stop of its box, and of what it reads."""
    spans = []
    for at in range(field.units[axis]):
        unit = (at, field.units[1] // 2) if axis == 0 else (field.units[0] // 2, at)
        box, read = field.local_box(*unit), field.read_box(*unit)
        spans.append([box[axis], box[axis + 2], read[axis], read[axis + 2]])
    return np.array(spans, np.int64)


@lens("gradient_support")
def gradient_support(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    unit: Sequence[int] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Support:
    """Which pixels one unit depends on in a network of this structure with positive weights.

    With all weights, images and so all activations positive nothing cancels and no ReLU closes, so
    a pixel has a gradient exactly if there is a path from it to the unit. Maxima, which pass
    gradient to the winner only, stand for the mean over the same window. Weights are 1 / number of
    inputs and the image is small, so that nothing saturates; double precision, because the corners
    of a deep field have gradients of 1e-200.

    Args:
        context: of the worker.
        model: whose structure; its weights do not matter.
        image: not used.
        layer: dotted name; default: the last whose units are several and see a part of the image.
        unit: (row, column); default: the middle of the map.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    place = find_place(subject, layer, unit)
    net = _positive_twin(subject.net)
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(1, *subject.info.shape, generator=generator, dtype=torch.float64) + 0.5
    with _MeansForMaxima():
        gradient = unit_gradient(
            net, batch * 1e-2, place.layer, place.unit, None, count_calls(subject, place.layer)
        )
    seen = gradient[0].abs().sum(0) > 0  # (H, W)
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    found = (0, 0, 0, 0)
    if len(rows):
        found = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    return Support(
        layer=place.layer,
        unit=place.unit,
        expected=place.field.read_box(*place.unit),
        found=found,
        num_pixels=int(seen.sum()),
    )


def _positive_twin(net: nn.Module) -> nn.Module:
    """A copy whose every sum is a mean; its tensors repeat one number and take no memory."""

    def constant(name: str, tensor: Tensor) -> Tensor:
        inputs = max(1, math.prod(tensor.shape[1:]))
        zero = name.rsplit(".", 1)[-1] in ("bias", "running_mean")
        value = 0.0 if zero else 1.0 if tensor.ndim < 2 else 1.0 / inputs
        return torch.full((1,) * tensor.ndim, value, dtype=torch.float64).expand(tensor.shape)

    memo: dict[int, Any] = {}
    for name, parameter in net.named_parameters():
        memo[id(parameter)] = nn.Parameter(constant(name, parameter), requires_grad=False)
    for name, buffer in net.named_buffers():
        if buffer.is_floating_point():
            memo[id(buffer)] = constant(name, buffer)
    return copy.deepcopy(net, memo).eval()


class _MeansForMaxima(TorchFunctionMode):
    """While active, a maximum over a window or a map is the mean over it."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        match getattr(func, "__name__", ""):
            case "max_pool2d" if given.get("dilation", 1) in (1, (1, 1), [1, 1]):
                for name in ("dilation", "return_indices"):
                    given.pop(name, None)
                return functional.avg_pool2d(*args, **given)
            case "adaptive_max_pool2d":
                return functional.adaptive_avg_pool2d(*args[:2])
            case "amax":
                return torch.mean(*args, **given)
            case _:
                return func(*args, **given)


@lens("unit_map")
def unit_map(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    channel: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> UnitMap:
    """One map of a layer to choose a unit on: a channel, or the mean absolute value of all."""
    subject = context.subject(model, dataset)
    place = find_place(subject, layer, None)
    fitted, _ = fit(context, image, subject)
    with record(subject.net, [place.layer]) as outputs, torch.inference_mode():
        subject.net(fitted.batch)
    output = outputs[place.layer][-1]
    maps = output[0] if output.ndim == 4 else output.flatten()[:, None, None]  # (C, h, w)
    if channel is not None and not 0 <= channel < len(maps):
        raise LensError(
            f"{place.layer} has no channel {channel}: choose one below {len(maps)}, counted from 0."
        )
    values = maps.abs().mean(dim=0) if channel is None else maps[channel]
    return UnitMap(
        layer=place.layer,
        values=to_floats(values),
        channel=channel,
        num_channels=len(maps),
        image=to_pictures(fitted.picture),
        note=fitted.note,
        step=subject.step,
    )
