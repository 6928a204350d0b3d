"""A learning rate range test of some settings, and the way back to those settings.

A sweep replaces the rate, the schedule and the length; what it replaced travels in its spec, so that
the rate it finds can be put to use from any session, also days later and through a link.
"""

from __future__ import annotations

from typing import Final

from training.spec import BeforeSweep, TrainSpec

SWEEP_STEPS: Final = 200
SWEEP_LR: Final = 10.0
_ENOUGH_EPOCHS: Final = 10_000  # SWEEP_STEPS ends it


def sweep_of(spec: TrainSpec) -> TrainSpec:
    """A range test of `spec`: Smith 2017 (arXiv:1506.01186), section 3.3."""
    return spec.model_copy(
        update={
            "schedule": spec.schedule.model_copy(update={"name": "range_test"}),
            "optimizer": spec.optimizer.model_copy(update={"lr": SWEEP_LR}),
            "max_steps": SWEEP_STEPS,
            "epochs": _ENOUGH_EPOCHS,
            "title": "Learning rate test",
            "before_sweep": BeforeSweep(
                schedule=spec.schedule.name,
                lr=spec.optimizer.lr,
                epochs=spec.epochs,
                max_steps=spec.max_steps,
            ),
        }
    )


def without_sweep(spec: TrainSpec) -> TrainSpec:
    """The settings a range test was made of; any other spec as it is.

    A range test that was not made by `sweep_of` keeps its length and gets a constant rate.
    """
    if spec.schedule.name != "range_test":
        return spec
    before = spec.before_sweep
    if before is None:
        schedule = spec.schedule.model_copy(update={"name": "constant"})
        return spec.model_copy(update={"schedule": schedule})
    return spec.model_copy(
        update={
            "schedule": spec.schedule.model_copy(update={"name": before.schedule}),
            "optimizer": spec.optimizer.model_copy(update={"lr": before.lr}),
            "max_steps": before.max_steps,
            "epochs": before.epochs,
            "title": "",
            "before_sweep": None,
        }
    )
