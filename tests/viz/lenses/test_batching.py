"""Batches: all in order, halved where memory runs out, never a wrong value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from viz.lenses.batching import in_batches, in_spans, is_out_of_memory, run_batches
from viz.lenses.registry import LensError

CPU_ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)
FAULTS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError(CPU_ALLOCATOR),
    MemoryError(),
]


def _narrow(most: int, error: Exception, seen: list[int]) -> Callable[[Tensor], Tensor]:
    """A function for which more than `most` images do not fit."""

    def double(images: Tensor) -> Tensor:
        seen.append(len(images))
        if len(images) > most:
            raise error
        return images * 2

    return double


def test_batches_come_in_order_and_cover_everything() -> None:
    images = torch.arange(7.0)[:, None]
    found = list(in_batches(lambda part: part[:, 0].tolist(), images, 3))
    assert [(span.start, span.stop) for span, _ in found] == [(0, 3), (3, 6), (6, 7)]
    assert [value for _, part in found for value in part] == list(range(7))


def test_batches_are_made_when_they_are_asked_for() -> None:
    seen: list[int] = []
    batches = in_spans(lambda span: seen.append(span.start), 6, 2)
    next(batches)
    assert seen == [0]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_memory_that_runs_out_halves_the_batch_and_the_values_stay(error: Exception) -> None:
    images = torch.arange(10.0)[:, None]
    seen: list[int] = []
    found = run_batches(_narrow(2, error, seen), images, 8)
    assert torch.equal(found, images * 2)
    assert seen == [8, 4, 2, 2, 2, 2, 2]  # once it is halved it stays so


def test_memory_that_runs_out_late_repeats_nothing_that_was_done() -> None:
    calls: list[tuple[int, int]] = []

    def once(span: slice) -> int:
        calls.append((span.start, span.stop))
        if calls == [(0, 4), (4, 8)]:
            raise MemoryError
        start: int = span.start
        return start

    assert [at for _, at in in_spans(once, 8, 4)] == [0, 4, 6]
    assert calls == [(0, 4), (4, 8), (4, 6), (6, 8)]


def test_a_single_image_that_does_not_fit_is_a_sentence() -> None:
    with pytest.raises(LensError, match="memory does not hold one pass of one image"):
        run_batches(_narrow(0, MemoryError(), []), torch.zeros(4, 1), 4)


def test_other_errors_are_not_taken_for_it() -> None:
    seen: list[int] = []
    with pytest.raises(RuntimeError, match="size of tensor"):
        run_batches(
            _narrow(0, RuntimeError("The size of tensor a must match"), seen), torch.zeros(4, 1), 4
        )
    assert seen == [4]


def test_a_real_allocation_that_fails_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of 0 images"):
        run_batches(lambda images: images, torch.zeros(4, 1), 0)
