"""What the rest of ConvScope may ask of whatever runs the work.

Pages know this protocol and nothing else: whether the work is done by a child process of this
server, by a service of its own or by a cluster is decided where the engine is made.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from training.run_store import RunStatus
from training.spec import TrainSpec


class EngineError(Exception):
    """Something the engine cannot do; the message is one sentence with the way out."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What there is to run on, and how much of it is taken."""

    ready: bool  # False while the engine warms up: runs wait in the queue, reading works
    slots: int  # runs that may train at once
    running: int  # runs that hold a slot
    queued: int  # runs that wait for one
    device: str  # what `device = auto` trains on; empty until the engine is ready
    pid: int  # of the engine
    versions: Mapping[str, str] = field(default_factory=dict)  # of python and torch


class Engine(Protocol):
    """Trains runs and looks into networks. Every method may be called from many threads at once.

    All methods raise EngineError with a sentence for people.
    """

    def submit(self, spec: TrainSpec, *, nonce: str | None = None) -> str:
        """Queue a run; its id. Submits with the same nonce (one per shown form) make one run."""

    def control(
        self,
        run_id: str,
        action: str,
        field: str | None = None,
        value: float | None = None,
    ) -> None:
        """Pause, resume, step, stop, rewind, set or watch; see `training.control.check_command`.

        `resume` and `rewind` also start a run again that has ended: from its checkpoint, or from
        its first weights.
        """

    def status(self, run_id: str) -> RunStatus:
        """Where a run stands."""

    def look(
        self,
        lens: str,
        model: str | None = None,
        image: str | None = None,
        *,
        timeout: float = 30.0,
        **options: Any,
    ) -> Any:
        """A lens's result (frozen dataclasses of numpy arrays). Options are JSON values."""

    def watch(
        self,
        lens: str,
        model: str | None = None,
        image: str | None = None,
        *,
        timeout: float = 300.0,
        **options: Any,
    ) -> Generator[Any]:
        """As `look`, with what is known so far: partial results, the last of all is the result.

        None a few times a second while there is nothing new, so that whoever waits can leave:
        closing the generator ends the computation unless somebody else waits for it.
        """

    def capacity(self) -> Capacity:
        """Readiness, device and load; never waits."""

    def delete(self, run_id: str) -> None:
        """Remove a run that has ended, for good."""
