"""Networks for which the memory is too small."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)


class Narrow(nn.Module):
    """Hands on what it is given; the memory holds so many values of it and no more.

    Args:
        most: values.
        backward: whether it is the backward pass that runs out.
        error: that says so.
    """

    def __init__(
        self, most: int, *, backward: bool = False, error: type[RuntimeError] = RuntimeError
    ) -> None:
        super().__init__()
        self.most, self.backward, self.error = most, backward, error
        self.seen: list[int] = []  # images of each pass

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) to the same."""
        if x.device.type == "meta":
            return x
        self.seen.append(len(x))
        if self.backward:
            found: Tensor = _Narrow.apply(x, self.most)
            return found
        if x.numel() > self.most:
            raise self.error(ALLOCATOR)
        return x


class _Narrow(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, most: int) -> Tensor:
        ctx.most = most
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        if gradient.numel() > ctx.most:
            raise RuntimeError(ALLOCATOR)
        return gradient, None
