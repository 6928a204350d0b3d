"""A name of the catalogue becomes tensors: the one way into the images of every data set.

Sets of this size live in memory whole, as uint8, so that a batch is one index select. Nothing is
cached here: whoever trains holds the `Dataset`, and the kernel holds the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from data import digits, own, procedural, remote
from data.catalogue import REMOTE, DatasetInfo, get_info
from data.classes import SplitName, hold_out_size
from data.paths import DataError
from data.splits import corrupt_labels, spread, without


@dataclass(frozen=True)
class Split:
    """Images and their classes, in a fixed order."""

    images: Tensor  # uint8 (N, C, H, W)
    labels: Tensor  # int64 (N,)

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, indices: Tensor) -> Split:
        """The images at `indices`, in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. `info` counts what is really here, after `train_limit` and skipping."""

    info: DatasetInfo
    train: Split
    val: Split
    test: Split
    # Where the object is, bool (N, 1, H, W) per split; only for sets that know (shapes).
    masks: Mapping[SplitName, Tensor] | None = None


def load_dataset(
    name: str,
    *,
    image_size: int | None = None,
    shortcut: float = 0.0,
    label_noise: float = 0.0,
    train_limit: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set into memory; one of torchvision's is downloaded when it is not on disk.

    Args:
        name: of the catalogue: `digits`, `mnist`, `folder:<name>`, `zip:<digest>`, …
        image_size: pixels a side, for sets that come in several sizes.
        shortcut: `shapes` only: how often the colour of a corner patch tells the label in the
            training and validation images; in the test images it tells nothing. 0: no patch.
        label_noise: share of the training labels replaced by a wrong one.
        train_limit: keep only this many training images, every class with its share.
        seed: which images `train_limit` keeps and which labels are spoiled. Pictures and hold-outs
            never depend on it.

    Raises:
        DataError: unknown name or size, no network and not on disk, damaged or unusable files, or
            an option that the set does not have.
    """
    info = get_info(name, image_size)
    if shortcut and name != "shapes":
        raise DataError(
            f"Only shapes can have a shortcut planted: set shortcut to 0 for {info.title}."
        )
    data = _loader(name)(info, shortcut)
    generator = torch.Generator().manual_seed(seed)
    if train_limit is not None and train_limit < len(data.train):
        kept = spread(data.train.labels, train_limit, generator)
        masks = data.masks and {**data.masks, "train": data.masks["train"][kept]}
        data = replace(data, train=data.train.at(kept), masks=masks)
    if label_noise:
        labels = corrupt_labels(data.train.labels, label_noise, len(info.classes), generator)
        data = replace(data, train=Split(data.train.images, labels))
    counted = replace(
        data.info, num_train=len(data.train), num_val=len(data.val), num_test=len(data.test)
    )
    return replace(data, info=counted)


def _loader(name: str) -> Callable[[DatasetInfo, float], Dataset]:
    if name in REMOTE:
        return _load_remote
    return {"digits": _load_digits, "shapes": _load_shapes}.get(name, _load_own)


def _load_digits(info: DatasetInfo, _: float) -> Dataset:
    everything = Split(*digits.load_digits())
    rest, test = _hold_out(everything, digits.NUM_TEST)
    train, val = _hold_out(rest, digits.NUM_VAL)
    return Dataset(info, train, val, test)


def _load_shapes(info: DatasetInfo, shortcut: float) -> Dataset:
    size = info.shape[1]
    parts = {
        "train": procedural.draw_shapes(info.num_train, size, seed=0, shortcut=shortcut or None),
        "val": procedural.draw_shapes(info.num_val, size, seed=1, shortcut=shortcut or None),
        # The colour is drawn without looking at the label: what relied on it fails here.
        "test": procedural.draw_shapes(
            info.num_test, size, seed=2, shortcut=0.0 if shortcut else None
        ),
    }
    train, val, test = (Split(part.images, part.labels) for part in parts.values())
    masks: dict[SplitName, Tensor] = {
        "train": parts["train"].masks,
        "val": parts["val"].masks,
        "test": parts["test"].masks,
    }
    return Dataset(info, train, val, test, masks)


def _load_remote(info: DatasetInfo, _: float) -> Dataset:
    train, test = (Split(*part) for part in remote.load_remote(info.name))
    train, val = _hold_out(train, hold_out_size(len(train), len(info.classes)))
    return Dataset(info, train, val, test)


def _load_own(info: DatasetInfo, _: float) -> Dataset:
    found = own.load_own(info)
    splits = {split: Split(*part) for split, part in found.parts.items()}
    train, val, test = splits["train"], splits["val"], splits["test"]
    held_out = hold_out_size(len(train), len(info.classes))
    if not len(test):
        train, test = _hold_out(train, held_out)
    if not len(val):
        train, val = _hold_out(train, held_out)
    return Dataset(replace(info, note=found.note), train, val, test)


def _hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """(what is left, `count` images of it set aside), every class with its share in both."""
    taken = spread(split.labels, count)
    return split.at(without(len(split), taken)), split.at(taken)
