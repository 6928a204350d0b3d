"""Answers requests on a socket: one thread a connection, one table of methods.

Whoever connects must know the key before the first request is read. What comes over the wire is a
method of the table with checked arguments; what goes back is a value or a sentence.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine import wire
from engine.forkserver import Forkserver
from engine.lens_pool import LensPool, Request
from engine.people import sentence_of
from engine.protocol import Capacity, EngineError
from engine.supervisor import Supervisor
from engine.wire import Blob
from models.references import RunRef, parse_reference
from training.admission import admit
from training.run_store import RunStore
from training.spec import parse_spec, sentence
from viz.long_lenses import CHECKPOINT_LENSES

log = logging.getLogger(__name__)

_MAX_CONNECTIONS: Final = 256


class _Asker:
    """The one who waits for an answer at the other end of a connection."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection

    def gone(self) -> bool:
        """Whether nobody is there any more: there is no second request before the answer, so
        anything to read is the end."""
        return self._connection.poll(0)

    def tell(self, partial: bytes) -> None:
        """Send what is known so far.

        Raises:
            _GoneError: nobody is there any more.
        """
        try:
            wire.send_partial(self._connection, partial)
        except OSError as error:
            raise _GoneError from error


class _GoneError(EOFError):
    """The one who asked has left, so there is nobody to tell anything."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Nothing(_Arguments):
    pass


class _Run(_Arguments):
    run_id: str


class _Submit(_Arguments):
    spec: dict[str, JsonValue]
    nonce: str | None = Field(None, max_length=200)


class _Control(_Run):
    action: str
    field: str | None = None
    value: float | None = None


class _Look(_Arguments):
    lens: str = Field(max_length=100)
    model: str | None = Field(None, max_length=300)
    image: str | None = Field(None, max_length=300)
    timeout: float = Field(gt=0, le=600)
    options: dict[str, JsonValue]


class Server:
    """The engine's front door.

    Raises:
        OSError: the address cannot be listened at.
    """

    def __init__(
        self,
        address: str | tuple[str, int],
        key: bytes,
        *,
        store: RunStore,
        supervisor: Supervisor,
        lenses: LensPool,
        forkserver: Forkserver,
    ) -> None:
        self._key = key
        self._store = store
        self._supervisor = supervisor
        self._lenses = lenses
        self._forkserver = forkserver
        self._room = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._closed = False
        self._methods: dict[str, tuple[type[_Arguments], Callable[[Any, _Asker], Any]]] = {
            "submit": (_Submit, self._submit),
            "control": (_Control, self._control),
            "status": (_Run, self._status),
            "look": (_Look, self._look),
            "watch": (_Look, self._watch),
            "capacity": (_Nothing, self._capacity),
            "delete": (_Run, self._delete),
        }
        self._listener = Listener(address, backlog=64)

    def start(self) -> None:
        """Listen in the background."""
        threading.Thread(target=self._accept, name="listener", daemon=True).start()

    def close(self) -> None:
        """Listen no longer; removes a unix socket."""
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except OSError as error:
                if not self._closed:
                    log.warning("a connection was lost before it began: %s", error)
                continue
            if not self._room.acquire(blocking=False):
                log.warning("more than %d connections; one was refused", _MAX_CONNECTIONS)
                connection.close()
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="connection", daemon=True
            ).start()

    def _serve(self, connection: Connection[Any, Any]) -> None:
        try:
            wire.authenticate(connection, self._key)
            while True:
                self._answer(connection)
        except AuthenticationError:
            log.warning("a connection with a wrong key was refused")
        except (EOFError, OSError):
            log.debug("a connection ended")
        finally:
            connection.close()
            self._room.release()

    def _answer(self, connection: Connection[Any, Any]) -> None:
        data = connection.recv_bytes(wire.MAX_REQUEST_BYTES)  # a longer one ends the connection
        try:
            value = self._call(*wire.decode_request(data), _Asker(connection))
        except _GoneError:
            raise
        except Exception as error:
            wire.send_error(connection, _sentence(error))
        else:
            wire.send_value(connection, value)

    def _call(self, method: str, arguments: dict[str, Any], asker: _Asker) -> Any:
        if method not in self._methods:
            known = ", ".join(self._methods)
            raise EngineError(f"The engine has no method {method[:40]!r}; it has {known}.")
        shape, handler = self._methods[method]
        return handler(shape.model_validate(arguments), asker)

    def _submit(self, arguments: _Submit, _asker: _Asker) -> str:
        spec = parse_spec(arguments.spec)
        admit(spec)
        return self._supervisor.submit(spec, arguments.nonce)

    def _control(self, arguments: _Control, _asker: _Asker) -> None:
        self._supervisor.control(
            arguments.run_id, arguments.action, arguments.field, arguments.value
        )

    def _status(self, arguments: _Run, _asker: _Asker) -> dict[str, Any]:
        return dataclasses.asdict(self._supervisor.status(arguments.run_id))

    def _delete(self, arguments: _Run, _asker: _Asker) -> None:
        self._supervisor.delete(arguments.run_id)

    def _look(self, arguments: _Look, asker: _Asker) -> Blob:
        request = self._request(arguments)
        return Blob(self._lenses.look(request, arguments.timeout, asker.gone))

    def _watch(self, arguments: _Look, asker: _Asker) -> Blob:
        request = self._request(arguments)
        return Blob(self._lenses.look(request, arguments.timeout, asker.gone, asker.tell))

    def _request(self, arguments: _Look) -> Request:
        return Request(
            lens=arguments.lens,
            model=arguments.model,
            version=self._version(arguments.lens, _references(arguments)),
            image=arguments.image,
            options=arguments.options,
        )

    def _version(self, lens: str, references: Iterable[str]) -> str:
        """What tells apart what one reference to a run names as the run goes on: its newest weights,
        after a rewind those of a moment, too, and its checkpoint where the lens reads it."""
        return " ".join(self._run_version(lens, each) for each in references)

    def _run_version(self, lens: str, text: str) -> str:
        reference = parse_reference(text)
        if not isinstance(reference, RunRef):
            return ""
        run_id, step = reference.run_id, reference.step
        try:
            path = self._store.weights_path(run_id)
            if step is not None:
                path = self._store.snapshot_path(run_id, step)
            files = [path]
            if lens in CHECKPOINT_LENSES:
                files.append(self._store.checkpoint_path(run_id))
            return " ".join(str(file.stat().st_mtime_ns) for file in files if file.exists())
        except OSError:
            return ""  # it was removed this moment; the lens says so

    def _capacity(self, _arguments: _Nothing, _asker: _Asker) -> dict[str, Any]:
        running, queued = self._supervisor.load()
        capacity = Capacity(
            ready=self._forkserver.ready,
            slots=self._supervisor.slots,
            running=running,
            queued=queued,
            device=self._forkserver.device,
            pid=os.getpid(),
            versions=self._forkserver.versions,
        )
        return dataclasses.asdict(capacity)


def _references(arguments: _Look) -> Iterator[str]:
    """The networks a request names: its model, and runs among the options, to compare with."""
    if arguments.model is not None:
        yield arguments.model
    for value in arguments.options.values():
        if isinstance(value, str) and value.startswith("run:"):
            yield value


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return sentence(error)
    message = sentence_of(error)
    if message is not None:
        return message
    log.error("a request failed", exc_info=error)
    return (
        f"The engine made a mistake ({type(error).__name__}): its log has the details; try again."
    )
