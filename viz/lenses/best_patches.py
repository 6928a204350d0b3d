"""Which images excite the channels of a layer most, and at which unit: the search for best patches.

It answers for all channels at once, because they come out of the same forward passes; the pictures
themselves are fetched afterwards for the one channel that is looked at. An image counts once a
channel, with its strongest unit, so that one picture does not fill the whole list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from viz.lenses.arrays import check_count, to_floats, to_ints, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.geometry import layer_geometry
from viz.lenses.layer_runs import affordable, choose_map_layer, own_pictures, run_layer
from viz.lenses.registry import lens
from viz.results.maps import BestPatches

MIN_IMAGES = 100


@lens("best_patches")
def best_patches(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    split: str = "test",
    count: int = 24,
    images: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> BestPatches:
    """The `count` images of a split with the strongest unit in each channel of a layer.

    Args:
        context: of the worker.
        model: a model reference. Networks of ImageNet, whose images are not here, search the sample
            pictures.
        image: not used.
        layer: dotted name of a module that puts out maps; default: the first convolution.
        split: train, val or test.
        count: images kept a channel.
        images: how many to search, evenly spread over the split; None: as many as the network runs
            in a second or two.
        dataset: what random weights are made for.
    """
    check_count("count", count, 100)
    subject = context.subject(model, dataset)
    chosen = choose_map_layer(subject, layer, model)
    pictures = own_pictures(context, subject, split)
    there = len(pictures.images)
    most = (
        affordable(subject, MIN_IMAGES) if images is None else check_count("images", images, 10**6)
    )
    index = torch.arange(there) if most >= there else torch.arange(most) * there // most
    values: list[torch.Tensor] = []  # (n, C)
    places: list[torch.Tensor] = []
    shape = (1, 1)
    for _, maps in run_layer(subject, chosen, pictures.images[index], model):
        shape = (maps.shape[2], maps.shape[3])
        best, place = maps.flatten(2).max(dim=2)  # (n, C)
        values.append(best)
        places.append(place)
    every, where = torch.cat(values).nan_to_num(nan=-torch.inf), torch.cat(places)
    order = every.argsort(dim=0, descending=True, stable=True)[:count]  # (k, C)
    units = where.gather(0, order).T  # (C, k)
    sampled = pictures.labels is None
    return BestPatches(
        layer=chosen,
        kind=type(subject.net.get_submodule(chosen)).__name__,
        values=to_floats(every.gather(0, order).T),
        indices=to_ints(index[order].T),
        units=np.stack([to_ints(units // shape[1]), to_ints(units % shape[1])], axis=2),
        shape=shape,
        geometry=layer_geometry(subject, chosen),
        num_searched=len(index),
        num_there=there,
        split="" if sampled else split,
        dataset="" if subject.dataset is None else subject.dataset.name,
        pictures=to_pictures(pictures.images) if sampled else None,
        names=pictures.names,
        step=subject.step,
    )
