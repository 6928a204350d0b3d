"""The runs that engine tests use, and what they have said so far."""

from __future__ import annotations

from typing import Any

from training.events import Event
from training.run_store import RunStore
from training.spec import TrainSpec, parse_spec


def short_spec(**changes: Any) -> TrainSpec:
    """A run of some hundred quick updates, with all that makes a resume hard."""
    values: dict[str, Any] = {
        "network": {"kind": "named", "name": "small_fc"},
        "dataset": {"name": "digits", "train_limit": 100},
        "optimizer": {"name": "adamw", "lr": 0.01},
        "schedule": {"name": "cosine"},
        "augment": {"shift": 1},
        "dropout": 0.2,
        "batch_size": 16,
        "epochs": 10_000,
        "max_steps": 200,
        "validate_every": 50,
        "device": "cpu",
    }
    return parse_spec({**values, **changes})


def endless_spec(**changes: Any) -> TrainSpec:
    """A run that ends only when it is told to."""
    return short_spec(max_steps=50_000, validate_every=0, **changes)


def all_events(store: RunStore, run_id: str) -> list[Event]:
    """Everything a run said so far."""
    events: list[Event] = []
    cursor = 0
    while True:
        more, moved = store.events(run_id, cursor)
        events += more
        if moved == cursor:
            return events
        cursor = moved


def last_step(store: RunStore, run_id: str) -> int:
    """The step of the newest event; -1 before the first."""
    return max((event.step for event in all_events(store, run_id)), default=-1)
