"""The client with an engine that is there and says nothing: no page may hang on it."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import wire
from engine.client import LocalEngine
from engine.protocol import EngineError
from training.run_store import RunStore


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a listener that accepts (its backlog does) and never answers."""
    monkeypatch.setattr(wire, "DIAL_SECONDS", 0.3)
    with (
        tempfile.TemporaryDirectory(prefix="convscope-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        address = str(Path(folder) / "socket")
        listener.bind(address)
        listener.listen(1)
        yield address


def test_a_silent_engine_is_a_sentence(silent: str) -> None:
    with pytest.raises(wire.SilentError, match=r"does not answer \(0\.3 s\): try again"):
        wire.dial(silent, b"key")


def test_a_backlog_that_is_full_is_silence_too(silent: str) -> None:
    callers = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for caller in callers:
        caller.connect(silent)
    with pytest.raises(wire.SilentError):
        wire.dial(silent, b"key")
    for caller in callers:
        caller.close()


def test_a_silent_service_holds_no_lock(
    silent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pages that ask at once all get the sentence after one wait, not one after the other."""
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path))
    monkeypatch.setenv("CONVSCOPE_ENGINE", silent)
    engine = LocalEngine()
    together = threading.Barrier(2, timeout=30)
    dial = wire.dial

    def meet(address: str, key: bytes) -> object:
        together.wait()  # broken if one page had to wait for the other
        return dial(address, key)

    monkeypatch.setattr(wire, "dial", meet)
    told: list[str] = []

    def page() -> None:
        with pytest.raises(EngineError) as caught:
            engine.capacity()
        told.append(str(caught.value))

    threads = [threading.Thread(target=page) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 2
    assert all("does not answer" in sentence for sentence in told)


def test_a_silent_engine_of_these_runs_is_not_replaced(
    silent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path))
    monkeypatch.delenv("CONVSCOPE_ENGINE", raising=False)
    found = {"address": silent, "key": b"key".hex()}
    (RunStore().root / ".engine").write_text(json.dumps(found))
    with pytest.raises(wire.SilentError):
        LocalEngine().capacity()
