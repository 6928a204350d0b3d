"""One warm forkserver for all tests of this folder: its warm-up is what takes the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.forkserver import Forkserver
from engine.supervisor import Supervisor
from engine.words import Timings
from tests.waiting import wait_until
from training.run_store import RunStore

FAST = Timings(beat=0.1, silence=3.0, terminate=20.0, kill=30.0, checkpoint=0.05, weights=0.05)
MakeSupervisor = Callable[..., Supervisor]


@pytest.fixture(scope="session")
def forkserver() -> Forkserver:
    forkserver = Forkserver()
    forkserver.start(lambda: None)
    wait_until(lambda: forkserver.ready, "the forkserver is warm", 180.0)
    return forkserver


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def make_supervisor(forkserver: Forkserver, store: RunStore) -> Iterator[MakeSupervisor]:
    """Supervisors of the test's store, with short timings; their workers end with the test."""
    made: list[Supervisor] = []

    def make(slots: int = 1, timings: Timings = FAST) -> Supervisor:
        supervisor = Supervisor(store, forkserver, slots=slots, threads=1, timings=timings)
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.close()
