"""Lesions: silence one part of a network at a time and count what it no longer knows.

A filter is silenced by setting its channel to 0 where it is complete: after the norm that follows
the convolution, so that the norm does not put its own shift in place of what was taken away. What
comes before the part is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.modules import RBF, LocallyConnected2d
from viz.lenses.arrays import to_ints
from viz.lenses.chains import cut
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import (
    Convolution,
    check_filter,
    choose_convolution,
    dense,
    normalised_place,
)
from viz.lenses.held_out import FEWEST, batches, count_by_class, held_out, leaf_macs
from viz.lenses.recorder import replace_outputs
from viz.lenses.registry import LensError, lens
from viz.results.filters import Lesion

MAX_FILTERS = 256
_MACS = 6e11  # for all parts and images: half a minute of two cores


@dataclass(frozen=True)
class _Part:
    """What is silenced: one channel, or all, of what a module puts out."""

    name: str
    place: str
    channel: int | None


@lens("lesion")
def lesion(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    first_filter: int = 0,
    whole_layers: bool = False,
    dataset: Mapping[str, Any] | None = None,
) -> Lesion:
    """Right answers per class with each filter of `layer` silenced, one at a time.

    Args:
        context: of the worker.
        model: a model reference.
        image: not used.
        layer: dotted name of a convolution; default: the first.
        first_filter: the first filter to silence; as many follow as there is time for.
        whole_layers: silence each layer with weights instead, but the last, which gives the answer.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    context.images(subject, "val")  # says at once where there are none
    if whole_layers:
        parts = _layers(subject)
        there = len(parts)
        done = (
            "Every number that the layer passes on is set to 0, after the norm that follows it; what "
            "takes a way around it, as in a residual block, still arrives."
        )
    else:
        chosen = choose_convolution(subject, layer)
        check_filter(chosen, first_filter)
        layer, there = chosen.layer, len(dense(chosen.module))
        place = normalised_place(subject, layer)
        parts = [_Part(str(i), place, i) for i in range(first_filter, there)]
        after = f"after the norm {place}" if place != layer else f"at the output of {layer}"
        done = f"A filter is silenced by setting its map to 0 {after}."
    macs = _macs_after(subject, {part.place for part in parts})
    per_image = sum(macs[part.place] for part in parts) / len(parts)
    parts = parts[: max(1, min(MAX_FILTERS, int(_MACS / (FEWEST * max(per_image, 1)))))]
    found = held_out(context, subject, _MACS, per_image * len(parts))
    right, broken, fixed, right_whole = _silence(subject, parts, batches(found.part, subject))
    totals = torch.bincount(found.part.labels, minlength=len(subject.info.classes))
    return Lesion(
        layer=None if whole_layers else layer,
        parts=tuple(part.name for part in parts),
        places=tuple(part.place for part in parts),
        right=to_ints(right),
        right_whole=to_ints(right_whole),
        totals=to_ints(totals),
        broken=to_ints(broken),
        fixed=to_ints(fixed),
        classes=subject.info.classes,
        num_parts=there,
        note=f"{done} Measured on {found.words}; the network is not trained again.",
        step=subject.step,
    )


def _silence(
    subject: Subject, parts: list[_Part], data: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Right by class (M, K), broken (M,), fixed (M,), right by class of the whole network (K,)."""
    k = len(subject.info.classes)
    right = torch.zeros(len(parts), k, dtype=torch.int64)
    whole = torch.zeros(k, dtype=torch.int64)
    broken, fixed = torch.zeros(2, len(parts), dtype=torch.int64)
    by_place: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        by_place.setdefault(part.place, []).append(index)
    with torch.inference_mode():
        for images, labels in data:
            before = subject.net(images).argmax(1) == labels
            whole += count_by_class(labels, before, k)
            for place, indices in by_place.items():
                answer = _without(subject.net, place, images)
                for index in indices:
                    after = answer(parts[index].channel).argmax(1) == labels
                    right[index] += count_by_class(labels, after, k)
                    broken[index] += (before & ~after).sum()
                    fixed[index] += (~before & after).sum()
    return right, broken, fixed, whole


def _without(net: nn.Module, place: str, images: Tensor) -> Callable[[int | None], Tensor]:
    """A function from a channel of `place` (None: all) to the logits without it.

    In a chain of modules, what comes before the place is computed once, here.
    """
    head, tail = cut(net, place, behind=True)
    arriving = images if head is None else head(images)
    passed = head is not None and place in dict(head.named_children())

    def answer(channel: int | None) -> Tensor:
        def silence(output: Tensor) -> Tensor:
            if channel is None:
                return output.zero_()
            output[:, channel] = 0
            return output

        given = arriving.clone()  # a copy: a module may work in place
        changes = {} if passed else {place: silence}
        with replace_outputs(tail, changes):
            logits: Tensor = tail(silence(given) if passed else given)
        return logits

    return answer


def _macs_after(subject: Subject, places: set[str]) -> dict[str, int]:
    """Multiplications for one image in what has to be computed anew for each place."""
    macs = leaf_macs(subject)
    return {
        place: sum(
            macs.get(name, 0)
            for name, _ in cut(subject.net, place, behind=True)[1].named_modules()
        )
        for place in places
    }  # fmt: skip


def _layers(subject: Subject) -> list[_Part]:
    """Every layer with weights but the last."""
    kinds = Convolution | LocallyConnected2d | nn.Linear | RBF
    found = [(name, each) for name, each in subject.net.named_modules() if isinstance(each, kinds)]
    if len(found) < 2:
        raise LensError(
            f"{subject.title} has no layer that it could do without: choose a deeper network."
        )
    return [_Part(name, normalised_place(subject, name), None) for name, _ in found[:-1]]
