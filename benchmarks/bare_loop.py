"""A training loop with nothing in it but training: what ConvScope's loop is measured against.

Written as fast as we can write it: data in memory as float tensors that are normalised beforehand,
one permutation an epoch, index selects, a fused optimiser where there is one, gradients set to None,
no metrics, nothing read back. Anything that makes this faster belongs here.
"""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.nn import functional


def bare_images_per_second(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    batch_size: int,
    seconds: float,
    lr: float = 0.01,
    momentum: float = 0.9,
) -> float:
    """Images a second of SGD with momentum, over at least `seconds` after five warm-up updates.

    Args:
        model: in training mode, on the device and in the memory format that is fastest there.
        images: float (N, C, H, W), normalised, on the same device.
        labels: int64 (N,), on the same device.
        batch_size: images an update.
        seconds: how long to measure.
        lr: learning rate.
        momentum: of SGD.
    """
    device = images.device
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum, fused=True)
    precision = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    order = torch.randperm(len(labels), device=device)
    begin, updates, position = 0.0, -5, 0
    while True:
        if updates == 0:
            _finish(device)
            begin = time.perf_counter()
        if position + batch_size > len(order):
            order, position = torch.randperm(len(labels), device=device), 0
        index = order[position : position + batch_size]
        position += batch_size
        with precision:
            loss = functional.cross_entropy(model(images[index]), labels[index])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        updates += 1
        if updates > 0 and updates % 10 == 0:
            _finish(device)
            spent = time.perf_counter() - begin
            if spent >= seconds:
                return updates * batch_size / spent


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
