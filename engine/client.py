"""The engine as pages see it: starts or finds one, keeps it alive, and passes requests on.

Safe to call from many threads at once. Each request has a connection to itself; idle ones are kept.
No torch here: this runs in the web process.
"""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import secrets
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from engine import launch, rendezvous, wire
from engine.launch import Child
from engine.protocol import Capacity, Engine, EngineError
from engine.rendezvous import RootTakenError
from engine.wire import Blob, Partial
from training.run_store import RunStatus, RunStore
from training.spec import TrainSpec

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 30.0
_SLICE_SECONDS: Final = 0.2  # how often those who watch hear that there is nothing new
_MAX_IDLE: Final = 16
_MAX_LAUNCHES: Final = 3  # within _LAUNCH_WINDOW seconds
_LAUNCH_WINDOW: Final = 60.0
_OTHER_SECONDS: Final = 5.0  # for another server's engine that is just starting

_engines: dict[tuple[str, str], LocalEngine] = {}
_engines_lock = threading.Lock()


def connect() -> Engine:
    """The engine this process works with; started if there is none.

    Raises:
        EngineError: it cannot be reached or started.
    """
    place = os.environ.get("CONVSCOPE_ENGINE", ""), str(RunStore().root.absolute())
    with _engines_lock:
        engine = _engines.get(place)
        if engine is None:
            engine = _engines[place] = LocalEngine()
            atexit.register(engine.close)
    engine.start()
    return engine


