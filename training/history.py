"""A trained network over time: what it was told, and where its weights of each moment lie.

A run of this server and a network that comes with the program have the same past, so whoever scrubs
back through one can scrub back through the other. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.references import HistoryRef, RunRef, ShippedRef, at_step
from training import shipped
from training.events import Event
from training.run_store import RunError, RunStore, read_events
from training.spec import TrainSpec


@dataclass(frozen=True)
class History:
    """One network's past."""

    reference: HistoryRef  # without a step
    title: str
    spec: TrainSpec
    steps: tuple[int, ...]  # whose weights are kept, rising; may grow while a run is live
    store: RunStore | None  # None: it comes with the program

    def path(self, step: int | None = None) -> Path:
        """The weights of a moment; None: the newest.

        Raises:
            RunError: that moment is not kept, or there are no weights yet.
            ShippedError: a file of the program is missing or damaged.
        """
        if step is not None and step not in self.steps:
            near = sorted(sorted(self.steps, key=lambda kept: abs(kept - step))[:3])
            ways = f"near it are {', '.join(map(str, near))}" if near else "none is kept yet"
            raise RunError(f"{self.reference} keeps no weights of update {step}: {ways}.")
        if isinstance(self.reference, ShippedRef):
            return shipped.shipped_path(self.reference.name, step)
        run_id = self.reference.run_id
        store = self.store or RunStore()
        if step is not None:
            return store.snapshot_path(run_id, step)
        latest = store.weights_path(run_id)
        if latest.is_file():
            return latest
        if not self.steps:
            raise RunError(f"Run {run_id} has no weights yet: wait until it has started.")
        return store.snapshot_path(run_id, self.steps[-1])

    def events(self) -> list[Event]:
        """Everything that was written down so far."""
        if isinstance(self.reference, ShippedRef):
            return read_events(shipped.events_path(self.reference.name))
        return read_events((self.store or RunStore()).events_path(self.reference.run_id))


def find_history(reference: HistoryRef, store: RunStore) -> History:
    """The past of a run or of a network that comes with the program.

    Raises:
        RunError: no such run, or its spec cannot be read.
        ShippedError: no network of that name comes with the program.
    """
    base = at_step(reference, None)
    if isinstance(base, RunRef):
        spec = store.spec(base.run_id)
        steps = tuple(store.snapshot_steps(base.run_id))
        return History(base, base.run_id, spec, steps, store)
    net = shipped.find_shipped(base.name)
    return History(base, net.title, net.spec, net.steps, None)
