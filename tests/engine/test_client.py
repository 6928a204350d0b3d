"""The client with an engine that is there and says nothing: no page may hang on it."""

from __future__ import annotations

import contextlib
import json
import pickle
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


class _Told:
    """A connection to an engine that tells what the test wrote down; None: silence."""

    def __init__(self, replies: list[bytes | None]) -> None:
        self.replies = replies
        self.closed = False

    def send_bytes(self, _data: bytes) -> None: ...

    def poll(self, _seconds: float) -> bool:
        if self.replies and self.replies[0] is None:
            self.replies.pop(0)
            return False
        return True

    def recv_bytes(self) -> bytes:
        if not self.replies:
            raise EOFError
        data = self.replies.pop(0)
        assert data is not None
        return data

    def close(self) -> None:
        self.closed = True


PART, WHOLE = b'{"partial":true}', b'{"blob":true}'


def _watch(monkeypatch: pytest.MonkeyPatch, *replies: bytes | None) -> tuple[LocalEngine, _Told]:
    engine, told = LocalEngine(), _Told(list(replies))
    monkeypatch.setattr(engine, "_take", lambda: told)
    return engine, told


def test_watching_yields_parts_silence_and_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, told = _watch(
        monkeypatch, None, PART, pickle.dumps(1), None, WHOLE, pickle.dumps(2)
    )  # fmt: skip
    assert list(engine.watch("x")) == [None, 1, None, 2]
    assert not told.closed  # as good as before


def test_who_stops_watching_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, told = _watch(monkeypatch, PART, pickle.dumps(1), PART, pickle.dumps(2))
    with contextlib.closing(engine.watch("x")) as results:
        assert next(results) == 1
    assert told.closed


def test_a_refusal_and_an_end_while_watching_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, told = _watch(monkeypatch, PART, pickle.dumps(1), b'{"error": "No: choose another."}')
    with pytest.raises(EngineError, match=r"^No: choose another\.$"):
        list(engine.watch("x"))
    assert not told.closed
    engine, told = _watch(monkeypatch, PART, pickle.dumps(1))
    with pytest.raises(EngineError, match="ended before it answered"):
        list(engine.watch("x"))
    assert told.closed


def test_a_silent_engine_of_these_runs_is_not_replaced(
    silent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path))
    monkeypatch.delenv("CONVSCOPE_ENGINE", raising=False)
    found = {"address": silent, "key": b"key".hex()}
    (RunStore().root / ".engine").write_text(json.dumps(found))
    with pytest.raises(wire.SilentError):
        LocalEngine().capacity()
