"""The engine's front door: who gets in, what may be asked, and what comes back."""

from __future__ import annotations

import json
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import pytest

from engine import server, wire
from engine.forkserver import Forkserver
from engine.lens_pool import LensPool
from engine.protocol import EngineError
from engine.server import Server
from tests.engine.conftest import MakeSupervisor
from tests.engine.runs import endless_spec
from tests.waiting import wait_until
from training.run_store import RunStore

KEY = b"a key of this test"
Ask = Callable[..., Any]


@pytest.fixture
def address(
    forkserver: Forkserver, make_supervisor: MakeSupervisor, store: RunStore
) -> Iterator[str]:
    """Where a server listens, whose lenses are the fake ones."""
    pool = LensPool(forkserver, workers=1, run="tests.engine.fake_lenses:run")
    pool.start()
    with tempfile.TemporaryDirectory(prefix="convscope-") as folder:  # a short path, for a socket
        address = str(Path(folder) / "socket")
        server = Server(
            address,
            KEY,
            store=store,
            supervisor=make_supervisor(),
            lenses=pool,
            forkserver=forkserver,
        )
        server.start()
        yield address
        server.close()
    pool.close()


@pytest.fixture
def ask(address: str) -> Iterator[Ask]:
    connection = wire.dial(address, KEY)

    def ask(method: str, **arguments: Any) -> Any:
        connection.send_bytes(wire.encode_request(method, arguments))
        return wire.receive_reply(connection)

    yield ask
    connection.close()


def _raw(connection: Connection[Any, Any], data: bytes) -> Any:
    connection.send_bytes(data)
    return wire.receive_reply(connection)


def test_capacity_and_a_run_over_the_wire(ask: Ask, store: RunStore) -> None:
    capacity = ask("capacity")
    assert capacity["ready"] is True
    assert capacity["slots"] == 1
    assert capacity["device"]
    assert set(capacity["versions"]) == {"python", "torch"}
    run_id = ask("submit", spec=endless_spec().model_dump(mode="json"))
    wait_until(lambda: ask("status", run_id=run_id)["state"] == "running", "it trains")
    assert store.spec(run_id) == endless_spec()
    ask("control", run_id=run_id, action="set", field="lr", value=0.01)
    ask("control", run_id=run_id, action="stop")
    wait_until(lambda: ask("status", run_id=run_id)["state"] == "stopped", "it stopped")
    ask("delete", run_id=run_id)
    assert store.run_ids() == []


def test_wrong_key_is_refused(address: str) -> None:
    with pytest.raises(EngineError, match="refused the key"):
        wire.dial(address, b"another key")


def test_nothing_is_read_before_the_key(address: str, ask: Ask) -> None:
    stranger = Client(address)  # answers no challenge
    stranger.send_bytes(wire.encode_request("capacity", {}))
    stranger.recv_bytes()  # the challenge
    stranger.recv_bytes()  # that this was no answer to it
    with pytest.raises((EOFError, OSError)):  # and the door is closed
        stranger.recv_bytes()
    stranger.close()
    assert ask("capacity")["ready"]  # others were not kept waiting


@pytest.mark.parametrize("method", ["__init__", "_submit", "close", "start", ""])
def test_only_methods_of_the_table_exist(ask: Ask, method: str) -> None:
    with pytest.raises(EngineError, match="The engine has no method"):
        ask(method)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("status", {}),
        ("status", {"run_id": 7}),
        ("status", {"run_id": "x", "extra": 1}),
        ("look", {"lens": "echo", "options": {}, "timeout": -1}),
        ("look", {"lens": "echo", "options": {}, "timeout": 1e9}),
        ("look", {"lens": "e" * 1000, "options": {}, "timeout": 1}),
        ("submit", {"spec": "not a table"}),
        ("submit", {"spec": {}, "nonce": "n" * 1000}),
    ],
)
def test_wrong_arguments_are_a_sentence(ask: Ask, method: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="`"):
        ask(method, **arguments)
    assert ask("capacity")["ready"]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b'"x"', b'{"method": 1, "arguments": {}}', b"[" * 100_000]
)
def test_what_is_no_request_is_said_to_be_none(address: str, data: bytes) -> None:
    connection = wire.dial(address, KEY)
    with pytest.raises(EngineError, match="not a method and its arguments"):
        _raw(connection, data)
    assert _raw(connection, wire.encode_request("capacity", {}))["ready"]
    connection.close()


