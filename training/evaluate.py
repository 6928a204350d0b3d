"""Measures a network on held-out images: mean loss, accuracy and the confusion counts.

The loss is plain cross-entropy even when training smooths its labels, so that runs compare.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.pixels import Normalizer
from training.batches import OnDevice, stream_seed

_BATCH = {"cpu": 250, "cuda": 5000, "mps": 1000}  # images; measured: see docstring of `evaluate`


@dataclass(frozen=True)
class Scores:
    """What `evaluate` found."""

    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]  # [true class][predicted class] -> images


def evaluate(
    model: nn.Module,
    split: OnDevice,
    normalizer: Normalizer,
    num_classes: int,
    index: Tensor | None = None,
) -> Scores:
    """Scores of `model` on `split`, or on its images at `index` (n,).

    Runs in evaluation and inference mode; the training mode of every module is as before when it
    returns. Small batches that stay in the cache are fastest on a CPU, large ones on a GPU.
    """
    device = split.labels.device
    modes = {module: module.training for module in model.modules()}
    size = _BATCH[device.type]
    count = len(split) if index is None else len(index)
    losses: list[Tensor] = []
    cells = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=device)
    model.eval()
    try:
        with torch.inference_mode(), autocast(device):
            for start in range(0, count, size):
                stop = min(start + size, count)
                if index is None:
                    images, labels = split.slice(start, stop)
                else:
                    images, labels = split.select(index[start:stop])
                logits = model(normalizer.from_bytes(images))  # (n, K)
                losses.append(functional.cross_entropy(logits.float(), labels, reduction="sum"))
                cell = labels * num_classes + logits.argmax(1)
                cells += torch.bincount(cell, minlength=num_classes * num_classes)
    finally:
        for module, training in modes.items():
            module.training = training
    confusion = cells.view(num_classes, num_classes)
    return Scores(
        loss=torch.stack(losses).sum().item() / count,
        accuracy=confusion.trace().item() / count,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def sample_index(seed: int, num_val: int, validate_every: int, batch_size: int) -> Tensor:
    """Which validation images the quick look uses, always the same for a spec.

    As many as cost about 2 % of the training between two looks, but 200 to 1000 of them: with 200
    an accuracy of 90 % is known to ±4 %.
    """
    size = min(1000, max(200, validate_every * batch_size // 20), num_val)
    generator = torch.Generator().manual_seed(stream_seed(seed, "validation", 0))
    return torch.randperm(num_val, generator=generator)[:size]


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where it is fast (CUDA), nothing elsewhere."""
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()
