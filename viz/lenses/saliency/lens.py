"""The lens behind the saliency page: one method, one image, one aim; better and better maps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from viz.attribution.table import find_method
from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.registry import lens
from viz.lenses.saliency.layers import cam_layer, check_unit
from viz.lenses.saliency.methods import Map, run
from viz.lenses.saliency.notes import explain_empty
from viz.lenses.saliency.problem import Aim, make_problem, read_target
from viz.lenses.saliency.references import references
from viz.results.attribution import Attribution


@lens("attribution")
def attribution(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    method: str = "saliency",
    target: Mapping[str, Any] | None = None,
    layer: str | None = None,
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Attribution]:
    """What in the image spoke for the target.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: an image reference.
        method: name in the table of methods.
        target: see `read_target`; default: the most probable class.
        layer: that a class activation map is made of; default: see `support`.
        settings: of the method; what is left out has its default.
        dataset: what random weights are made for.
    """
    begin = time.perf_counter()
    found = find_method(method)
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    with torch.inference_mode():
        probs = torch.softmax(subject.net(fitted.batch), dim=1)[0]
    aim, chosen = read_target(target, probs, subject.info.classes)
    problem = make_problem(
        subject, fitted.batch, torch.tensor([chosen]), aim=aim, layer=layer, settings=settings,
        references=references(context, subject) if found.compares else None,
    )  # fmt: skip
    check_unit(subject, problem)
    if found.layered or layer is not None:
        problem = replace(problem, layer=cam_layer(problem))
    score = float(problem.scores()[0])
    names = subject.info.classes
    for each in run(method, problem):
        empty = explain_empty(problem, found, each.values) if each.share == 1 else ""
        base = None if each.baseline_scores is None else float(each.baseline_scores[0])
        yield Attribution(
            method=method,
            aim=describe_aim(aim, chosen, names),
            values=to_floats(each.values[0]),
            layer=problem.layer if found.layered else None,
            image=to_pictures(fitted.picture),
            label=label,
            probs=to_floats(probs),
            classes=names,
            positive=chosen[0] if aim.layer is None else None,
            against=chosen[1] if len(chosen) > 1 else None,
            score=score,
            baseline_score=base,
            gap=_gap(each, score, base),
            forward_passes=each.forward_passes,
            backward_passes=each.backward_passes,
            seconds=time.perf_counter() - begin,
            share=each.share,
            note=" ".join(part for part in (fitted.note, empty) if part),
            step=subject.step,
        )


def describe_aim(aim: Aim, chosen: list[int], names: tuple[str, ...]) -> str:
    """What is explained, in words."""
    if aim.layer is not None:
        where = "" if aim.unit is None else f" at row {aim.unit[0]}, column {aim.unit[1]}"
        return f"channel {aim.channel} of {aim.layer}{where}"
    against = f" rather than {names[chosen[1]]}" if len(chosen) > 1 else ""
    return f"{names[chosen[0]]}{against}"


def _gap(found: Map, score: float, base: float | None) -> float | None:
    return None if base is None else float(found.values[0].sum()) - (score - base)
