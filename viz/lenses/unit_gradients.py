"""The gradient of one unit of any layer with respect to the image, and who that unit may be."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.introspect import shape_twin
from models.receptive_field import Field
from viz.lenses.context import Subject
from viz.lenses.geometry import network_fields
from viz.lenses.recorder import record_part, replace_outputs, shape_of
from viz.lenses.registry import LensError


@dataclass(frozen=True)
class Place:
    """A position in the map of a layer that is there."""

    layer: str
    field: Field
    unit: tuple[int, int]


class _ReachedError(Exception):
    """The layer has put out what was asked for; the rest of the network need not run."""


def find_place(subject: Subject, layer: str | None, unit: Sequence[int] | None) -> Place:
    """The layer and position that a request names.

    Args:
        subject: the network.
        layer: dotted name; default: the last whose units see a part of the image only, and are
            several.
        unit: (row, column); default: the middle of the map.

    Raises:
        LensError: one sentence: no such layer, or it has no such unit.
    """
    fields = network_fields(subject)
    chosen = layer if layer is not None else default_layer(fields)
    if chosen not in fields:
        some = ", ".join(list(fields)[:12]) + (", …" if len(fields) > 12 else "")
        raise LensError(
            f"{subject.title} has no layer {chosen[:60]!r} that an image leads to; it has {some}."
        )
    field = fields[chosen]
    height, width = field.units
    if unit is None:
        return Place(chosen, field, (height // 2, width // 2))
    if len(unit) != 2 or not all(
        isinstance(at, int) and not isinstance(at, bool) and 0 <= at < side
        for at, side in zip(unit, field.units, strict=True)
    ):
        raise LensError(
            f"{chosen} has no unit {str(list(unit))[:40]}: choose a row below {height} and a column "
            f"below {width}, counted from 0."
        )
    return Place(chosen, field, (unit[0], unit[1]))


def default_layer(fields: dict[str, Field]) -> str:
    """The last layer whose units are several and have a place, else the first there is."""
    placed = [name for name, field in fields.items() if field.has_place and field.units != (1, 1)]
    return (placed or [*fields, ""])[-1 if placed else 0]


def count_calls(subject: Subject, layer: str) -> int:
    """How many times the network runs the module for one image; found without any arithmetic."""
    twin = shape_twin(subject.net)
    example = next(twin.parameters(), torch.empty(0, device="meta"))
    image = torch.empty(1, *subject.info.shape, dtype=example.dtype, device="meta")  # (1, C, H, W)
    with record_part(twin, [layer], shape_of) as shapes, torch.no_grad():
        twin(image)
    return len(shapes[layer])


def unit_gradient(
    net: nn.Module,
    batch: Tensor,
    layer: str,
    unit: tuple[int, int],
    channel: int | None,
    calls: int,
) -> Tensor:
    """d unit / d image for each image of `batch` (N, C, H, W), of the same shape.

    Of a layer without maps the unit is a number of its output row, chosen by `channel`.

    Args:
        net: run in the mode it is in; its parameters get no gradients.
        batch: images as the network takes them.
        layer: dotted name of the module.
        unit: row and column in its map.
        channel: None: the sum of all channels, as in Luo et al. 2016.
        calls: how often the network runs the module; the unit is one of the last time.

    Raises:
        LensError: there is no such channel.
    """
    outputs: list[Tensor] = []

    def take(output: Tensor) -> Tensor:
        outputs.append(output.clone())  # what follows may work in place
        if len(outputs) == calls:
            raise _ReachedError
        return output

    image = batch.detach().clone().requires_grad_(True)
    with torch.enable_grad(), replace_outputs(net, {layer: take}):
        with contextlib.suppress(_ReachedError):
            net(image)
        found = outputs[-1]
        maps = found if found.ndim == 4 else found.flatten(1)[:, :, None, None]  # (N, C', h, w)
        if channel is not None and not 0 <= channel < maps.shape[1]:
            raise LensError(
                f"{layer} has no channel {channel}: choose one below {maps.shape[1]}, counted from 0."
            )
        values = maps[:, :, unit[0], unit[1]]  # (N, C')
        total = values.sum() if channel is None else values[:, channel].sum()
        if not total.requires_grad:  # a unit that reads padding alone
            return torch.zeros_like(image)
        (gradient,) = torch.autograd.grad(total, image, allow_unused=True)
    return torch.zeros_like(image) if gradient is None else gradient.detach()
