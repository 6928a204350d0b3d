"""A network with some filters changed by hand: what its maps and its answer become."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz.lenses.arrays import to_floats, to_ints, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import check_filter, choose_convolution, dense, write
from viz.lenses.filters import MAX_INPUTS
from viz.lenses.pictures import fit
from viz.lenses.recorder import map_layers, record
from viz.lenses.registry import LensError, lens
from viz.results.filters import Edited

MAX_EDITS = 200
MAX_MAPS = 64
LARGEST = 1e6  # a weight beyond this only breaks the arithmetic that follows
_OPERATIONS = ("zero", "rotate90", "flip", "scale", "bias", "set")


@lens("edited")
def edited(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    edits: Sequence[Mapping[str, Any]] = (),
    layer: str | None = None,
    number: int = 0,
    maps: str | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Edited:
    """The network before and after `edits`, which are made one after the other on a copy.

    Args:
        context: of the worker.
        model: a model reference.
        image: whose maps and probabilities are compared.
        edits: each {"layer", "filter", "op", "values"}. `op`: "zero" (weights and bias); "rotate90"
            (counter-clockwise, square kernels); "flip" (values "horizontal" or "vertical"); "scale"
            (values: a factor for the weights); "bias" (values: the new bias); "set" (values: rows
            [input channel, row, column, weight]).
        layer: the convolution of which a filter is shown; default: the first.
        number: of that filter.
        maps: the layer whose maps are shown; default: that convolution.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    shown = choose_convolution(subject, layer)
    number = check_filter(shown, number)
    net = copy.deepcopy(subject.net)
    apply_edits(net, subject, edits)
    changed = net.get_submodule(shown.layer)
    fitted, label = fit(context, image, subject)
    leaves = map_layers(subject.net, fitted.batch)
    seen = shown.layer if maps is None else maps
    if seen not in leaves:
        raise LensError(f"{subject.title} has no layer with maps called {seen[:60]!r}.")
    outputs: list[dict[str, Tensor]] = []  # before, after
    probs: list[Tensor] = []
    for each in (subject.net, net):
        with record(each, leaves) as recorded, torch.inference_mode():
            probs.append(torch.softmax(each(fitted.batch), dim=1)[0])
        outputs.append({name: calls[-1][0] for name, calls in recorded.items()})  # (C, H, W)
    before, after = outputs[0][seen], outputs[1][seen]
    channels = torch.arange(min(len(before), MAX_MAPS))
    if seen == shown.layer and number >= len(channels):
        channels[-1] = number
    return Edited(
        layer=shown.layer,
        number=number,
        kernels_before=to_floats(dense(shown.module)[number, :MAX_INPUTS]),
        kernels_after=to_floats(dense(changed)[number, :MAX_INPUTS]),  # type: ignore[arg-type]
        bias_before=_bias(shown.module, number),
        bias_after=_bias(changed, number),
        image=to_pictures(fitted.picture),
        maps_layer=seen,
        maps_before=to_floats(before[channels]),
        maps_after=to_floats(after[channels]),
        channels=to_ints(channels),
        num_channels=len(before),
        layers=tuple(leaves),
        moved=to_floats(
            torch.stack([_distance(outputs[0][name], outputs[1][name]) for name in leaves])
        ),
        probs_before=to_floats(probs[0]),
        probs_after=to_floats(probs[1]),
        classes=subject.info.classes,
        label=label,
        note=fitted.note,
        step=subject.step,
    )


@torch.no_grad()
def apply_edits(net: nn.Module, subject: Subject, edits: Sequence[Mapping[str, Any]]) -> None:
    """Make the edits in `net`, a copy of the subject's network.

    Raises:
        LensError: for an edit that is none, naming what is wrong with it; those before it are made.
    """
    if not isinstance(edits, list | tuple) or len(edits) > MAX_EDITS:
        raise LensError(f"Up to {MAX_EDITS} edits can be made at once: undo some.")
    for edit in edits:
        if not isinstance(edit, Mapping) or not {"layer", "filter", "op"} <= set(edit):
            raise LensError(f"{str(edit)[:60]!r} is no edit: it needs a layer, a filter and an op.")
        chosen = choose_convolution(subject, str(edit["layer"]))
        number = check_filter(chosen, edit["filter"])
        module = net.get_submodule(chosen.layer)
        filters = dense(module).clone()  # type: ignore[arg-type]
        kernels = _changed(filters[number], str(edit["op"]), edit.get("values"))
        bias = module.bias
        if isinstance(bias, Tensor):
            if edit["op"] == "zero":
                bias[number] = 0
            elif edit["op"] == "bias":
                bias[number] = _number(edit.get("values"), "A bias")
        elif edit["op"] == "bias":
            raise LensError(f"{chosen.layer} has no biases to edit: choose a weight.")
        filters[number] = kernels
        write(module, filters)  # type: ignore[arg-type]


def _changed(kernels: Tensor, op: str, values: Any) -> Tensor:
    """(I, kh, kw) after one operation."""
    height, width = kernels.shape[1:]
    if op == "zero":
        return torch.zeros_like(kernels)
    if op == "rotate90":
        if height != width:
            raise LensError(f"A kernel of {height}×{width} cannot be turned by 90°: flip it.")
        return kernels.rot90(1, (1, 2))
    if op == "flip":
        if values not in ("horizontal", "vertical"):
            raise LensError(f"{str(values)[:40]!r} is no way to flip: horizontal or vertical.")
        return kernels.flip(2 if values == "horizontal" else 1)
    if op == "scale":
        return kernels * _number(values, "A factor")
    if op == "bias":
        return kernels
    if op == "set":
        return _set(kernels, values)
    raise LensError(f"{op[:40]!r} is no edit: choose {', '.join(_OPERATIONS)}.")


def _set(kernels: Tensor, values: Any) -> Tensor:
    if not isinstance(values, list | tuple) or not values or len(values) > kernels.numel():
        raise LensError("Setting weights needs rows of input channel, row, column and weight.")
    painted = kernels.clone()
    for entry in values:
        if not isinstance(entry, list | tuple) or len(entry) != 4:
            raise LensError(
                f"{str(entry)[:40]!r} sets no weight: give input channel, row, column and weight."
            )
        place = tuple(entry[:3])
        inside = (
            isinstance(at, int) and not isinstance(at, bool) and 0 <= at < size
            for at, size in zip(place, kernels.shape, strict=True)
        )  # fmt: skip
        if not all(inside):
            size = "×".join(map(str, kernels.shape))
            raise LensError(f"This filter of {size} weights has none at {str(place)[:40]}.")
        painted[place] = _number(entry[3], "A weight")
    return painted


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LensError(f"{what} has to be a number, not {str(value)[:40]!r}.")
    if abs(value) > LARGEST:
        raise LensError(f"{what} of {value:g} is too large: stay within ±{LARGEST:g}.")
    return float(value)


def _distance(before: Tensor, after: Tensor) -> Tensor:
    """|after − before| / |before|; 0 where both are 0, infinite where only `before` is."""
    return torch.nan_to_num((after - before).norm() / before.norm(), nan=0.0, posinf=torch.inf)


def _bias(module: nn.Module, number: int) -> float | None:
    bias = module.bias
    return float(bias[number]) if isinstance(bias, Tensor) else None
