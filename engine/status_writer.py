"""The one thread that writes `status.json`, so that nobody waits for a disk to sync.

Only the newest status of a run counts. One that cannot be written (disk full) stays here and is
tried again, so the file is true as soon as there is room.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from training.run_store import RunError, RunStatus, RunStore

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 1.0


class StatusWriter:
    """Writes behind the supervisor's back, in order, each status at least once."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._unwritten: dict[str, RunStatus] = {}
        threading.Thread(target=self._work, name="status", daemon=True).start()

    def put(self, run_id: str, status: RunStatus) -> None:
        """Have a status written soon."""
        with self._changed:
            self._unwritten[run_id] = status
            self._changed.notify_all()

    def get(self, run_id: str) -> RunStatus | None:
        """A status that is newer than its file."""
        with self._changed:
            return self._unwritten.get(run_id)

    def flush(self, timeout: float) -> bool:
        """Wait, at most `timeout` seconds, until every file is up to date; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unwritten, timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._unwritten))
                pending = dict(self._unwritten)
            failed = False
            for run_id, status in pending.items():
                failed |= not self._write(run_id, status)
            if failed:
                time.sleep(_RETRY_SECONDS)

    def _write(self, run_id: str, status: RunStatus) -> bool:
        try:
            self._store.write_status(run_id, status)
        except RunError:
            log.warning("run %s is gone; its status %s is dropped", run_id, status.state)
        except OSError as error:
            log.warning("run %s: status %s not written: %s", run_id, status.state, error)
            return False
        with self._changed:
            if self._unwritten.get(run_id) is status:  # else a newer one has come meanwhile
                del self._unwritten[run_id]
            self._changed.notify_all()
        return True
