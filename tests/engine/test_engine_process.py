"""The engine as a process of its own: no torch in it, no orphans after it, and back when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from engine import client, rendezvous
from engine.client import LocalEngine, connect
from engine.protocol import EngineError
from tests.engine.runs import endless_spec, last_step
from tests.waiting import wait_until
from training.run_store import RunStore

_WEB = """
import sys, time
from engine.client import connect
from tests.engine.runs import endless_spec
engine = connect()
print(engine.capacity().pid, engine.submit(endless_spec()), flush=True)
assert "torch" not in sys.modules
time.sleep(3600)
"""
_GONE = 2.0  # seconds after a kill in which everything that belonged to it must be gone


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("CONVSCOPE_ENGINE", raising=False)
    return RunStore()


@pytest.fixture
def engine(runs: RunStore) -> Iterator[LocalEngine]:
    engine = LocalEngine()
    yield engine
    engine.close()


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _family(pid: int) -> list[psutil.Process]:
    """A process and all that descends from it: forkserver, resource tracker, workers."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _assert_gone(family: list[psutil.Process]) -> None:
    wait_until(lambda: not any(map(_alive, family)), f"no orphan of {family}", _GONE)


def test_a_killed_web_server_leaves_no_orphan_and_true_states(runs: RunStore) -> None:
    web = subprocess.Popen([sys.executable, "-c", _WEB], stdout=subprocess.PIPE, text=True)
    assert web.stdout is not None
    with web.stdout:
        engine_pid, run_id = web.stdout.readline().split()
    wait_until(lambda: last_step(runs, run_id) > 20, "it trains", 180.0)
    wait_until(lambda: runs.checkpoint_path(run_id).is_file(), "a checkpoint")
    family = _family(int(engine_pid))
    assert len(family) >= 5  # engine, tracker, forkserver, stand-by, trainer, lens worker
    web.kill()
    web.wait()
    _assert_gone(family)
    assert runs.status(run_id).state == "interrupted"

    engine = LocalEngine()
    assert engine.status(run_id).state == "interrupted"
    step = last_step(runs, run_id)
    engine.control(run_id, "resume")
    wait_until(lambda: last_step(runs, run_id) > step, "it goes on from there", 180.0)
    assert engine.status(run_id).state == "running"
    maps = Path(f"/proc/{engine.capacity().pid}/maps").read_text()
    assert "python" in maps
    assert "libtorch" not in maps

    # Now the engine itself is killed: its workers end, another takes over, the run can be resumed.
    family = _family(engine.capacity().pid)
    os.kill(family[0].pid, signal.SIGKILL)
    _assert_gone(family)
    assert runs.status(run_id).state == "running"  # nobody was there to say otherwise
    assert engine.status(run_id).state == "interrupted"
    assert engine.capacity().pid != family[0].pid
    engine.close()


def test_closing_ends_the_engine_and_its_folder(runs: RunStore, engine: LocalEngine) -> None:
    family = _family(engine.capacity().pid)
    found = rendezvous.find(runs.root)
    assert found is not None
    folder = Path(found[0]).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    engine.close()
    _assert_gone(family)
    assert not folder.exists()
    assert rendezvous.find(runs.root) is None


def test_nobody_who_only_reads_waits_for_the_warm_up(engine: LocalEngine) -> None:
    capacity = engine.capacity()
    assert not capacity.ready
    assert capacity.slots >= 1
    assert (capacity.running, capacity.queued) == (0, 0)
    run_id = engine.submit(endless_spec())
    assert engine.status(run_id).queue_position == 1
    engine.control(run_id, "stop")
    engine.delete(run_id)
    with pytest.raises(EngineError, match="not a run id"):
        engine.status("../../etc/passwd")


def test_two_servers_of_one_checkout_share_an_engine(runs: RunStore, engine: LocalEngine) -> None:
    other = LocalEngine()
    assert other.capacity().pid == engine.capacity().pid
    other.close()  # is not its parent: leaves it alone
    assert engine.capacity().pid
    with ThreadPoolExecutor(8) as threads:
        engines = [LocalEngine() for _ in range(8)]
        assert len({capacity.pid for capacity in threads.map(LocalEngine.capacity, engines)}) == 1
    for each in engines:
        each.close()


def test_servers_that_start_at_once_start_one_engine(runs: RunStore) -> None:
    engines = [LocalEngine() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        assert len({capacity.pid for capacity in threads.map(LocalEngine.capacity, engines)}) == 1
    for each in engines:
        each.close()


def test_connect_gives_one_engine_to_all_threads(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_engines", {})
    with ThreadPoolExecutor(8) as threads:
        engines = set(threads.map(lambda _: connect(), range(8)))
    assert len(engines) == 1
    engine = engines.pop()
    assert isinstance(engine, LocalEngine)
    engine.close()


def test_an_engine_that_keeps_dying_is_not_started_for_ever(
    runs: RunStore, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_SLOTS", "many")
    for _ in range(3):
        with pytest.raises(EngineError, match="CONVSCOPE_SLOTS is 'many'"):
            engine.capacity()
    with pytest.raises(EngineError, match="ended 3 times within 60 s"):
        engine.capacity()


def test_an_engine_of_its_own_is_found_by_address_and_key(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="convscope-") as folder:
        address = str(Path(folder) / "engine")
        monkeypatch.setenv("CONVSCOPE_ENGINE_KEY", "a secret of sixteen or more")
        service = subprocess.Popen([sys.executable, "-m", "engine", "--address", address])
        try:
            wait_until(Path(address).exists, "it listens")
            monkeypatch.setenv("CONVSCOPE_ENGINE", address)
            engine = LocalEngine()
            assert engine.capacity().pid == service.pid
            engine.close()
            assert service.poll() is None  # it outlives the servers
            monkeypatch.setenv("CONVSCOPE_ENGINE_KEY", "not the one it was started with")
            with pytest.raises(EngineError, match="refused the key"):
                LocalEngine().capacity()
        finally:
            service.terminate()
            service.wait()
        with pytest.raises(EngineError, match="There is no engine at"):
            LocalEngine().capacity()
    monkeypatch.setenv("CONVSCOPE_ENGINE", "nonsense")
    with pytest.raises(EngineError, match="'nonsense' is neither host:port nor the path"):
        LocalEngine().capacity()
