"""Run directories: what is written comes back, and whatever lies there is survived."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from training.events import Event, Failed, Finished, Progress, Snapshot, to_line
from training.run_store import EventWriter, RunError, RunStatus, RunStore
from training.spec import TrainSpec

EVIL_IDS = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "20260131-094500-ab2c/..",
    "20260131-094500-ab2c\n",
    "20260131-094500-AB2C",
    "20260131-094500-ab2c\x00",
    "٢٠٢٦٠١٣١-094500-ab2c",
]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def write(store: RunStore, run_id: str, *events: Event) -> None:
    with EventWriter(store.events_path(run_id)) as writer:
        for event in events:
            writer.write(event)


def progress(step: int) -> Progress:
    return Progress(
        step=step,
        time=1.5,
        epoch=0.1,
        loss=2.0,
        accuracy=0.5,
        lr=0.1,
        images_per_second=10.0,
        forward_ms=1.0,
        backward_ms=2.0,
        seconds_left=3.0,
    )


def test_spec_status_and_events_come_back(store: RunStore) -> None:
    spec = TrainSpec(seed=7, title="Zürich")
    run_id = store.new_run(spec)
    assert store.run_ids() == [run_id]
    assert store.spec(run_id) == spec
    status = RunStatus(
        state="failed", reason="nan", message="…", attempt=1, created=1.0, updated=2.0
    )
    store.write_status(run_id, status)
    assert store.status(run_id) == status
    events: list[Event] = [
        progress(1),
        Snapshot(step=2),
        Finished(step=2, reason="done", seconds=1.0),
    ]
    write(store, run_id, *events)
    found, cursor = store.events(run_id)
    assert found == events
    assert cursor == store.events_path(run_id).stat().st_size
    assert store.events(run_id, cursor) == ([], cursor)


def test_only_real_directories_are_runs(store: RunStore, tmp_path: Path) -> None:
    run_id = store.new_run(TrainSpec())
    (store.root / "20260101-000000-aaaa").write_text("a stray file")
    (store.root / "20260101-000000-bbbb").symlink_to(store.root / run_id)
    (store.root / "20260101-000000-cccc").symlink_to(tmp_path / "nowhere")
    (store.root / "notes").mkdir()
    assert store.run_ids() == [run_id]


def test_root_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path / "there"))
    assert RunStore().root == tmp_path / "there"
    monkeypatch.delenv("CONVSCOPE_RUNS")
    assert RunStore().root == Path("runs")
    assert RunStore().run_ids() == [] or Path("runs").is_dir()


def test_newest_first_and_strangers_ignored(store: RunStore) -> None:
    store.root.mkdir()
    names = ["20260131-094500-ab2c", "20260201-000000-aaaa", "20250101-000000-zzzz"]
    for name in [*names, "notes", "20260131-094500-ab2c.old"]:
        (store.root / name).mkdir()
    assert store.run_ids() == [
        "20260201-000000-aaaa",
        "20260131-094500-ab2c",
        "20250101-000000-zzzz",
    ]


def test_many_runs_in_one_second_differ(store: RunStore) -> None:
    ids = {store.new_run(TrainSpec()) for _ in range(50)}
    assert len(ids) == 50


@pytest.mark.parametrize("run_id", EVIL_IDS)
def test_evil_ids_reach_nothing(store: RunStore, run_id: str) -> None:
    for access in (store.path, store.spec, store.status, store.delete, store.snapshot_steps):
        with pytest.raises(RunError, match="not a run id"):
            access(run_id)
    with pytest.raises(RunError):
        store.events(run_id)
    with pytest.raises(RunError):
        store.snapshot_path(run_id, 1)


def test_absent_run_is_a_sentence(store: RunStore) -> None:
    with pytest.raises(RunError, match="not here"):
        store.spec("20260131-094500-ab2c")


def test_torn_tail_at_every_byte(store: RunStore) -> None:
    """However much of the last line is there, the lines before come once and it comes when whole."""
    run_id = store.new_run(TrainSpec())
    path = store.events_path(run_id)
    lines = [to_line(progress(step)).encode() for step in (1, 2, 3)]
    head, last = lines[0] + lines[1], lines[2]
    for cut in range(len(last)):
        path.write_bytes(head + last[:cut])
        events, cursor = store.events(run_id)
        assert [event.step for event in events] == [1, 2]
        assert cursor == len(head)
        assert store.events(run_id, cursor) == ([], cursor)
        path.write_bytes(head + last)
        events, cursor = store.events(run_id, cursor)
        assert [event.step for event in events] == [3]


def test_writer_goes_on_after_a_torn_line(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    whole = to_line(progress(1)).encode()
    for cut in range(1, len(whole)):
        store.events_path(run_id).write_bytes(whole + whole[:cut])
        write(store, run_id, progress(9))
        steps = [event.step for event in store.events(run_id)[0]]
        assert steps in ([1, 9], [1, 1, 9])  # the torn line lacked only its end: it counts


def test_nonsense_lines_are_skipped(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    nonsense = (
        b'\n{"kind":"later","step":1}\n[]\nnull\n"x"\n{"kind":[]}\n\xff\xfe\n{"kind":"progress"}\n'
    )
    good = to_line(progress(5)).encode()
    store.events_path(run_id).write_bytes(nonsense + good)
    assert [event.step for event in store.events(run_id)[0]] == [5]


def test_large_files_come_in_pieces(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    line = to_line(progress(5)).encode()
    store.events_path(run_id).write_bytes(line * 12_000)  # about 2 MB
    count = cursor = 0
    while True:
        events, after = store.events(run_id, cursor)
        if after == cursor:
            break
        count, cursor = count + len(events), after
    assert count == 12_000


def test_a_shorter_file_restarts_the_cursor(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    write(store, run_id, progress(1))
    assert store.events(run_id, 10_000) == ([], 0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state":"flying"}', b"\xff", None])
def test_unreadable_status_is_listed_as_such(store: RunStore, content: bytes | None) -> None:
    good, bad = store.new_run(TrainSpec()), store.new_run(TrainSpec())
    store.write_status(good, RunStatus(state="done"))
    path = store.path(bad) / "status.json"
    path.mkdir() if content is None else path.write_bytes(content)
    assert set(store.run_ids()) == {good, bad}
    status = store.status(bad)
    assert status.state == "unreadable"
    assert bad in status.message
    assert status.created > 0
    assert store.status(good).state == "done"


def test_missing_status_was_never_started(store: RunStore) -> None:
    assert store.status(store.new_run(TrainSpec())).state == "interrupted"


@pytest.mark.parametrize("content", [b"", b"{", b'{"epochs":0}', b"\xff\xff", None])
def test_unreadable_spec_is_a_sentence(store: RunStore, content: bytes | None) -> None:
    run_id = store.new_run(TrainSpec())
    path = store.path(run_id) / "spec.json"
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(RunError, match=run_id):
        store.spec(run_id)


def test_snapshots_are_listed_in_order(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    for name in ("10.safetensors", "2.safetensors", "2.safetensors.tmp.77", "x.safetensors"):
        (store.path(run_id) / "snapshots" / name).touch()
    assert store.snapshot_steps(run_id) == [2, 10]
    (store.path(run_id) / "snapshots").rename(store.path(run_id) / "gone")
    assert store.snapshot_steps(run_id) == []


def test_delete_takes_the_run_and_nothing_else(store: RunStore, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    kept, gone = store.new_run(TrainSpec()), store.new_run(TrainSpec())
    (store.path(gone) / "snapshots" / "link").symlink_to(precious)
    store.delete(gone)
    assert store.run_ids() == [kept]
    assert (precious / "file").read_text() == "keep"
    link = store.root / "20260131-094500-ab2c"
    link.symlink_to(precious)
    with pytest.raises(RunError):
        store.delete(link.name)
    assert (precious / "file").read_text() == "keep"


@pytest.mark.parametrize("state", ["queued", "starting", "running", "paused"])
def test_active_runs_are_not_deleted(store: RunStore, state: Any) -> None:
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state=state))
    with pytest.raises(RunError, match="still active"):
        store.delete(run_id)


def test_full_disk_is_a_sentence(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        store.new_run(TrainSpec())


def test_failed_status_write_leaves_the_old_one(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state="running"))
    monkeypatch.setattr(Path, "replace", lambda *args: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        store.write_status(run_id, RunStatus(state="done"))
    assert store.status(run_id).state == "running"
    assert not list(store.path(run_id).glob("*.tmp.*"))


def test_writer_writes_at_once_and_closes(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec())
    with EventWriter(store.events_path(run_id)) as writer:
        writer.write(Failed(step=3, reason="nan", message="é"))
        assert store.events(run_id)[0] == [Failed(step=3, reason="nan", message="é")]
    with pytest.raises(ValueError, match="closed"):
        writer.write(progress(1))
