"""Pictures of a data set: samples, also as augmentation changes them, or any by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from data.augment import build_augmentation
from data.catalogue import DatasetInfo
from data.load import Split
from training.spec import AugmentSpec, sentence
from viz.lenses.arrays import check_count, to_ints, to_pictures
from viz.lenses.context import LensContext, choose_split, dataset_spec
from viz.lenses.registry import LensError, lens
from viz.results import ContactSheet, ImageSet

MAX_IMAGES = 400


@lens("contact_sheet")
def contact_sheet(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
    split: str = "train",
    count: int = 30,
    augment: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> ContactSheet:
    """Samples of a split.

    Args:
        context: of the worker.
        model: not used.
        image: not used.
        dataset: fields of a DatasetSpec.
        split: train, val or test.
        count: the first so many images.
        augment: fields of an AugmentSpec; the same images changed by it come along.
        seed: of the run that is prepared: which labels noise spoils, and the augmentation's draws.
    """
    spec = dataset_spec(dataset or {})
    data = context.data(spec, seed)
    chosen = choose_split(data, split)
    index = torch.arange(min(check_count("count", count, MAX_IMAGES), len(chosen)))
    part = chosen.at(index)
    changed = None
    if augment is not None:
        changed = _augmented(part, _augment_spec(augment), data.info, seed)
    return ContactSheet(
        images=to_pictures(part.images),
        labels=to_ints(part.labels),
        indices=to_ints(index),
        classes=data.info.classes,
        split=split,
        augmented=None if changed is None else to_pictures(changed),
    )


@lens("images")
def images(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
    split: str = "val",
    indices: Sequence[int] = (),
) -> ImageSet:
    """The images at `indices` of a split: of `dataset`, else of the data set `model` belongs to."""
    if dataset is None and model is not None:
        subject = context.subject(model)
        chosen, classes = context.images(subject, split), subject.info.classes
    else:
        data = context.data(dataset_spec(dataset or {}))
        chosen, classes = choose_split(data, split), data.info.classes
    if len(indices) > MAX_IMAGES:
        raise LensError(f"{len(indices)} images at once are too many: ask for up to {MAX_IMAGES}.")
    for index in indices:
        if not isinstance(index, int) or not 0 <= index < len(chosen):
            raise LensError(
                f"Image {index!r} is not there: {split} has {len(chosen)}, counted from 0."
            )
    part = chosen.at(torch.tensor(list(indices), dtype=torch.int64))
    return ImageSet(
        images=to_pictures(part.images),
        labels=to_ints(part.labels),
        indices=to_ints(torch.tensor(list(indices), dtype=torch.int64)),
        classes=classes,
    )


def _augment_spec(values: Mapping[str, Any]) -> AugmentSpec:
    try:
        return AugmentSpec.model_validate(dict(values))
    except ValidationError as error:
        raise LensError(sentence(error)) from None


def _augmented(part: Split, spec: AugmentSpec, info: DatasetInfo, seed: int) -> Tensor:
    """uint8 (N, C, H, W): each image changed by draws of its own."""
    augmentation = build_augmentation(
        **spec.model_dump(), mean=info.mean, num_classes=len(info.classes)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        images, _ = augmentation(part.images.to(torch.float32).div(255), part.labels)
    changed: Tensor = images.clamp(0, 1).mul(255).round().to(torch.uint8)
    return changed