class LocalEngine:
    """An `Engine` in another process of this machine, or at the address in CONVSCOPE_ENGINE."""

    def __init__(self) -> None:
        self._service = os.environ.get("CONVSCOPE_ENGINE")
        self._service_key = os.environ.get(wire.KEY_VARIABLE, "").encode()
        self._root = RunStore().root.absolute()
        self._lock = threading.Lock()
        self._launching = threading.Lock()
        self._idle: deque[Connection[Any, Any]] = deque(maxlen=_MAX_IDLE)
        self._child: Child | None = None
        self._launches: deque[float] = deque(maxlen=_MAX_LAUNCHES)

    def start(self) -> None:
        """See that an engine is there.

        Raises:
            EngineError: it cannot be reached or started.
        """
        self._give_back(self._take())

    def close(self) -> None:
        """End the engine if it is our child, and let go of it if it is not."""
        with self._lock:
            child, self._child = self._child, None
            while self._idle:
                self._idle.pop().close()
        if child is not None:
            child.close()

    def submit(self, spec: TrainSpec, *, nonce: str | None = None) -> str:
        """See Engine.submit."""
        values = spec.model_dump(mode="json")
        return str(self._ask("submit", spec=values, nonce=nonce or secrets.token_hex(8)))

    def control(
        self, run_id: str, action: str, field: str | None = None, value: float | None = None
    ) -> None:
        """See Engine.control."""
        self._ask("control", run_id=run_id, action=action, field=field, value=value)

    def status(self, run_id: str) -> RunStatus:
        """See Engine.status."""
        return RunStatus(**self._ask_twice("status", run_id=run_id))

    def look(
        self,
        lens: str,
        model: str | None = None,
        image: str | None = None,
        *,
        timeout: float = 30.0,
        **options: Any,
    ) -> Any:
        """See Engine.look."""
        answer = self._ask_twice(
            "look",
            wait=timeout + _ANSWER_SECONDS,
            lens=lens,
            model=model,
            image=image,
            timeout=timeout,
            options=options,
        )
        return pickle.loads(answer.data)  # noqa: S301  (made by our own worker, behind the key)

    def watch(
        self,
        lens: str,
        model: str | None = None,
        image: str | None = None,
        *,
        timeout: float = 300.0,
        **options: Any,
    ) -> Generator[Any]:
        """See Engine.watch."""
        request = wire.encode_request("watch", {"lens": lens, "model": model, "image": image,
                                                "timeout": timeout, "options": options})  # fmt: skip
        deadline = time.monotonic() + timeout + _ANSWER_SECONDS
        with self._exchange(request) as connection:
            reply: Any = None
            while not isinstance(reply, Blob) or isinstance(reply, Partial):
                if connection.poll(_SLICE_SECONDS):
                    reply = wire.receive_reply(connection)
                    yield pickle.loads(reply.data)  # noqa: S301  (as in `look`)
                elif time.monotonic() > deadline:
                    raise EngineError(f"The engine did not answer within {timeout:g} s: try again.")
                else:
                    yield None

    def capacity(self) -> Capacity:
        """See Engine.capacity."""
        return Capacity(**self._ask_twice("capacity"))

    def delete(self, run_id: str) -> None:
        """See Engine.delete."""
        self._ask("delete", run_id=run_id)

    def _ask_twice(self, method: str, **arguments: Any) -> Any:
        """Ask for something that may be asked again when the engine died over it."""
        try:
            return self._ask(method, **arguments)
        except _EngineDied:
            return self._ask(method, **arguments)

    def _ask(self, method: str, *, wait: float = _ANSWER_SECONDS, **arguments: Any) -> Any:
        with self._exchange(wire.encode_request(method, arguments)) as connection:
            if not connection.poll(wait):
                raise EngineError(f"The engine did not answer within {wait:g} s: try again.")
            return wire.receive_reply(connection)

    @contextmanager
    def _exchange(self, request: bytes) -> Iterator[Connection[Any, Any]]:
        """A connection on which `request` has been sent; whoever leaves early closes it.

        Raises:
            wire.Refusal: the engine refused.
            _EngineDied: it went away.
        """
        connection = self._take()
        whole = False
        try:
            connection.send_bytes(request)
            yield connection
            whole = True
        except wire.Refusal:
            whole = True
            raise
        except (EOFError, OSError) as error:
            raise _EngineDied(
                "The engine ended before it answered; it is being started again: try once more."
            ) from error
        finally:
            if whole:
                self._give_back(connection)
            else:
                connection.close()

    def _take(self) -> Connection[Any, Any]:
        """A connection of our own, to an engine that was there just now."""
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not connection.poll(0):  # anything to read while idle is the end
                    return connection
                connection.close()
        return self._dial()

    def _give_back(self, connection: Connection[Any, Any]) -> None:
        with self._lock:
            if len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _dial(self) -> Connection[Any, Any]:
        """The service, our child, another server's child, or a new child.

        Calls may take seconds, so no lock is held that other pages need meanwhile.
        """
        if self._service:
            address = wire.parse_address(self._service)
            try:
                return wire.dial(address, self._service_key)
            except OSError as error:
                raise EngineError(
                    f"There is no engine at {self._service} ({error.strerror or error}): start it "
                    "there, or unset CONVSCOPE_ENGINE to let this server start one."
                ) from error
        connection = self._reach()
        if connection is None:
            with self._launching:  # one starts an engine, who comes meanwhile finds it started
                connection = self._reach() or self._launch()
        return connection

    def _reach(self) -> Connection[Any, Any] | None:
        """To our child or another server's; None if there is neither.

        An engine that lives and does not answer is not replaced: trainings may hang on it.
        """
        child = self._child
        if child is not None:
            try:
                return wire.dial(child.address, child.key)
            except wire.SilentError:
                raise
            except (OSError, EngineError) as error:
                with self._lock:
                    gone = self._child is child
                    self._child = None if gone else self._child
                if gone:
                    log.warning("the engine has gone (%s); starting another", error)
                    child.close()
        return self._find()

    def _find(self) -> Connection[Any, Any] | None:
        found = rendezvous.find(self._root)
        if found is None:
            return None
        try:
            return wire.dial(*found)
        except wire.SilentError:
            raise
        except (OSError, EngineError):
            return None

    def _launch(self) -> Connection[Any, Any]:
        now = time.monotonic()
        if len(self._launches) == _MAX_LAUNCHES and now - self._launches[0] < _LAUNCH_WINDOW:
            raise EngineError(
                f"The engine ended {_MAX_LAUNCHES} times within {_LAUNCH_WINDOW:g} s: the server's "
                "log has the reason; it is started again in a minute."
            )
        self._launches.append(now)
        try:
            self._child = launch.launch()
        except RootTakenError:
            deadline = now + _OTHER_SECONDS
            while (connection := self._find()) is None:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            return connection
        return wire.dial(self._child.address, self._child.key)


class _EngineDied(EngineError):
    """It went away in the middle of a request."""
