"""What breaks, on purpose: workers killed, stopped and starved of disk; each costs its own run only."""

from __future__ import annotations

import os
import resource
import shutil
import signal

import pytest
import torch

from engine.status_writer import StatusWriter
from engine.supervisor import Supervisor
from engine.words import Timings
from models.weights import load_weights
from tests.engine.conftest import MakeSupervisor
from tests.engine.runs import all_events, endless_spec, last_step, short_spec
from tests.waiting import wait_until
from training.events import Failed, Started
from training.run_store import RunStatus, RunStore


def _wait(supervisor: Supervisor, run_id: str, *states: str) -> RunStatus:
    wait_until(lambda: supervisor.status(run_id).state in states, f"{run_id} is {states}")
    return supervisor.status(run_id)


def _checkpointed(supervisor: Supervisor, store: RunStore, run_id: str) -> int:
    """The worker of a run, once it has something to resume from."""
    wait_until(
        lambda: store.checkpoint_path(run_id).is_file() and last_step(store, run_id) > 20,
        "a checkpoint",
    )
    return supervisor.worker_pids()[run_id]


def test_killed_worker_resumes_to_the_same_bits_and_disturbs_nobody(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor(slots=2)
    bystander = supervisor.submit(short_spec())
    victim = supervisor.submit(short_spec())
    os.kill(_checkpointed(supervisor, store, victim), signal.SIGKILL)

    assert _wait(supervisor, victim, "done", "failed").state == "done"
    status = _wait(supervisor, bystander, "done", "failed")
    assert (status.state, status.attempt) == ("done", 0)
    assert supervisor.status(victim).attempt == 1
    assert [e.attempt for e in all_events(store, bystander) if isinstance(e, Started)] == [0]
    starts = [event for event in all_events(store, victim) if isinstance(event, Started)]
    assert [event.attempt for event in starts] == [0, 1]
    assert starts[1].step > 0

    expected, _ = load_weights(store.weights_path(bystander))
    resumed, metadata = load_weights(store.weights_path(victim))
    assert metadata == {"step": "200"}
    assert expected.keys() == resumed.keys()
    for name, weights in expected.items():
        assert torch.equal(weights, resumed[name]), name


def test_second_kill_fails_the_run_which_can_be_resumed(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    first = _checkpointed(supervisor, store, run_id)
    os.kill(first, signal.SIGKILL)
    second = wait_until(
        lambda: (
            supervisor.status(run_id).state == "running"
            and (pid := supervisor.worker_pids().get(run_id, first)) != first
            and pid
        ),
        "a second worker",
    )
    assert "went on from its last checkpoint" in supervisor.status(run_id).message
    os.kill(second, signal.SIGKILL)
    status = _wait(supervisor, run_id, "failed")
    assert status.reason == "worker_crash"
    assert "killed after step" in status.message
    assert supervisor.load() == (0, 0)
    step = last_step(store, run_id)
    supervisor.control(run_id, "resume")
    wait_until(lambda: last_step(store, run_id) > step, "it goes on")


def test_stopped_process_is_noticed_by_its_silence(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor(timings=Timings(beat=0.1, silence=1.0, checkpoint=0.05))
    run_id = supervisor.submit(endless_spec())
    os.kill(_checkpointed(supervisor, store, run_id), signal.SIGSTOP)
    wait_until(lambda: supervisor.status(run_id).attempt == 1, "it was taken for lost")
    assert "no sign of life" in supervisor.status(run_id).message


def test_stop_that_is_not_obeyed_is_enforced(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor(timings=Timings(beat=0.1, terminate=0.2, kill=0.4))
    run_id = supervisor.submit(endless_spec())
    wait_until(lambda: last_step(store, run_id) >= 1, "it trains")
    os.kill(supervisor.worker_pids()[run_id], signal.SIGSTOP)  # SIGTERM stays pending too
    supervisor.control(run_id, "stop")
    status = _wait(supervisor, run_id, "stopped")
    assert status.reason == "killed"


def test_paused_worker_that_dies_leaves_the_run_interrupted(
    make_supervisor: MakeSupervisor,
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    supervisor.control(run_id, "pause")
    _wait(supervisor, run_id, "paused")
    os.kill(supervisor.worker_pids()[run_id], signal.SIGKILL)
    assert "it can be resumed" in _wait(supervisor, run_id, "interrupted").message


def test_full_disk_fails_that_run_only(make_supervisor: MakeSupervisor, store: RunStore) -> None:
    supervisor = make_supervisor(slots=2)
    other = supervisor.submit(endless_spec())
    run_id = supervisor.submit(endless_spec())
    supervisor.control(run_id, "pause")
    _wait(supervisor, run_id, "paused")
    size = store.events_path(run_id).stat().st_size
    resource.prlimit(supervisor.worker_pids()[run_id], resource.RLIMIT_FSIZE, (size, size))
    supervisor.control(run_id, "resume")
    status = _wait(supervisor, run_id, "failed")
    assert status.reason == "disk_full"
    assert "free some space" in status.message
    step = last_step(store, other)
    wait_until(lambda: last_step(store, other) > step, "the other run goes on")
    supervisor.control(run_id, "resume")  # there is room again
    _wait(supervisor, run_id, "running")


def test_removed_run_directory_fails_that_run_with_a_reason(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    wait_until(lambda: last_step(store, run_id) >= 1, "it trains")
    shutil.rmtree(store.path(run_id), ignore_errors=True)
    wait_until(lambda: supervisor.load() == (0, 0), "the run is over")
    following = supervisor.submit(short_spec(max_steps=5))
    _wait(supervisor, following, "done")


@pytest.mark.parametrize("damage", ["spec.json", "checkpoint.pt"])
def test_damaged_file_is_named(
    make_supervisor: MakeSupervisor, store: RunStore, damage: str
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(short_spec(max_steps=10))
    supervisor.control(run_id, "stop")
    _wait(supervisor, run_id, "stopped")
    if damage == "spec.json":
        (store.path(run_id) / damage).write_text("{")
        with pytest.raises(ValueError, match="spec of run"):
            supervisor.control(run_id, "resume")
    else:
        (store.path(run_id) / damage).write_bytes(b"PK but not really")
        supervisor.control(run_id, "resume")
        status = _wait(supervisor, run_id, "failed")
        assert status.reason == "user_error"
        assert "damaged" in status.message
        failed = all_events(store, run_id)[-1]
        assert isinstance(failed, Failed)
        assert failed.message == status.message


def test_torn_events_cost_one_line(make_supervisor: MakeSupervisor, store: RunStore) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    wait_until(lambda: last_step(store, run_id) >= 5, "it trains")
    supervisor.control(run_id, "stop")
    _wait(supervisor, run_id, "stopped")
    before = all_events(store, run_id)
    path = store.events_path(run_id)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 7)
    supervisor.control(run_id, "resume")
    wait_until(lambda: len(all_events(store, run_id)) > len(before), "it goes on")
    after = all_events(store, run_id)
    assert after[: len(before) - 1] == before[:-1]
    assert isinstance(after[len(before) - 1], Started)


def test_a_run_can_be_deleted_to_make_room_on_a_full_disk(
    make_supervisor: MakeSupervisor, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    _wait(supervisor, run_id, "running")
    wait_until(lambda: store.status(run_id).state == "running", "the status is on disk")

    def full(self: RunStore, run_id: str, status: RunStatus) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "write_status", full)
        supervisor.control(run_id, "stop")
        _wait(supervisor, run_id, "stopped")  # the engine knows what the file cannot say
        assert store.status(run_id).state == "running"
        supervisor.delete(run_id)
    assert store.run_ids() == []


def test_status_that_cannot_be_written_is_written_later(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.new_run(short_spec())
    failures = iter([OSError(28, "No space left on device")])
    write = RunStore.write_status

    def full_once(self: RunStore, run_id: str, status: RunStatus) -> None:
        for error in failures:
            raise error
        write(self, run_id, status)

    monkeypatch.setattr(RunStore, "write_status", full_once)
    monkeypatch.setattr("engine.status_writer._RETRY_SECONDS", 0.01)
    writer = StatusWriter(store)
    writer.put(run_id, RunStatus(state="running"))
    writer.put(run_id, RunStatus(state="failed", reason="disk_full"))
    assert writer.flush(10.0)
    assert store.status(run_id) == RunStatus(state="failed", reason="disk_full")
    assert writer.get(run_id) is None