def test_pickles_are_not_opened(address: str, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "opened",)

    connection = wire.dial(address, KEY)
    with pytest.raises(EngineError):
        _raw(connection, pickle.dumps(Bomb()))
    connection.close()
    assert not (tmp_path / "opened").exists()


def test_too_large_a_request_is_refused_on_both_sides(address: str) -> None:
    with pytest.raises(EngineError, match=r"more than the 1\.0 MB"):
        wire.encode_request("status", {"run_id": "x" * (wire.MAX_REQUEST_BYTES + 1)})
    connection = wire.dial(address, KEY)
    with pytest.raises((EOFError, OSError)):
        _raw(connection, b" " * (wire.MAX_REQUEST_BYTES + 1))
    connection.close()
    with pytest.raises(EngineError, match="numbers, texts, lists and tables only"):
        wire.encode_request("look", {"options": {"image": object()}})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 10**6}, "batch_size"),
        ({"optimizer": {"lr": "nan"}}, "lr"),
        ({"network": {"kind": "custom", "layers": []}}, "layers"),
        ({"network": {"kind": "named", "name": "lenet55"}}, "lenet55"),
        ({"dataset": {"name": "../../etc/passwd"}}, "passwd"),
        (
            {
                "network": {
                    "kind": "custom",
                    "layers": [{"kind": "conv", "out_channels": 10**9, "kernel_size": 3}],
                }
            },
            "1,000,000,000",
        ),
        (
            {
                "network": {
                    "kind": "custom",
                    "layers": [{"kind": "conv", "out_channels": 4, "kernel_size": 99}],
                }
            },
            "99",
        ),
    ],
)
def test_bad_specs_are_refused_before_anything_is_queued(
    ask: Ask, store: RunStore, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(EngineError, match=text):
        ask("submit", spec={**endless_spec().model_dump(mode="json"), **change})
    assert store.run_ids() == []
    assert ask("capacity")["queued"] == 0


def test_looks_answer_with_a_pickle_or_a_sentence(ask: Ask) -> None:
    look = {
        "lens": "echo",
        "image": "digits/test/3",
        "timeout": 90.0,
        "options": {"layer": "conv1"},
    }
    answer = ask("look", model="random:lenet5", **look)
    assert pickle.loads(answer.data)["layer"] == "conv1"  # noqa: S301
    with pytest.raises(EngineError, match="This view needs a network"):
        ask("look", lens="refuse", timeout=90.0, options={})
    with pytest.raises(EngineError):
        ask("look", model="run:../../etc/passwd", **look)
    with pytest.raises(EngineError, match="20260101-000000-aaaa"):
        ask("look", model="run:20260101-000000-aaaa", **look)


def test_watching_tells_what_is_known_before_the_answer(
    address: str, ask: Ask, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    page = wire.dial(address, KEY)
    arguments = {"lens": "grow", "timeout": 90.0, "options": {"gate": str(gate)}}
    page.send_bytes(wire.encode_request("watch", arguments))
    first = wire.receive_reply(page)
    assert isinstance(first, wire.Partial)
    assert pickle.loads(first.data)["part"] < 3  # noqa: S301
    gate.touch()
    while isinstance(reply := wire.receive_reply(page), wire.Partial):
        assert pickle.loads(reply.data)["part"] < 3  # noqa: S301
    assert pickle.loads(reply.data)["part"] == 3  # noqa: S301
    page.close()
    again = ask("look", **arguments)  # who only looks is told nothing but the answer
    assert type(again) is wire.Blob


def test_who_leaves_while_watching_is_no_mistake_of_ours(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = wire.dial(address, KEY)
    arguments = {"lens": "grow", "timeout": 90.0, "options": {"gate": str(tmp_path / "never")}}
    page.send_bytes(wire.encode_request("watch", arguments))
    reply = wire.receive_reply(page)
    assert isinstance(reply, wire.Partial)
    pid = pickle.loads(reply.data)["pid"]  # noqa: S301
    page.close()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the worker was killed")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_new_weights_of_a_run_are_looked_at_anew(ask: Ask, store: RunStore, tmp_path: Path) -> None:
    run_id = store.new_run(endless_spec())
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    gate.touch()

    def look(model: str) -> None:
        options = {"calls": str(calls), "gate": str(gate)}
        ask("look", lens="count", model=model, timeout=90.0, options=options)

    look(f"run:{run_id}")  # no weights yet
    weights = store.path(run_id) / "latest.safetensors"
    weights.write_bytes(b"1")
    look(f"run:{run_id}")
    look(f"run:{run_id}")
    assert len(calls.read_text()) == 2
    replacement = weights.with_suffix(".new")
    replacement.write_bytes(b"2")
    replacement.replace(weights)
    look(f"run:{run_id}")
    look(f"run:{run_id}@0")
    look(f"run:{run_id}@0")
    assert len(calls.read_text()) == 4
    store.snapshot_path(run_id, 0).write_bytes(b"3")  # as a rewind does
    look(f"run:{run_id}@0")
    assert len(calls.read_text()) == 5


def test_another_run_among_the_options_is_looked_at_anew(
    ask: Ask, store: RunStore, tmp_path: Path
) -> None:
    run_id = store.new_run(endless_spec())
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    gate.touch()
    weights = store.path(run_id) / "latest.safetensors"
    for content in (b"1", b"22"):
        replacement = weights.with_suffix(".new")
        replacement.write_bytes(content)
        replacement.replace(weights)
        for _ in range(2):
            options = {"calls": str(calls), "gate": str(gate), "twin": f"run:{run_id}"}
            ask("look", lens="count", model="random:lenet5", timeout=90.0, options=options)
    assert len(calls.read_text()) == 2
    with pytest.raises(EngineError, match="names no network"):
        ask("look", lens="echo", timeout=90.0, options={"twin": "run:../../etc/passwd"})


def test_what_reads_the_checkpoint_is_looked_at_anew_with_it(
    ask: Ask, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CHECKPOINT_LENSES", frozenset({"count"}))
    run_id = store.new_run(endless_spec())
    store.snapshot_path(run_id, 0).write_bytes(b"1")
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    gate.touch()
    for content in (None, b"1", b"22"):
        if content is not None:
            store.checkpoint_path(run_id).write_bytes(content)
        for _ in range(2):
            options = {"calls": str(calls), "gate": str(gate)}
            ask("look", lens="count", model=f"run:{run_id}@0", timeout=90.0, options=options)
    assert len(calls.read_text()) == 3


def test_a_dropped_connection_ends_its_computation(
    address: str, ask: Ask, forkserver: Forkserver
) -> None:
    pid = pickle.loads(ask("look", lens="echo", timeout=90.0, options={}).data)["pid"]  # noqa: S301
    page = wire.dial(address, KEY)
    arguments = {"lens": "hang", "timeout": 90.0, "options": {}}
    page.send_bytes(json.dumps({"method": "look", "arguments": arguments}).encode())
    page.close()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the worker was killed")
    assert ask("look", lens="echo", timeout=90.0, options={"again": 1})


def test_many_connections_at_once(address: str) -> None:
    answers: list[bool] = []

    def page() -> None:
        connection = wire.dial(address, KEY)
        for _ in range(20):
            answers.append(_raw(connection, wire.encode_request("capacity", {}))["ready"])
        connection.close()

    threads = [threading.Thread(target=page) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 400
