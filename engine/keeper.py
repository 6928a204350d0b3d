"""Writes a run's weights and checkpoints: often enough to follow and resume, never so often that
the training feels it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from engine.words import Timings
from models.weights import save_weights
from training import checkpoint
from training.run_store import RunStore
from training.state import TrainState

_SHARE: Final = 0.02  # of the training time that saving may take


class _Clock:
    """When something that costs time is due again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    def due(self) -> bool:
        return time.monotonic() >= self._due

    def spent(self, begin: float) -> None:
        """It was done, from `begin` (monotonic seconds) to now."""
        now = time.monotonic()
        self._due = now + max(self._seconds, (now - begin) / _SHARE)


class Keeper:
    """Saves the state of one training, which must be suspended between two updates."""

    def __init__(self, store: RunStore, run_id: str, state: TrainState, timings: Timings) -> None:
        self._store = store
        self._run_id = run_id
        self._state = state
        self._directory = store.path(run_id)
        self._weights_clock = _Clock(timings.weights)
        self._checkpoint_clock = _Clock(timings.checkpoint)

    def has_checkpoint(self) -> bool:
        """Whether an earlier attempt left one."""
        return self._store.checkpoint_path(self._run_id).is_file()

    def sweep(self) -> None:
        """Remove what a worker that was killed while it wrote left behind."""
        for pattern in ("checkpoint.pt.tmp.*", ".*.tmp", "snapshots/.*.tmp"):
            for path in self._directory.glob(pattern):
                path.unlink(missing_ok=True)

    def save_if_due(self) -> None:
        """Weights and checkpoint, each if its time has come."""
        if self._weights_clock.due():
            self.save_weights()
        if self._checkpoint_clock.due():
            self.save_checkpoint()

    def save_paused(self, first: bool) -> None:
        """Each time a paused training waits: what it is now, to look at and, the first time of a
        pause, to resume from."""
        self.save_weights()
        if first:
            self.save_checkpoint()
        else:
            self.save_if_due()

    def save_weights(self) -> None:
        """Replace the weights that everybody who looks at the run sees."""
        begin = time.monotonic()
        self._save(self._store.weights_path(self._run_id))
        self._weights_clock.spent(begin)

    def save_snapshot(self) -> None:
        """Keep the weights of this step for good."""
        self._save(self._store.snapshot_path(self._run_id, self._state.step))

    def save_checkpoint(self) -> None:
        """Replace what a resume starts from."""
        begin = time.monotonic()
        checkpoint.save(self._store.checkpoint_path(self._run_id), self._state)
        self._checkpoint_clock.spent(begin)

    def forget_later(self) -> None:
        """After a rewind: the snapshots of the pass before are no longer this run's."""
        for step in self._store.snapshot_steps(self._run_id):
            if step > self._state.step:
                self._store.snapshot_path(self._run_id, step).unlink(missing_ok=True)

    def _save(self, path: Path) -> None:
        save_weights(path, self._state.model.state_dict(), {"step": str(self._state.step)})
