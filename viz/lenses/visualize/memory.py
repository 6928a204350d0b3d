"""How many pictures the memory is trusted with, and what people are told when it runs out all the same:
never that something else is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn

from models.introspect import shape_twin
from viz.lenses.batching import is_out_of_memory
from viz.lenses.recorder import leaves, record_part, shape_of
from viz.lenses.registry import LensError

_AT_ONCE_BYTES: Final = 1_000_000_000
_COPIES: Final = 3  # of what layers put out: outputs, their gradients, what backward passes keep


class NoRoomError(LensError):
    """The memory of this machine is not enough."""


@contextmanager
def room(what: str, way: str = "choose a smaller size, or a smaller network") -> Iterator[None]:
    """Inside the block memory that runs out is one sentence; every other error stays what it is.

    Args:
        what: the memory has to hold, such as `a picture of 224 pixels`.
        way: out of it.

    Raises:
        NoRoomError: the memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise NoRoomError(f"The memory is not enough for {what}: {way}.") from None


def pictures_at_once(net: nn.Module, blank: Tensor) -> int:
    """How many pictures like `blank` (1, C, H, W) to climb at once: at least 1, and as many as put out
    `_AT_ONCE_BYTES` in all of the network, counted by its shapes without running it."""
    twin = shape_twin(net)
    example = next(twin.parameters(), torch.empty(0))
    batch = torch.empty(blank.shape, dtype=example.dtype, device="meta")
    with record_part(twin, leaves(twin), shape_of) as shapes, torch.no_grad():
        twin(batch)
    values = blank.numel() + sum(math.prod(call) for each in shapes.values() for call in each)
    return max(1, _AT_ONCE_BYTES // (_COPIES * 4 * values))
