"""What the meter adds up, and the clock that can be held."""

from __future__ import annotations

import math
import time

import pytest
import torch

from training.diagnosis import LossHistory, explain
from training.meter import Meter, Stopwatch


def test_every_update_counts_once() -> None:
    """600 updates cross the point where tensors are folded twice."""
    meter = Meter()
    generator = torch.Generator().manual_seed(0)
    losses, correct, images = [], 0, 0
    for number in range(600):
        size = 1 + number % 5
        logits = torch.randn(size, 3, generator=generator)
        targets = torch.randint(3, (size,), generator=generator)
        meter.add(torch.tensor(float(number)), logits, targets)
        losses.append(float(number))
        correct += int((logits.argmax(1) == targets).sum())
        images += size
    assert len(meter) == 600
    assert meter.images == images
    window = meter.read()
    assert window.losses == tuple(losses)
    assert window.loss == pytest.approx(299.5)
    assert window.accuracy == pytest.approx(correct / images)
    assert len(meter) == meter.images == 0


def test_blended_targets_count_their_larger_part() -> None:
    meter = Meter()
    targets = torch.tensor([[0.7, 0.3], [0.4, 0.6]])
    meter.add(torch.tensor(0.0), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), targets)
    assert meter.read().accuracy == 0.5


def test_a_held_clock_stands_still() -> None:
    watch = Stopwatch()
    watch.hold()
    held = watch.seconds()
    time.sleep(0.01)
    assert watch.seconds() == held
    watch.hold()
    watch.go()
    watch.go()
    assert watch.seconds() >= held


def history(*losses: float) -> LossHistory:
    told = LossHistory()
    for loss in losses:
        told.add(loss)
    return told


@pytest.mark.parametrize(
    ("losses", "lr", "decay", "finite", "words"),
    [
        ((), 0.1, 0.0, False, "images"),
        ((2.0,), 10.0, 0.5, True, "weight decay 0.5"),
        ((), 5.0, 0.0, True, "very first loss"),
        ((2.0, 1.0, 90.0), 5.0, 0.0, True, "risen from 1 to 90"),
        ((2.0, 1.0, 0.5), 0.3, 0.0, True, "try 0.03,"),
    ],
)
def test_diagnosis(
    losses: tuple[float, ...], lr: float, decay: float, finite: bool, words: str
) -> None:
    message = explain(
        update=7, history=history(*losses), lr=lr, weight_decay=decay, inputs_finite=finite
    )
    assert words in message
    assert "update 7 " in message
    assert message.endswith(".")
    assert message.count(". ") == 0


def test_history_remembers_three_losses() -> None:
    told = history(3.0, 1.0, 2.0)
    assert (told.first, told.best, told.last) == (3.0, 1.0, 2.0)
    assert math.isnan(LossHistory().last)
