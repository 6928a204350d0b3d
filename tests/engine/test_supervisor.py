"""Queue, slots and states, with real workers that train a small network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.protocol import EngineError
from engine.supervisor import Supervisor
from tests.engine.conftest import MakeSupervisor
from tests.engine.runs import all_events, endless_spec, last_step, short_spec
from tests.waiting import wait_until
from training.events import Control, Evaluated, Finished, Progress, Snapshot, Started
from training.run_store import RunError, RunStatus, RunStore
from training.spec import SpecError


def _wait(supervisor: Supervisor, run_id: str, *states: str) -> RunStatus:
    wait_until(lambda: supervisor.status(run_id).state in states, f"{run_id} is {states}")
    return supervisor.status(run_id)


def test_a_run_goes_from_queue_to_done_and_leaves_its_files(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(short_spec(max_steps=30))
    status = _wait(supervisor, run_id, "done")
    assert status == RunStatus(
        state="done",
        reason="done",
        message="All 30 steps done.",
        created=status.created,
        updated=status.updated,
    )
    wait_until(lambda: store.status(run_id) == status, "the status is on disk")
    events = all_events(store, run_id)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert any(isinstance(event, Progress) for event in events)
    assert any(isinstance(event, Evaluated) and event.split == "test" for event in events)
    told = [event.step for event in events if isinstance(event, Snapshot)]
    assert store.snapshot_steps(run_id) == told
    assert store.checkpoint_path(run_id).is_file()
    assert (store.path(run_id) / "latest.safetensors").is_file()
    assert supervisor.load() == (0, 0)


def test_queue_is_first_in_first_out_and_says_positions(make_supervisor: MakeSupervisor) -> None:
    supervisor = make_supervisor()
    first, second, third = (supervisor.submit(endless_spec()) for _ in range(3))
    _wait(supervisor, first, "running")
    assert [supervisor.status(run).queue_position for run in (first, second, third)] == [None, 1, 2]
    assert supervisor.load() == (1, 2)
    supervisor.control(first, "stop")
    _wait(supervisor, second, "running")
    assert supervisor.status(first).state == "stopped"
    assert supervisor.status(third).queue_position == 1
    supervisor.control(third, "stop")
    assert supervisor.status(third).state == "stopped"
    assert supervisor.load() == (1, 0)


def test_full_queue_refuses_and_makes_nothing(
    make_supervisor: MakeSupervisor, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.supervisor.MAX_WAITING", 2)
    supervisor = make_supervisor()
    runs = [supervisor.submit(endless_spec()) for _ in range(3)]
    with pytest.raises(EngineError, match="2 runs wait or are paused already"):
        supervisor.submit(endless_spec())
    assert sorted(store.run_ids()) == sorted(runs)
    supervisor.control(runs[2], "stop")
    supervisor.submit(endless_spec())


def test_pause_frees_the_slot_and_resume_waits_for_one(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    paused = supervisor.submit(endless_spec())
    wait_until(lambda: last_step(store, paused) >= 1, "it trains")
    supervisor.control(paused, "pause")
    _wait(supervisor, paused, "paused")
    pid = supervisor.worker_pids()[paused]
    other = supervisor.submit(endless_spec())
    _wait(supervisor, other, "running")
    step = last_step(store, paused)

    supervisor.control(paused, "resume")
    assert supervisor.status(paused).state == "queued"
    assert supervisor.status(paused).queue_position == 1
    assert last_step(store, paused) == step
    supervisor.control(paused, "pause")  # changed one's mind
    assert supervisor.status(paused).state == "paused"
    supervisor.control(paused, "resume")

    supervisor.control(other, "stop")
    _wait(supervisor, paused, "running")
    assert supervisor.worker_pids()[paused] == pid
    wait_until(lambda: last_step(store, paused) > step, "it trains on")


def test_pause_and_resume_in_one_breath_keep_the_slot(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    waiting = supervisor.submit(endless_spec())
    _wait(supervisor, run_id, "running")
    supervisor.control(run_id, "pause")
    supervisor.control(run_id, "resume")

    def actions() -> list[str]:
        return [event.action for event in all_events(store, run_id) if isinstance(event, Control)]

    wait_until(lambda: actions() == ["pause", "resume"], "both were obeyed")
    _wait(supervisor, run_id, "running")
    assert supervisor.status(waiting).state == "queued"
    assert supervisor.load() == (1, 1)


def test_step_and_resume_in_one_breath_keep_the_slot(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    waiting = supervisor.submit(endless_spec())
    _wait(supervisor, run_id, "running")
    supervisor.control(run_id, "step")
    supervisor.control(run_id, "resume")
    wait_until(
        lambda: any(
            isinstance(event, Control) and event.action == "resume"
            for event in all_events(store, run_id)
        ),
        "both were obeyed",
    )
    _wait(supervisor, run_id, "running")
    assert supervisor.status(waiting).state == "queued"
    assert supervisor.load() == (1, 1)


def test_controls_reach_the_run_and_are_recorded(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    supervisor.control(run_id, "pause")
    _wait(supervisor, run_id, "paused")
    step = last_step(store, run_id)
    supervisor.control(run_id, "step")
    wait_until(lambda: last_step(store, run_id) == step + 1, "one update")
    supervisor.control(run_id, "set", "lr", 0.003)
    supervisor.control(run_id, "resume")

    def rates() -> list[Control]:
        events = all_events(store, run_id)
        return [event for event in events if isinstance(event, Control) and event.action == "set"]

    change = wait_until(rates, "the change is recorded")[0]
    assert (change.step, change.field, change.value) == (step + 1, "lr", 0.003)


def test_rewind_forgets_the_later_snapshots(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(short_spec(max_steps=40))
    _wait(supervisor, run_id, "done")
    with pytest.raises(EngineError, match="is done: rewind it"):
        supervisor.control(run_id, "resume")
    supervisor.control(run_id, "rewind")
    _wait(supervisor, run_id, "done")
    events = all_events(store, run_id)
    starts = [event.step for event in events if isinstance(event, Started)]
    assert starts == [0, 0]
    rewinds = [e for e in events if isinstance(e, Control) and e.action == "rewind"]
    assert len(rewinds) == 1
    second_pass = events[events.index(rewinds[0]) :]
    assert store.snapshot_steps(run_id) == sorted(
        {event.step for event in second_pass if isinstance(event, Snapshot)} | {0}
    )


def test_stop_then_resume_goes_on_from_the_checkpoint(
    make_supervisor: MakeSupervisor, store: RunStore
) -> None:
    supervisor = make_supervisor()
    run_id = supervisor.submit(endless_spec())
    wait_until(lambda: last_step(store, run_id) >= 5, "it trains")
    supervisor.control(run_id, "stop")
    assert _wait(supervisor, run_id, "stopped").reason == "stopped"
    step = last_step(store, run_id)
    supervisor.control(run_id, "resume")
    _wait(supervisor, run_id, "running")
    assert [e.step for e in all_events(store, run_id) if isinstance(e, Started)] == [0, step]


def test_refusals_are_sentences(make_supervisor: MakeSupervisor, store: RunStore) -> None:
    supervisor = make_supervisor()
    running = supervisor.submit(endless_spec())
    queued = supervisor.submit(endless_spec())
    _wait(supervisor, running, "running")
    with pytest.raises(EngineError, match="waits in the queue and has nothing to pause"):
        supervisor.control(queued, "pause")
    with pytest.raises(EngineError, match="stop it first"):
        supervisor.delete(running)
    with pytest.raises(SpecError, match="There is no action 'explode'"):
        supervisor.control(running, "explode")
    with pytest.raises(SpecError, match="`lr` is nan"):
        supervisor.control(running, "set", "lr", float("nan"))
    for bad in ("../../etc/passwd", "20260101-000000-aaaa", ""):
        with pytest.raises(RunError):
            supervisor.control(bad, "stop")
        with pytest.raises(RunError):
            supervisor.delete(bad)
    supervisor.control(queued, "stop")
    with pytest.raises(EngineError, match="is stopped: it can be resumed or rewound"):
        supervisor.control(queued, "pause")
    supervisor.delete(queued)
    assert queued not in store.run_ids()


def test_one_nonce_makes_one_run(make_supervisor: MakeSupervisor, store: RunStore) -> None:
    supervisor = make_supervisor()
    with ThreadPoolExecutor(50) as threads:
        made = list(
            threads.map(lambda _: supervisor.submit(endless_spec(), nonce="form-1"), range(50))
        )
    assert len(set(made)) == 1
    assert store.run_ids() == made[:1]
    assert supervisor.submit(endless_spec(), nonce="form-2") != made[0]


def test_at_boot_no_run_is_said_to_go_on(make_supervisor: MakeSupervisor, store: RunStore) -> None:
    runs = {}
    for state in ("queued", "starting", "running", "paused", "done", "stopped", "failed"):
        runs[state] = store.new_run(short_spec())
        store.write_status(runs[state], RunStatus(state=state, message="as it was"))
    torn = store.new_run(short_spec())
    (store.path(torn) / "status.json").write_text('{"state": "run')
    blocked = store.new_run(short_spec())
    (store.path(blocked) / "status.json").mkdir()
    never = store.new_run(short_spec())  # no status was written yet

    supervisor = make_supervisor()
    supervisor.recover()
    for state, run_id in runs.items():
        over = state in ("done", "stopped", "failed")
        assert store.status(run_id).state == (state if over else "interrupted")
        assert (store.status(run_id).message == "as it was") == over
    assert store.status(torn).state == "unreadable"
    assert store.status(blocked).state == "unreadable"
    assert store.status(never).state == "interrupted"
    supervisor.control(runs["running"], "resume")
    _wait(supervisor, runs["running"], "running")
