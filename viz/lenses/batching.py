"""Many images through a function, a batch at a time; where the memory runs out, in smaller batches.

How much memory a pass takes depends on the network, and how much there is on what else runs. So
nobody has to know either: a batch that does not fit is halved and tried again, and the ones after it
stay as small. The values are those of whole batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from viz.lenses.recorder import leaves, record_part, shape_of
from viz.lenses.registry import LensError

_T = TypeVar("_T")
_MAP_VALUES = 524_288  # of the largest map of a batch: 2 MB, about what the cache of a core holds
_FEWEST, _MOST = 4, 256  # images in a batch; weights are read once for all of them
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "bad alloc")


def in_spans(function: Callable[[slice], _T], count: int, size: int) -> Iterator[tuple[slice, _T]]:
    """`function(slice(at, at + n))` for all of `count` things in order, n at most `size`.

    For what is made on the spot, such as masks: what `function` makes for the same slice must be
    the same, because a span may be tried a second time as two halves.

    Yields:
        Each slice with what the function made of it.

    Raises:
        ValueError: `size` is below 1.
        LensError: not even one thing at a time fits the memory.
    """
    if size < 1:
        raise ValueError(f"A batch of {size} images cannot be run: take 1 or more.")
    at = 0
    while at < count:
        span = slice(at, min(at + size, count))
        done = _attempt(function, span)
        if done is None:  # outside of the handler, so that the failed attempt's tensors are gone
            length = span.stop - span.start
            if length == 1:
                raise LensError(
                    "This machine's memory does not hold one pass of one image: choose a smaller "
                    "network or smaller images."
                )
            size = length // 2
            continue
        yield span, done[0]
        at = span.stop


def in_batches(
    function: Callable[[Tensor], _T], images: Tensor, size: int
) -> Iterator[tuple[slice, _T]]:
    """`function` of up to `size` of `images` (N, …) at a time, in order.

    Yields:
        Which images, and what the function made of them.

    Raises:
        LensError: not even one image at a time fits the memory.
    """
    return in_spans(lambda span: function(images[span]), len(images), size)


def run_batches(function: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """What `function` makes of `images` (N, …), N ≥ 1, up to `size` at a time, put together again.

    Raises:
        LensError: not even one image at a time fits the memory.
    """
    return torch.cat([part for _, part in in_batches(function, images, size)])


def good_batch(net: nn.Module, image: Tensor) -> int:
    """How many images like `image` (1, C, H, W) to run at once: fastest on a CPU, near enough.

    Large batches only move data in and out of the cache. A matter of arithmetic, not of a clock, so
    that the same question has the same answer on every machine.
    """
    known = _SIZES.setdefault(net, {})
    shape = tuple(image.shape[1:])
    if shape not in known:
        with record_part(net, leaves(net), shape_of) as shapes, torch.inference_mode():
            net(image)
        calls = (call for each in shapes.values() for call in each)
        values = max((math.prod(call[1:]) for call in calls), default=1)
        known[shape] = max(_FEWEST, min(_MOST, _MAP_VALUES // max(values, image.numel())))
    return known[shape]


_SIZES: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], int]] = WeakKeyDictionary()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def _attempt(function: Callable[[slice], _T], span: slice) -> tuple[_T] | None:
    """The answer in a tuple; None: the memory ran out."""
    try:
        return (function(span),)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
