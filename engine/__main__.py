"""`python -m engine`: the process that owns the queue, the workers and the runs.

Two ways to start it. A web server starts it as its child, with a lifeline: a socket over which it
says where it listens, and whose end is the end of everything the server has started. As a service
of its own (`--address`), it outlives the servers that connect with CONVSCOPE_ENGINE and the key.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine import wire
from engine.forkserver import Forkserver
from engine.lens_pool import LensPool
from engine.protocol import EngineError
from engine.rendezvous import Claim, RootTakenError
from engine.server import Server
from engine.supervisor import Supervisor
from training.run_store import RunStore

log = logging.getLogger("engine")


def main() -> None:
    """Run until the lifeline ends or a signal comes."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    lifeline: Connection[Any, Any] | None = None
    if options.lifeline is not None:
        lifeline = Connection(options.lifeline)
    private = Path(tempfile.mkdtemp(prefix="convscope-"))  # 0700
    tempfile.tempdir = str(private)  # the forkserver's socket goes there too
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    try:
        _serve(options.address, private, lifeline, end)
    except (EngineError, OSError) as error:
        taken = isinstance(error, RootTakenError)
        log.error("the engine cannot start: %s", error)
        if lifeline is not None:
            _tell(lifeline, {"error": str(error), "taken": taken})
    shutil.rmtree(private, ignore_errors=True)
    os._exit(0)  # daemon threads are in the middle of waiting; nothing is left to be tidied up


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--address", help="where to listen: host:port or the path of a unix socket")
    how.add_argument("--lifeline", type=int, help="file descriptor of the socket to the parent")
    return parser.parse_args()


def _serve(
    address: str | None,
    private: Path,
    lifeline: Connection[Any, Any] | None,
    end: threading.Event,
) -> None:
    store = RunStore()
    claim = Claim(store.root)
    cores = _cores()
    slots = _slots(cores)
    forkserver = Forkserver()
    supervisor = Supervisor(store, forkserver, slots=slots, threads=max(1, cores // slots))
    lenses = LensPool(
        forkserver, workers=min(2, max(1, cores // 2)), long_workers=max(2, cores // 2)
    )
    supervisor.recover()
    key = _key(address)
    place = _free(address, key) if address else str(private / "socket")
    server = Server(
        place,
        key,
        store=store,
        supervisor=supervisor,
        lenses=lenses,
        forkserver=forkserver,
    )

    def ready() -> None:
        lenses.start()
        supervisor.schedule()

    forkserver.start(ready)
    server.start()
    if lifeline is not None:
        claim.announce(str(place), key)
        _tell(lifeline, {"address": str(place), "key": key.hex()})
        threading.Thread(target=_watch, args=(lifeline, end), name="lifeline", daemon=True).start()
    log.info("listening at %s, %d slots, runs in %s", place, slots, store.root)
    # In turns: a signal may arrive in another thread, and is heard here between two of them.
    while not end.wait(0.5):
        pass
    claim.withdraw()
    server.close()
    supervisor.close()
    lenses.close()


def _tell(lifeline: Connection[Any, Any], values: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        lifeline.send_bytes(json.dumps(values).encode())


def _watch(lifeline: Connection[Any, Any], end: threading.Event) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    end.set()


def _cores() -> int:
    with contextlib.suppress(AttributeError):  # macOS has no affinity
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _slots(cores: int) -> int:
    text = os.environ.get("CONVSCOPE_SLOTS")
    if text is None:
        return max(1, cores // 2)
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise EngineError(f"CONVSCOPE_SLOTS is {text[:20]!r}: use a whole number from 1 to 64.")
    return int(text)


def _key(address: str | None) -> bytes:
    """The child of a server makes one up and tells it; a service is told."""
    if address is None:
        return secrets.token_bytes(32)
    key = os.environ.get(wire.KEY_VARIABLE, "")
    if len(key) < 16:
        raise EngineError(
            f"An engine at {address} needs a secret of at least 16 characters in "
            f"{wire.KEY_VARIABLE}, the same as its web servers have."
        )
    return key.encode()


def _free(text: str, key: bytes) -> str | tuple[str, int]:
    """The address, after removing the socket of an engine that was killed there."""
    address = wire.parse_address(text)
    if isinstance(address, str) and Path(address).exists():
        try:
            wire.dial(address, key).close()
        except ConnectionRefusedError:
            Path(address).unlink()
    return address


if __name__ == "__main__":
    main()
