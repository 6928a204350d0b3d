"""The effective receptive field: where in its box a unit really looks, at one moment of the training.

The mean over images of |∂ unit / ∂ image|, with a gradient of 1 at one position of the layer: Luo,
Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural
networks", NeurIPS 2016. There it is close to a Gaussian, much smaller than the theoretical field,
and grows while the network learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.images import normalize
from viz.lenses.arrays import check_count, to_floats
from viz.lenses.context import LensContext, Subject
from viz.lenses.gaussian import fit_gaussian
from viz.lenses.layer_runs import own_pictures
from viz.lenses.registry import lens
from viz.lenses.unit_gradients import Place, count_calls, find_place, unit_gradient
from viz.results.fields import EffectiveField

MOST_IMAGES = 64
_BATCH_VALUES = 1_000_000  # of input pixels: a backward pass keeps every layer's output


@lens("effective_field")
def effective_field(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    unit: Sequence[int] | None = None,
    channel: int | None = None,
    images: int = 32,
    dataset: Mapping[str, Any] | None = None,
) -> EffectiveField:
    """Where one unit looks, over validation images (sample pictures for a network of ImageNet).

    Args:
        context: of the worker.
        model: a network at a moment.
        image: not used.
        layer: dotted name; default: the last whose units are several and see a part of the image.
        unit: (row, column); default: the middle of the map.
        channel: default: the sum of all channels.
        images: how many, at most MOST_IMAGES.
        dataset: what random weights are made for.
    """
    check_count("images", images, MOST_IMAGES)
    subject = context.subject(model, dataset)
    place = find_place(subject, layer, unit)
    batch, source = _batch(context, subject, images)
    calls = count_calls(subject, place.layer)
    return compute_effective_field(subject, place, batch, source, channel=channel, calls=calls)


def compute_effective_field(
    subject: Subject, place: Place, batch: Tensor, source: str, *, channel: int | None, calls: int
) -> EffectiveField:
    """The field of one unit over the images of `batch` (N, C, H, W), as the network takes them."""
    share = max(1, _BATCH_VALUES // batch[0].numel())
    heat = torch.zeros(batch.shape[-2:], dtype=torch.float64)
    for part in torch.split(batch, share):
        gradient = unit_gradient(subject.net, part, place.layer, place.unit, channel, calls)
        heat += gradient.double().abs().sum((0, 1)) / len(batch)  # (H, W)
    box = place.field.local_box(*place.unit)
    inside = heat[max(box[0], 0) : max(box[2], 0), max(box[1], 0) : max(box[3], 0)]
    total = float(heat.sum())
    alive = 0 < total < float("inf")
    return EffectiveField(
        layer=place.layer,
        unit=place.unit,
        channel=channel,
        heat=to_floats(heat),
        box=box,
        whole=place.field.whole,
        fit=fit_gaussian(heat.numpy(), box),
        inside=float(inside.sum()) / total if alive else float("nan"),
        area95=_area(heat, 0.95) if alive else 0,
        num_images=len(batch),
        source=source,
        step=subject.step,
    )


def _batch(context: LensContext, subject: Subject, count: int) -> tuple[Tensor, str]:
    """(N, C, H, W) images as the network takes them, and what they are."""
    pictures = own_pictures(context, subject, "val")
    there = len(pictures.images)
    index = torch.arange(min(count, there)) * there // min(count, there)
    source = "sample pictures" if pictures.labels is None else "validation images"
    return normalize(pictures.images[index], subject.info), source


def _area(heat: Tensor, share: float) -> int:
    """The fewest pixels that together hold `share` of the gradient."""
    values = np.sort(heat.numpy().ravel())[::-1]
    held = np.cumsum(values)
    return int(np.searchsorted(held, share * held[-1])) + 1
