"""One number of a network, taken apart: the numbers it is made of, and whether they add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.geometry import network_fields
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.lenses.steps import Step, Steps, steps_of
from viz.lenses.unit_terms import explain, needed
from viz.results.units import (
    Index,
    Source,
    StepInfo,
    StepList,
    UnitView,
)

_MOST_ROWS = 4096


@lens("steps")
def steps(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> StepList:
    """Every step of a network in the order they run, functions between the layers included."""
    subject = context.subject(model, dataset)
    batch = torch.zeros(1, *subject.info.shape)
    return StepList(
        tuple(
            StepInfo(step.name, step.kind, step.shape, step.inputs)
            for step in steps_of(subject.net, batch).all
        )
    )


@lens("unit")
def unit(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    unit: Sequence[int] | None = None,
    rows: int = 8,
    dataset: Mapping[str, Any] | None = None,
) -> UnitView:
    """How one number of a layer comes to be.

    Args:
        layer: a step's name, or a block's for its last step; None: the last step, the softmax.
        unit: (channel, y, x) or (feature,); None: the one of the largest absolute value.
        rows: input channels, or inputs of a linear layer, told one by one; the rest is summed.
    """
    check_count("rows", rows, _MOST_ROWS)
    subject = context.subject(model, dataset)
    fitted, _ = fit(context, image, subject)
    found = steps_of(subject.net, fitted.batch)
    step = found.all[-1] if layer is None else found.find(layer)
    values = found.run(subject.net, fitted.batch, needed(found, step))
    output = values[step.node][0]
    at = _strongest(output) if unit is None else _check(unit, step)
    explained = explain(found, step, values, subject.net, at, rows, subject.info.classes)
    box, box_note = _box(subject, found, step, at)
    return UnitView(
        layer=step.name,
        kind=step.kind,
        unit=at,
        shape=step.shape,
        values=to_floats(output[at[0]] if output.ndim == 3 else output.reshape(-1)),
        sources=tuple(
            Source(name, tuple(values[found.node(name)].shape[1:])) for name in step.inputs
        ),
        explanation=explained.explanation,
        value=float(output[at]),
        total=explained.total,
        scale=explained.scale,
        image=to_pictures(fitted.picture),
        box=box,
        box_note=box_note,
        note=fitted.note,
        step=subject.step,
    )


def _strongest(output: Tensor) -> Index:
    flat = int(torch.nan_to_num(output.abs(), nan=0.0).argmax())
    return tuple(int(i) for i in np.unravel_index(flat, tuple(output.shape)))


def _check(unit: Sequence[int], step: Step) -> Index:
    """The unit as an index of the step's output.

    Raises:
        LensError: it is none.
    """
    whole = all(isinstance(i, int) and not isinstance(i, bool) for i in unit)
    if (
        not whole
        or len(unit) != len(step.shape)
        or not all(0 <= i < side for i, side in zip(unit, step.shape, strict=True))
    ):
        raise LensError(
            f"Unit {str(list(unit))[:60]} is not in {step.name} of "
            f"{'×'.join(map(str, step.shape))}: count from 0 in each direction."
        )
    return tuple(unit)


def _box(
    subject: Subject, found: Steps, step: Step, at: Index
) -> tuple[tuple[int, int, int, int] | None, str]:
    """What the unit can see of the image: of a function, what the layers it takes see together."""
    fields = network_fields(subject)
    height, width = subject.info.shape[1:]
    whole = (0, 0, height, width)
    boxes: list[tuple[int, int, int, int]] = []
    notes: list[str] = []
    todo, place = [step], at[1:] if len(at) == 3 else (0, 0)
    while todo:
        one = todo.pop()
        field = fields.get(one.name.partition("#")[0])
        if field is not None and (one.node.op == "call_module"):
            boxes.append(field.box(*place))
            notes.append(field.misaligned)
        elif len(one.shape) != 3 or math.prod(one.shape[1:]) == 1:
            boxes.append(whole)
        else:
            for name in one.inputs:
                source = found.find(name) if name else None
                if source is None:
                    boxes.append((place[0], place[1], place[0] + 1, place[1] + 1))
                elif source.shape[1:] == one.shape[1:]:
                    todo.append(source)
                elif math.prod(source.shape[1:]) != 1:  # a gate sees everything, but is no place
                    return None, ""
                else:
                    boxes.append(whole)
    if not boxes:
        return None, ""
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    note = next((each for each in notes if each), "")
    return (min(tops), min(lefts), max(bottoms), max(rights)), note
