"""A run that is killed anywhere and resumed ends bit for bit where the uninterrupted one does."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from data.load import Dataset
from tests.training.helpers import CPU, Script, run, tiny_spec, weights
from training import checkpoint
from training.checkpoint import CheckpointError
from training.control import Command
from training.events import Progress
from training.loop import train
from training.spec import TrainSpec
from training.state import TrainState

EVERYTHING: dict[str, Any] = {
    "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.05},
    "schedule": {"name": "cosine"},
    "augment": {"flip": True, "shift": 2, "rotation": 10, "cutout": 2, "mixup": 0.4},
    "label_smoothing": 0.1,
    "dropout": 0.3,
    "epochs": 4,
    "validate_every": 5,
    "stop": {"patience": 3},
}
CHANGES = {6: [Command("set", "lr", 0.02)], 15: [Command("set", "weight_decay", 0.0)]}


def digest(state: TrainState) -> str:
    return hashlib.sha256(weights(state)).hexdigest()


def resumed_at(wish: int, spec: TrainSpec, data: Dataset, path: Path) -> TrainState:
    """Save at the first event of step `wish`, throw everything away, resume from the file."""
    state = TrainState.fresh(spec, data.info, CPU)
    generator = train(spec, data, state, Script(CHANGES))
    next(event for event in generator if event.step == wish)
    assert checkpoint.save(path, state)
    generator.close()
    torch.manual_seed(wish)  # a new process has another random state
    resumed = TrainState.fresh(spec, data.info, CPU)
    checkpoint.load(path, resumed)
    assert resumed.step == wish
    # The resumed run's first poll is for update `wish`; earlier commands are in the checkpoint.
    later = {at - wish: orders for at, orders in CHANGES.items() if at >= wish}
    run(spec, data, Script(later), resumed)
    return resumed


@pytest.mark.parametrize("name", ["adamw", "sgd", "rmsprop", "adadelta", "adam"])
def test_resume_is_bit_identical(name: str, data: Dataset, tmp_path: Path) -> None:
    """Killed in the middle of an epoch, at its end, after live changes, with every kind of
    randomness there is. Each of these steps has an event: a snapshot or a validation."""
    optimizer = {"name": name, "lr": 0.01, "weight_decay": 0.05}
    spec = tiny_spec(**EVERYTHING | {"optimizer": optimizer})
    _, expected = run(spec, data, Script(CHANGES))
    for wish in (0, 1, 3, 7, 8, 10, 14, 18, 20):
        resumed = resumed_at(wish, spec, data, tmp_path / f"{wish}.pt")
        assert digest(resumed) == digest(expected), f"resumed at step {wish}"
        assert (resumed.step, resumed.best_loss) == (expected.step, expected.best_loss)


def test_resume_of_a_finished_run_stays_finished(data: Dataset, tmp_path: Path) -> None:
    spec = tiny_spec()
    _, state = run(spec, data)
    checkpoint.save(tmp_path / "c.pt", state)
    resumed = TrainState.fresh(spec, data.info, CPU)
    checkpoint.load(tmp_path / "c.pt", resumed)
    events, resumed = run(spec, data, state=resumed)
    assert not [event for event in events if isinstance(event, Progress)]
    assert events[0].step == events[-1].step == 14
    assert weights(resumed) == weights(state)


def test_no_checkpoint_of_broken_weights(data: Dataset, tmp_path: Path) -> None:
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    path = tmp_path / "c.pt"
    assert checkpoint.save(path, state)
    before = path.read_bytes()
    with torch.no_grad():
        state.model.get_parameter("fc1.weight")[0, 0] = float("inf")
    assert not checkpoint.save(path, state)
    assert path.read_bytes() == before


def test_other_spec_is_refused_and_title_is_not_one(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, TrainState.fresh(tiny_spec(), data.info, CPU))
    checkpoint.load(path, TrainState.fresh(tiny_spec(title="again"), data.info, CPU))
    with pytest.raises(CheckpointError, match="another spec"):
        checkpoint.load(path, TrainState.fresh(tiny_spec(seed=5), data.info, CPU))


def test_damaged_files_are_named(data: Dataset, tmp_path: Path) -> None:
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    path = tmp_path / "c.pt"
    with pytest.raises(CheckpointError, match="no checkpoint"):
        checkpoint.load(path, state)
    checkpoint.save(path, state)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.load(path, state)
    torch.save({"something": "else"}, path)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path, state)


def test_code_in_a_checkpoint_is_not_run(data: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    torch.save({"version": 1, "spec": Trap(tmp_path / "sprung"), "state": {}}, path)
    with pytest.raises(CheckpointError):
        checkpoint.load(path, TrainState.fresh(tiny_spec(), data.info, CPU))
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_full_disk_keeps_the_old_checkpoint(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    path = tmp_path / "c.pt"
    checkpoint.save(path, state)
    before = path.read_bytes()

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        *{"fsync": (os, "fsync", full), "replace": (Path, "replace", full)}[failing]
    )
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, state)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.pt"]  # noqa: PTH208
