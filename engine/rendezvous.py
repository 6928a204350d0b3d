"""How a web process finds the engine that already works on its runs.

One engine owns a run directory: it holds a lock on `<root>/.engine` for as long as it lives, and
writes there where it listens and the key. Two servers started in one checkout therefore share one
engine, instead of each taking the other's runs for interrupted.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path

from engine.protocol import EngineError

log = logging.getLogger(__name__)


class RootTakenError(EngineError):
    """Another engine works on these runs."""


class Claim:
    """The right to be the engine of one run directory, until `withdraw` or the end of the process.

    Raises:
        RootTakenError: another engine has it.
    """

    def __init__(self, root: Path) -> None:
        self._file: int | None = None
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._file = os.open(_path(root), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file or -1)
            raise RootTakenError(
                f"Another engine works on the runs in {root}: stop it, or set CONVSCOPE_RUNS to "
                "another directory."
            ) from error
        except OSError as error:  # nothing can be trained there, but networks can be looked at
            log.warning("the run directory %s cannot be claimed: %s", root, error)

    def announce(self, address: str, key: bytes) -> None:
        """Say where this engine listens."""
        self._write(json.dumps({"address": address, "key": key.hex()}).encode())

    def withdraw(self) -> None:
        """Say that it no longer does."""
        self._write(b"")

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, data, 0)
        except OSError as error:
            log.warning("other servers will not find this engine: %s", error)


def find(root: Path) -> tuple[str, bytes] | None:
    """Address and key of the engine of a run directory, which may have died since; None if there is
    none."""
    try:
        found = json.loads(_path(root).read_bytes())
        return str(found["address"]), bytes.fromhex(found["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(root: Path) -> Path:
    return root / ".engine"
