"""Turns a step number into the batch of that step.

The images stay on the device as bytes; a batch is an index select by the epoch's permutation, which
is a pure function of (seed, epoch). What is drawn at random within a step (augmentation, dropout)
comes from generators seeded with (seed, step). So the position of a training is its step number.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from data.augment import build_augmentation
from data.load import Dataset, Split
from data.pixels import Normalizer
from training.spec import TrainSpec


class OnDevice:
    """A split held on the device, bytes in channels-last order so that a selected batch is too."""

    def __init__(self, split: Split, device: torch.device) -> None:
        self._images = split.images.permute(0, 2, 3, 1).contiguous().to(device)  # (N, H, W, C)
        self.labels = split.labels.to(device)  # (N,)

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (n, C, H, W) and labels (n,) at `index` (n,)."""
        images = self._images.index_select(0, index).permute(0, 3, 1, 2)
        return images, self.labels.index_select(0, index)

    def slice(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """uint8 images and labels from `start` to before `stop`."""
        return self._images[start:stop].permute(0, 3, 1, 2), self.labels[start:stop]


class Batches:
    """The training batches of a spec, by step."""

    def __init__(
        self,
        spec: TrainSpec,
        data: Dataset,
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        self.normalizer = Normalizer(data.info, device, memory_format)
        self._split = OnDevice(data.train, device)
        self._seed = spec.seed
        self._size = spec.batch_size
        self._device = device
        options = dict(spec.augment)  # all zero by default
        self._augmentation = (
            build_augmentation(mean=data.info.mean, num_classes=len(data.info.classes), **options)
            if any(options.values())
            else None
        )
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64, device=device)
        self.num_images = len(self._split)
        self.steps_per_epoch = math.ceil(self.num_images / self._size)

    def get(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised images (n, C, H, W) and targets of the update made after `step` others, and the
        random generators set for it. Targets are classes (n,), or probabilities (n, K) with mixup."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._order = epoch_order(self._seed, epoch, self.num_images).to(self._device)
            self._epoch = epoch
        index = self._order[position * self._size : (position + 1) * self._size]
        images, targets = self._split.select(index)
        seed_step(self._seed, step, self._device)
        if self._augmentation is None:
            return self.normalizer.from_bytes(images), targets
        images, targets = self._augmentation(images.to(torch.float32).div_(255), targets)
        return self.normalizer.from_unit(images), targets


def stream_seed(seed: int, purpose: str, index: int) -> int:
    """The seed of one random stream of a run: 63 well-mixed bits of (seed, purpose, index)."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def epoch_order(seed: int, epoch: int, num_images: int) -> Tensor:
    """The order in which an epoch visits the images, (num_images,) on the CPU, alike everywhere."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "epoch", epoch))
    return torch.randperm(num_images, generator=generator)


def seed_step(seed: int, step: int, device: torch.device) -> None:
    """Set the global generators of the CPU and of `device` for one step.

    `torch.manual_seed` would do the same for every device there is, in a hundred times the time.
    """
    value = stream_seed(seed, "step", step)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)
