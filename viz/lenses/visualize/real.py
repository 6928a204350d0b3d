"""What the network's own pictures make of a goal: the measure that a made picture is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from data.images import normalize
from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.batching import in_batches
from viz.lenses.context import LensContext, Subject
from viz.lenses.geometry import layer_geometry
from viz.lenses.held_out import leaf_macs
from viz.lenses.layer_runs import own_pictures
from viz.lenses.registry import LensError
from viz.lenses.visualize.goals import Goal
from viz.lenses.visualize.probe import layer_outputs
from viz.results import Ints
from viz.results.visualize import RealPictures

MACS = 5_000_000_000  # less than a second of one core
MOST, FEWEST = 2000, 100  # images of both splits together
SHOWN = 8
_BATCH_VALUES = 1_000_000  # of input pixels


@dataclass(frozen=True)
class Measured:
    """Values of real pictures, and the goal counted in what they vary by."""

    goal: Goal
    real: RealPictures | None
    scale: Tensor  # (N,) a deviation of each picture's goal, 1 where none is known


def measure(
    context: LensContext, subject: Subject, goal: Goal, calls: Mapping[str, int]
) -> Measured:
    """The goal over training and test pictures, evenly spread; sample pictures for ImageNet.

    A goal of several parts is counted in deviations of each, or a layer with large numbers would
    outshout the others.
    """
    found = _pictures(context, subject)
    if found is None:
        return Measured(goal, None, torch.ones(goal.count))
    images, names, labels, words = found
    parts = _tables(subject.net, subject, images, goal, calls)  # P of (M, N)
    if len(parts) > 1:
        scales = tuple(_deviation(part.std(0, correction=0).mean()) for part in parts)
        goal = goal.counted_in(scales)
    table = goal.mix(parts)  # (M, N)
    table = table.nan_to_num(nan=-torch.inf)
    row = len(parts) > 1 and len(set(goal.words)) > 1  # mixes: the best of each
    order = table.argmax(0) if row else table[:, 0].argsort(descending=True, stable=True)[:SHOWN]
    which = torch.arange(goal.count) if row else torch.zeros(len(order), dtype=torch.int64)
    deviation = table.std(0, correction=0)
    real = RealPictures(
        best=to_floats(table.amax(0)),
        deviation=to_floats(deviation),
        pictures=to_pictures(images[order]),
        values=to_floats(table[order, which]),
        names=tuple(names[index] for index in order.tolist()),
        labels=tuple(labels[index] for index in order.tolist()),
        words=words,
        few=bool(names) and names[0].startswith("sample:"),
        units=_strongest(subject, images[order], goal, calls),
        geometry=layer_geometry(subject, goal.parts[0].layer) if len(goal.parts) == 1 else None,
        cut=len(goal.parts) == 1 and goal.parts[0].anywhere is not None,
    )
    usable = torch.isfinite(deviation) & (deviation > 0)
    return Measured(goal, real, torch.where(usable, deviation, 1.0))


@torch.no_grad()
def _strongest(
    subject: Subject, images: Tensor, goal: Goal, calls: Mapping[str, int]
) -> Ints | None:
    """(k, 2) the row and column at which each image is strongest; None where a goal has no map."""
    maps_of = goal.parts[0].maps if len(goal.parts) == 1 else None
    if maps_of is None:
        return None
    found = []
    for image in images:
        outputs = layer_outputs(subject.net, normalize(image[None], subject.info), calls)
        maps = maps_of(outputs[goal.parts[0].layer])[0].nan_to_num(nan=-torch.inf)
        found.append(divmod(int(maps.argmax()), maps.shape[1]))
    return np.array(found, np.int64)


def _deviation(value: Tensor) -> float:
    found = float(value)
    return found if 0 < found < float("inf") else 1.0


def _pictures(
    context: LensContext, subject: Subject
) -> tuple[Tensor, list[str], list[str], str] | None:
    """uint8 (M, C, H, W), what each is called and shows, and how to speak of them all."""
    macs = max(sum(leaf_macs(subject).values()), 1)
    most = min(MOST, max(FEWEST, MACS // macs))
    parts: list[Tensor] = []
    names: list[str] = []
    labels: list[str] = []
    words: list[str] = []
    for split, title in (("train", "training"), ("test", "test")):
        try:
            pictures = own_pictures(context, subject, split)
        except LensError:
            continue
        if pictures.labels is None:
            titles = list(pictures.names)
            words = [f"the {len(titles)} sample pictures"]
            return pictures.images, [f"sample:{name}" for name in titles], titles, words[0]
        there = len(pictures.images)
        count = min(there, most // 2)
        index = torch.arange(count) * there // count
        parts.append(pictures.images[index])
        name = "" if subject.dataset is None else subject.dataset.name
        names += [f"{name}/{split}/{place}" for place in index.tolist()]
        labels += [subject.info.classes[label] for label in pictures.labels[index].tolist()]
        words.append(f"{count:,} {title}")
    return (torch.cat(parts), names, labels, f"{' and '.join(words)} images") if parts else None


@torch.no_grad()
def _tables(
    net: nn.Module, subject: Subject, images: Tensor, goal: Goal, calls: Mapping[str, int]
) -> list[Tensor]:
    size = max(1, min(200, _BATCH_VALUES // images[0].numel()))

    def look(part: Tensor) -> list[Tensor]:
        return goal.over_images(layer_outputs(net, normalize(part, subject.info), calls))

    found = [tables for _, tables in in_batches(look, images, size)]
    return [torch.cat(column) for column in zip(*found, strict=True)]
