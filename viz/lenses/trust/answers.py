"""The probability, or the logit, of one class of each image: what every measure asks the network."""

from __future__ import annotations

import torch
from torch import Tensor

from viz.lenses.batching import run_batches
from viz.lenses.context import Subject

BATCH_VALUES = (
    800_000  # input numbers in a batch: what a small network leaves behind stays in cache
)


def class_probs(subject: Subject, images: Tensor, classes: Tensor) -> Tensor:
    """Softmax probability (N,) of `classes` int64 (N,) for normalised images (N, C, H, W)."""
    return _gather(torch.softmax(_logits(subject, images), dim=1), classes)


def class_logits(subject: Subject, images: Tensor, classes: Tensor) -> Tensor:
    """Logit (N,) of `classes` int64 (N,) for normalised images (N, C, H, W)."""
    return _gather(_logits(subject, images), classes)


@torch.inference_mode()
def _logits(subject: Subject, images: Tensor) -> Tensor:
    size = max(1, BATCH_VALUES // images[0].numel())

    def run(batch: Tensor) -> Tensor:
        logits: Tensor = subject.net(batch)
        return logits

    return run_batches(run, images, size)


def _gather(values: Tensor, classes: Tensor) -> Tensor:
    return values.gather(1, classes[:, None])[:, 0]
