"""One layer's maps for many images, a batch at a time: what statistics over a data set are made of.

How many images that may be depends on the network: a small one looks at all of them in a second or
two, a large one at as many as fit into about that time. The number is a matter of arithmetic, not of
a clock, so that the same question has the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from data.images import decode_image, fit_image, normalize
from data.samples import SAMPLES, read_sample
from viz.lenses.context import LensContext, Subject
from viz.lenses.feature_maps import first_layer, no_such_layer
from viz.lenses.held_out import leaf_macs
from viz.lenses.recorder import map_layers, record
from viz.lenses.registry import LensError

MACS_AT_ONCE = 20_000_000_000  # a second or two of one core
BATCH_VALUES = 8_000_000  # of the layer's output, so that a batch fits the memory beside others
MAX_BATCH = 250


@dataclass(frozen=True)
class Pictures:
    """The images to run: of the network's own data, or sample pictures where that is not here."""

    images: Tensor  # uint8 (N, C, H, W)
    labels: Tensor | None  # int64 (N,); None: nobody says
    names: tuple[str, ...]  # of sample pictures; empty for a data set


def own_pictures(context: LensContext, subject: Subject, split: str) -> Pictures:
    """A split of the subject's data set; sample pictures for a network of ImageNet.

    Raises:
        ValueError: one sentence: the data set is not here, or the split is empty.
    """
    if subject.dataset is None:
        fitted = [
            fit_image(decode_image(read_sample(sample.name)), subject.info).picture
            for sample in SAMPLES
        ]
        return Pictures(torch.stack(fitted), None, tuple(sample.name for sample in SAMPLES))
    found = context.images(subject, split)
    if not len(found):
        raise LensError(f"The {split} split of {subject.info.title} is empty: choose another one.")
    return Pictures(found.images, found.labels, ())


def affordable(subject: Subject, at_least: int) -> int:
    """How many images are run without being asked to run more."""
    return max(at_least, MACS_AT_ONCE // max(sum(leaf_macs(subject).values()), 1))


def choose_map_layer(subject: Subject, layer: str | None, model: str | None) -> str:
    """`layer`, or the first convolution.

    Raises:
        LensError: there is no module of that name that runs and puts out maps.
    """
    chosen = layer or first_layer(subject)
    if chosen not in dict(subject.net.named_modules()) or not chosen:
        empty = torch.zeros(1, *subject.info.shape)  # (1, C, H, W)
        raise no_such_layer(chosen, map_layers(subject.net, empty), model)
    return chosen


def run_layer(
    subject: Subject, layer: str, images: Tensor, model: str | None
) -> Iterator[tuple[int, Tensor]]:
    """The layer's maps (n, C, h, w) for stored images uint8 (N, C, H, W), with each batch's place.

    Raises:
        LensError: the module does not run, or puts out no maps.
    """
    size = 1
    at = 0
    while at < len(images):
        batch = images[at : at + size]
        with record(subject.net, [layer]) as outputs, torch.inference_mode():
            subject.net(normalize(batch, subject.info))
        if not outputs[layer] or outputs[layer][-1].ndim != 4:
            raise no_such_layer(
                layer, map_layers(subject.net, normalize(batch, subject.info)), model
            )
        maps = outputs[layer][-1]
        yield at, maps
        at += len(batch)
        values = max(maps[0].numel(), images[0].numel())
        size = max(1, min(MAX_BATCH, BATCH_VALUES // values))
