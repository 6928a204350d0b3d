"""What edits do to the accuracy: many images, so it comes after the maps, from a worker of its own.

One edit follows the other, so what the network says as it is, and what arrives at the part that
changes, is kept for as long as the network has the same weights.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from viz.lenses.arrays import to_ints
from viz.lenses.chains import cut
from viz.lenses.context import LensContext, Subject
from viz.lenses.edit_filter import apply_edits
from viz.lenses.held_out import HeldOut, batches, count_by_class, held_out
from viz.lenses.registry import lens
from viz.results.filters import EditAccuracy, PairedCounts

_MACS = 1.5e10  # for all held-out images: about a second of two cores
_KEPT_VALUES = 4_000_000  # of what arrives there; more is computed anew each time


@dataclass(frozen=True)
class _Before:
    """A network as it is, on its held-out images."""

    version: tuple[str, str]  # of its weights, and which images
    right: Tensor  # bool (N,)
    link: str  # where the chain was cut; "" where it was not
    arriving: tuple[Tensor, ...]  # there, a batch each; empty where that is too much to be kept


_BEFORE: WeakKeyDictionary[nn.Module, _Before] = WeakKeyDictionary()


@lens("edit_accuracy")
def edit_accuracy(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    edits: Sequence[Mapping[str, Any]] = (),
    dataset: Mapping[str, Any] | None = None,
) -> EditAccuracy:
    """Accuracy on held-out images before and after `edits`, image by image and class by class.

    Args:
        context: of the worker.
        model: a model reference.
        image: not used.
        edits: as for the lens "edited".
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    net = copy.deepcopy(subject.net)
    apply_edits(net, subject, edits)
    classes, k = subject.info.classes, len(subject.info.classes)
    try:
        found = held_out(context, subject, _MACS)
    except ValueError as error:
        none = to_ints(torch.zeros(0))
        why = f"The accuracy cannot be measured. {error}"
        return EditAccuracy(None, none, none, none, classes, why, subject.step)
    before, after = _answers(subject, net, edits, found)
    labels = found.part.labels
    return EditAccuracy(
        counts=PairedCounts(
            num_images=len(labels),
            right_before=int(before.sum()),
            broken=int((before & ~after).sum()),
            fixed=int((~before & after).sum()),
        ),
        totals=to_ints(torch.bincount(labels, minlength=k)),
        right_before=to_ints(count_by_class(labels, before, k)),
        right_after=to_ints(count_by_class(labels, after, k)),
        classes=classes,
        counted=f"Measured on {found.words}.",
        step=subject.step,
    )


@torch.inference_mode()
def _answers(
    subject: Subject, net: nn.Module, edits: Sequence[Mapping[str, Any]], found: HeldOut
) -> tuple[Tensor, Tensor]:
    """Bool (N,) each: which images the subject's network has right, and which the edited `net`."""
    data = batches(found.part, subject)
    before = _before(subject, _first_link(net, edits), data, found.words)
    if not edits:
        return before.right, before.right
    head, tail = _cut(net, before.link)
    after = []
    for at, (images, labels) in enumerate(data):
        # A copy of what is kept: a module may work in place.
        given = before.arriving[at].clone() if before.arriving else head(images)
        after.append(tail(given).argmax(1) == labels)
    return before.right, torch.cat(after)


def _before(
    subject: Subject, link: str, data: Sequence[tuple[Tensor, Tensor]], words: str
) -> _Before:
    """The network as it is, from what is kept as far as possible."""
    version = _digest(subject.net), f"{subject.dataset} {subject.seed} {words}"
    known = _BEFORE.get(subject.net)
    if known is not None and known.version != version:
        known = None
    if known is not None and known.link == link:
        return known
    head, tail = _cut(subject.net, link)
    arriving: list[Tensor] = []
    right: list[Tensor] = []
    for images, labels in data:
        given = head(images)
        if given.numel() * len(data) <= _KEPT_VALUES:
            arriving.append(given.clone())
        if known is None:
            right.append(tail(given).argmax(1) == labels)
    _BEFORE[subject.net] = _Before(
        version=version,
        right=torch.cat(right) if known is None else known.right,
        link=link,
        arriving=tuple(arriving) if len(arriving) == len(data) else (),
    )
    return _BEFORE[subject.net]


def _cut(net: nn.Module, link: str) -> tuple[nn.Module, nn.Module]:
    head, tail = cut(net, link) if link else (None, net)
    return head or nn.Identity(), tail


def _first_link(net: nn.Module, edits: Sequence[Mapping[str, Any]]) -> str:
    """The first link of a chain that an edit changes; "" where it is no chain or nothing changes."""
    if type(net) is not nn.Sequential:
        return ""
    changed = {str(edit["layer"]).partition(".")[0] for edit in edits}
    return next((name for name, _ in net.named_children() if name in changed), "")


def _digest(net: nn.Module) -> str:
    """The same for the same weights."""
    found = hashlib.blake2b(digest_size=16)
    for tensor in net.state_dict().values():
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()
