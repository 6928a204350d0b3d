"""Collects what each update measured without ever making the device wait.

Losses and counts of correct answers stay on the device until a Progress event is due; then one
transfer brings them all. So the loop can name the exact first update whose loss was not a number,
and still queues work ahead of a GPU between two Progress events.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

_FOLD = 256  # updates after which kept tensors are folded into two, so that memory stays bounded


@dataclass(frozen=True)
class Window:
    """The updates since the last reading."""

    losses: tuple[float, ...]  # one per update, oldest first
    accuracy: float

    @property
    def loss(self) -> float:
        """Mean loss."""
        return sum(self.losses) / len(self.losses)


class Meter:
    """Losses and correct answers of the updates since `read` was called last."""

    def __init__(self) -> None:
        self.images = 0
        self._folded: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._correct: list[Tensor] = []

    def __len__(self) -> int:
        return sum(len(part) for part in self._folded) + len(self._losses)

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Note one update. Targets are classes (n,) or probabilities (n, K)."""
        classes = targets if targets.ndim == 1 else targets.argmax(1)
        self._losses.append(loss.detach())
        self._correct.append((logits.detach().argmax(1) == classes).sum())
        self.images += len(classes)
        if len(self._losses) >= _FOLD:
            self._fold()

    def read(self) -> Window:
        """The window since the last reading, and start the next. Waits for the device."""
        self._fold()
        correct = self._correct.pop()
        losses = torch.cat(self._folded).tolist()
        window = Window(losses=tuple(losses), accuracy=correct.item() / self.images)
        self.clear()
        return window

    def clear(self) -> None:
        """Forget everything noted."""
        self.images = 0
        self._folded, self._losses, self._correct = [], [], []

    def _fold(self) -> None:
        if self._losses:
            self._folded.append(torch.stack(self._losses).float())
            self._losses = []
            self._correct = [torch.stack(self._correct).sum()]


class Stopwatch:
    """Seconds that run only while it is not held."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._held_at: float | None = None

    def seconds(self) -> float:
        """Time since the start, without the times it was held."""
        return (time.perf_counter() if self._held_at is None else self._held_at) - self._start

    def hold(self) -> None:
        """Stop counting."""
        if self._held_at is None:
            self._held_at = time.perf_counter()

    def go(self) -> None:
        """Count again."""
        if self._held_at is not None:
            self._start += time.perf_counter() - self._held_at
            self._held_at = None


class StepTimer:
    """Milliseconds of the forward and the backward part of one update, on the device's own clock.

    Used only for updates that are followed by a Progress event, because reading it waits.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._marks: list[torch.cuda.Event] = []
        self._times: list[float] = []

    def mark(self) -> None:
        """Call before the forward pass, between the two parts, and after the update."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._marks.append(event)
            return
        if self._device.type == "mps":
            torch.mps.synchronize()
        self._times.append(time.perf_counter())

    def milliseconds(self) -> tuple[float, float]:
        """Forward, and backward with update."""
        if self._marks:
            begin, middle, end = self._marks
            end.synchronize()
            return begin.elapsed_time(middle), middle.elapsed_time(end)
        begin_s, middle_s, end_s = self._times
        return (middle_s - begin_s) * 1e3, (end_s - middle_s) * 1e3
