"""Follows one run for all who look at it: its events are read once, however many viewers there are.

A refresh reads only what was appended since the last one, and costs one `stat` when nothing was. What
is kept does not grow with the run: a few hundred points a curve and the latest of everything else.
Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from training.events import (
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    Health,
    Progress,
    Snapshot,
    Started,
)
from training.run_store import RunStore
from training.spec import TrainSpec
from training.thinning import Series, Thinned

CURVES: Final = (
    "train_loss",
    "train_accuracy",
    "lr",
    "images_per_second",
    "val_loss",  # on all validation images
    "val_accuracy",
    "sample_loss",  # on the fixed sample of the quick looks in between
    "sample_accuracy",
)
MAX_POINTS: Final = 600
_MAX_PASSES: Final = 20  # before the current one; older ones are forgotten
_MAX_CONTROLS: Final = 500


@dataclass
class _Pass:
    curves: dict[str, Thinned] = field(
        default_factory=lambda: {name: Thinned(MAX_POINTS) for name in CURVES}
    )


class RunFollower:
    """What is known of a run so far. Safe to use from many threads.

    A pass is what lies between two rewinds. The attributes are the latest event of their kind in the
    current pass, None before there is one:

    Attributes:
        started, progress, health: of the pass.
        validation: the latest complete one; `sample` the latest quick one.
        test: the final test.
        ended: Finished or Failed, None while the run goes on.
        controls: of the current pass, oldest first. Settings changed before a rewind stay in force
            after it, so they stand at its step 0.
        version: grows with everything new, so a picture can be kept until it changes.
    """

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.run_id = run_id
        self._path = store.events_path(run_id)  # checks the id
        self._store = store
        self._lock = threading.Lock()
        self._cursor = 0
        self._size = -1  # of the file when it was read last
        self.version = 0
        self._forget()

    def refresh(self) -> bool:
        """Read what is new; whether anything was."""
        with self._lock:
            try:
                size = self._path.stat().st_size
            except OSError:
                return False
            if size == self._size:
                return False
            if size < self._cursor:  # another file than before
                self._forget()
            before = self.version
            while True:
                events, cursor = self._store.events(self.run_id, self._cursor)
                if cursor == self._cursor:
                    break
                self._cursor = cursor
                for event in events:
                    self._take(event)
            self._size = size
            return self.version != before

    def curve(self, name: str, passes_back: int = 0) -> Series:
        """One of CURVES, raw, at most MAX_POINTS points; `passes_back` 1 is before the last rewind."""
        with self._lock:
            return self._passes[-1 - passes_back].curves[name].series()

    @cached_property
    def spec(self) -> TrainSpec:
        """What the run was told; it never changes.

        Raises:
            RunError: when it cannot be read.
        """
        return self._store.spec(self.run_id)

    @property
    def num_passes(self) -> int:
        """Rewinds (that are remembered) plus one."""
        return len(self._passes)

    @property
    def settings(self) -> dict[str, Control]:
        """The latest change of each setting that was changed live, by field, in force now."""
        return {
            control.field: control
            for control in self.controls
            if control.action == "set" and control.field is not None
        }

    def _forget(self) -> None:
        self._cursor, self._size = 0, -1
        self._passes = [_Pass()]
        self.controls: tuple[Control, ...] = ()
        self._forget_pass()

    def _forget_pass(self) -> None:
        self.started: Started | None = None
        self.progress: Progress | None = None
        self.health: Health | None = None
        self.validation: Evaluated | None = None
        self.sample: Evaluated | None = None
        self.test: Evaluated | None = None
        self.ended: Finished | Failed | None = None
        self.snapshots: tuple[int, ...] = ()

    def _take(self, event: Event) -> None:
        self.version += 1
        if isinstance(event, Progress):
            self.progress = event
            self._add(event.step, "train_loss", event.loss)
            self._add(event.step, "train_accuracy", event.accuracy)
            self._add(event.step, "lr", event.lr)
            self._add(event.step, "images_per_second", event.images_per_second)
        elif isinstance(event, Evaluated):
            self._take_evaluated(event)
        elif isinstance(event, Health):
            self.health = event
        elif isinstance(event, Control):
            if event.action == "rewind":
                self._rewind()
                self.controls = tuple(
                    dataclasses.replace(setting, step=0) for setting in self.settings.values()
                )
            else:
                self.controls = (*self.controls, event)[-_MAX_CONTROLS:]
        elif isinstance(event, Started):
            self._resume(event)
        elif isinstance(event, Snapshot):
            self.snapshots = (*(step for step in self.snapshots if step < event.step), event.step)
        elif isinstance(event, Finished | Failed):
            self.ended = event

    def _take_evaluated(self, event: Evaluated) -> None:
        if event.split == "test":
            self.test = event
            return
        if event.complete:
            self.validation = event
        else:
            self.sample = event
        prefix = "val" if event.complete else "sample"
        self._add(event.step, f"{prefix}_loss", event.loss)
        self._add(event.step, f"{prefix}_accuracy", event.accuracy)

    def _add(self, step: int, name: str, value: float) -> None:
        self._passes[-1].curves[name].add(step, value)

    def _rewind(self) -> None:
        started = self.started
        if any(len(thinned.series()) for thinned in self._passes[-1].curves.values()):
            self._passes = [*self._passes[-_MAX_PASSES:], _Pass()]
        self._forget_pass()
        self.started = started

    def _resume(self, event: Started) -> None:
        """A resume goes on from a checkpoint: what came after that is trained again. One from the
        very beginning is a pass of its own."""
        if event.step == 0:
            self._rewind()
        # What was set after the checkpoint is not in it.
        self.controls = tuple(
            control for control in self.controls if event.step and control.step <= event.step
        )
        self.started, self.ended = event, None
        self.snapshots = tuple(step for step in self.snapshots if step <= event.step)
        for thinned in self._passes[-1].curves.values():
            thinned.drop_after(event.step)
