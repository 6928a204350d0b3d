"""Networks that a check needs: found again, and no longer trained than needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.run_store import RunStore
from training.spec import DatasetSpec, TrainSpec
from training.thinning import Series
from training.twin import twin_spec
from ui import runtime
from ui.trust.shortcut_view import is_trap
from ui.trust.training import earlier_runs, knows_all
from ui.trust.twin_view import is_twin


def follower(accuracies: list[float]) -> Any:
    """One that has told an accuracy at every second update, four to an epoch."""
    steps = 2 * np.arange(1, len(accuracies) + 1)
    step = int(steps[-1])
    return SimpleNamespace(
        progress=SimpleNamespace(step=step, epoch=step / 4),
        started=SimpleNamespace(steps_per_epoch=4),
        curve=lambda _: Series(steps, np.array(accuracies)),
    )


@pytest.mark.parametrize(
    ("accuracies", "known"),
    [
        ([0.5, 0.9, 1.0, 1.0], True),
        ([0.5, 1.0, 0.99, 1.0], False),  # one image of the last epoch was wrong
        ([1.0, 1.0], False),  # the first epoch has seen none twice
        ([0.5, 0.9, float("nan"), 1.0], False),
    ],
)
def test_all_is_known_after_an_epoch_without_a_wrong_answer(
    accuracies: list[float], known: bool
) -> None:
    assert knows_all(follower(accuracies), 300) is known
    assert not knows_all(follower(accuracies), 0)  # nothing is to be learned by heart


def test_nothing_is_known_before_the_first_update() -> None:
    nobody: Any = SimpleNamespace(progress=None, started=None)
    assert not knows_all(nobody, 300)


def test_earlier_runs_are_offered_by_what_they_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path)
    monkeypatch.setattr(runtime, "store", lambda: store)
    honest = TrainSpec(dataset=DatasetSpec(name="shapes"), title="Honest")
    trap = TrainSpec(dataset=DatasetSpec(name="shapes", shortcut=0.95), title="Trap")
    weightless = store.new_run(trap)
    ready = []
    for spec in (honest, trap):
        run_id = store.new_run(spec)
        path = store.snapshot_path(run_id, 7)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
        ready.append(run_id)
    found = earlier_runs(is_trap)
    assert list(found) == [f"run:{ready[1]}"]
    assert found[f"run:{ready[1]}"].startswith("Trap")
    assert weightless not in str(found)


def test_a_twin_has_the_network_the_images_and_labels_that_mean_nothing() -> None:
    spec = TrainSpec(dataset=DatasetSpec(name="shapes"))
    twin = twin_spec(spec, 10, 8000)
    assert is_twin(twin, twin)
    assert not is_twin(spec, twin)
    other = twin_spec(TrainSpec(dataset=DatasetSpec(name="digits")), 10, 1257)
    assert not is_twin(other, twin)
