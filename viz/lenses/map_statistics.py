"""What the channels of a layer answer to over many images: how strongly, to which class, or never.

One image cannot tell a channel that is quiet here from one that is dead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from viz.lenses.arrays import check_count
from viz.lenses.context import LensContext
from viz.lenses.layer_runs import (
    Pictures,
    affordable,
    choose_map_layer,
    own_pictures,
    run_layer,
)
from viz.lenses.registry import lens
from viz.results.maps import ChannelStatistics

MIN_IMAGES = 40


@lens("map_statistics")
def map_statistics(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    per_class: int = 20,
    dataset: Mapping[str, Any] | None = None,
) -> ChannelStatistics:
    """Means per class, range and mean of every channel of a layer.

    Args:
        context: of the worker.
        model: a model reference.
        image: not used.
        layer: dotted name of a module that puts out maps; default: the first convolution.
        per_class: validation images of each class at most; fewer for a network that takes long or
            a class that has not so many. Networks of ImageNet, whose images are not here, look at
            the sample pictures, which have no classes.
        dataset: what random weights are made for.
    """
    check_count("per_class", per_class, 1000)
    subject = context.subject(model, dataset)
    chosen = choose_map_layer(subject, layer, model)
    pictures = own_pictures(context, subject, "val")
    num_classes = len(subject.info.classes) if pictures.labels is not None else 0
    index = _slice(pictures, num_classes, per_class, affordable(subject, MIN_IMAGES))
    images = pictures.images[index]
    sums: list[Tensor] = []  # (n, C) sums over positions
    positive: list[Tensor] = []
    lows: list[Tensor] = []
    highs: list[Tensor] = []
    for _, maps in run_layer(subject, chosen, images, model):
        flat = maps.to(torch.float64).flatten(2)  # (n, C, h*w)
        sums.append(flat.mean(dim=2))
        positive.append(flat.clamp(min=0).mean(dim=2))
        lows.append(flat.amin(dim=(0, 2)))
        highs.append(flat.amax(dim=(0, 2)))
    return ChannelStatistics(
        layer=chosen,
        kind=type(subject.net.get_submodule(chosen)).__name__,
        class_means=_by_class(torch.cat(positive), pictures.labels, index, num_classes).numpy(),
        means=torch.cat(sums).mean(dim=0).numpy(),
        lows=torch.stack(lows).amin(dim=0).numpy(),
        highs=torch.stack(highs).amax(dim=0).numpy(),
        num_images=len(images),
        num_there=len(pictures.images),
        source="sample pictures" if pictures.labels is None else "validation images",
        classes=subject.info.classes if num_classes else (),
        step=subject.step,
    )


def _slice(pictures: Pictures, num_classes: int, per_class: int, most: int) -> Tensor:
    """Indices of up to `per_class` images of every class, spread over the split, about `most` in
    all; every sample picture."""
    if pictures.labels is None:
        return torch.arange(len(pictures.images))
    per_class = max(1, min(per_class, most // num_classes))
    parts = []
    for label in range(num_classes):
        (members,) = torch.nonzero(pictures.labels == label, as_tuple=True)
        count = min(per_class, len(members))
        places = (torch.arange(count, dtype=torch.float64) + 0.5) * len(members) / max(count, 1)
        parts.append(members[places.long()])
    return torch.cat(parts)


def _by_class(values: Tensor, labels: Tensor | None, index: Tensor, num_classes: int) -> Tensor:
    """(C, K) mean over the images of each class of values (n, C); NaN where it has none."""
    if labels is None:
        return torch.zeros(values.shape[1], 0, dtype=torch.float64)
    found = labels[index]
    sums = torch.zeros(num_classes, values.shape[1], dtype=torch.float64)
    sums.index_add_(0, found, values)
    counts = torch.bincount(found, minlength=num_classes)
    return (sums / counts[:, None]).T.contiguous()
