"""Learning rate schedules against closed forms and torch's own."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from training.schedules import lr_factor
from training.spec import ScheduleSpec


def factors(schedule: ScheduleSpec, total: int, peak: float = 1.0) -> list[float]:
    return [lr_factor(schedule, step, total, peak) for step in range(total)]


def torch_rates(scheduler: torch.optim.lr_scheduler.LRScheduler, total: int) -> list[float]:
    rates = []
    for _ in range(total):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_constant() -> None:
    assert factors(ScheduleSpec(), 5) == [1.0] * 5


def test_step_drops_at_its_shares() -> None:
    schedule = ScheduleSpec(name="step", gamma=0.5, milestones=(0.5, 0.75))
    assert factors(schedule, 8) == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_cosine_is_torchs() -> None:
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer(), T_max=40)
    assert factors(ScheduleSpec(name="cosine"), 40) == pytest.approx(torch_rates(scheduler, 40))


@pytest.mark.parametrize(("total", "warmup"), [(40, 0.25), (100, 0.3), (7, 0.5)])
def test_one_cycle_is_torchs(total: int, warmup: float) -> None:
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer(), max_lr=1.0, total_steps=total, pct_start=warmup, cycle_momentum=False
    )
    mine = factors(ScheduleSpec(name="one_cycle", warmup=warmup), total)
    assert mine == pytest.approx(torch_rates(scheduler, total), abs=1e-9)


def test_one_cycle_without_rise_begins_at_the_peak() -> None:
    assert factors(ScheduleSpec(name="one_cycle", warmup=0), 10)[0] == 1.0


def test_range_test_is_a_straight_line_in_log_lr() -> None:
    rates = [5.0 * f for f in factors(ScheduleSpec(name="range_test", min_lr=1e-5), 100, 5.0)]
    assert rates[0] == pytest.approx(1e-5)
    assert rates[-1] == pytest.approx(5.0)
    steps = [math.log(b / a) for a, b in pairwise(rates)]
    assert steps == pytest.approx([math.log(5e5) / 99] * 99)


@pytest.mark.parametrize("name", ["constant", "step", "cosine", "one_cycle", "range_test"])
@pytest.mark.parametrize("total", [1, 2, 3, 1000])
def test_every_length_of_run_works(name: str, total: int) -> None:
    values = factors(ScheduleSpec.model_validate({"name": name}), total)
    assert all(0 <= value <= 1 for value in values)
    assert math.isfinite(lr_factor(ScheduleSpec.model_validate({"name": name}), total, total, 1.0))
