"""How the learning rate moves over a run: pure functions of the step, so a resume needs no state.

The live learning rate is the peak; the schedule multiplies it. Nothing here imports torch, so a page
can plot a schedule before anything is trained.
"""

from __future__ import annotations

import math

from training.spec import ScheduleSpec

_ONE_CYCLE_START = 1 / 25  # of the peak, where one_cycle begins
_ONE_CYCLE_END = _ONE_CYCLE_START / 1e4  # and where it ends


def lr_factor(schedule: ScheduleSpec, step: int, total_steps: int, peak_lr: float) -> float:
    """The factor by which `peak_lr` is multiplied for the update made after `step` others.

    * constant: 1.
    * step: gamma for each milestone (a share of the run) that is reached.
    * cosine: half a cosine from 1 to 0 (Loshchilov and Hutter 2017, SGDR, eq. 5, one period).
    * one_cycle: a cosine up from 1/25 over `warmup`, a cosine down to 4e-6 over the rest (Smith and
      Topin 2018; the numbers are those of `torch.optim.lr_scheduler.OneCycleLR`).
    * range_test: exponential from `min_lr` to `peak_lr` over the run (Smith 2017, section 3.3).
    """
    progress = min(step / max(total_steps - 1, 1), 1.0)
    if schedule.name == "step":
        share = step / total_steps
        return float(schedule.gamma ** sum(share >= milestone for milestone in schedule.milestones))
    if schedule.name == "cosine":
        return _cosine(1.0, 0.0, min(step / total_steps, 1.0))
    if schedule.name == "one_cycle":
        top = max(schedule.warmup * total_steps - 1, 0.0)
        if step <= top and top > 0:
            return _cosine(_ONE_CYCLE_START, 1.0, step / top)
        share = (step - top) / max(total_steps - 1 - top, 1.0)
        return _cosine(1.0, _ONE_CYCLE_END, min(share, 1.0))
    if schedule.name == "range_test":
        return math.exp((1 - progress) * math.log(schedule.min_lr / peak_lr))
    return 1.0


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
