"""The directories in which runs live: the only thing a trainer writes and a page reads about a run.

    <root>/<run_id>/   spec.json · events.jsonl · status.json · latest.safetensors ·
                       snapshots/<step>.safetensors · checkpoint.pt

`events.jsonl` is written by the worker only and `status.json` by the supervisor only, so no lock is
needed. Readers survive anything they find: a torn last line is read again later, a directory that
cannot be read is listed as such. Nothing here imports torch.
"""

from __future__ import annotations

import base64
import calendar
import dataclasses
import json
import logging
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

from training.events import Event, from_line, to_line
from training.spec import SpecError, TrainSpec, parse_spec

log = logging.getLogger(__name__)

RunState = Literal[
    "queued",
    "starting",
    "running",
    "paused",
    "done",
    "stopped",
    "failed",
    "interrupted",
    "unreadable",
]
ACTIVE: Final[frozenset[str]] = frozenset({"queued", "starting", "running", "paused"})
_RUN_ID: Final = re.compile(r"[0-9]{8}-\d{6}-[a-z2-7]{4}")
_SNAPSHOT: Final = re.compile(r"(\d{1,9})\.safetensors")
_READ_BYTES: Final = 1 << 20  # of new events per call, so that one refresh stays short


class RunError(ValueError):
    """A run that cannot be used; the message is one sentence with the value and the way out."""


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """Where a run stands, by the supervisor's hand. `unreadable` is only ever made by a reader."""

    state: RunState
    reason: str = ""  # a FailReason or FinishReason when the run has ended
    message: str = ""  # a sentence for people
    attempt: int = 0  # 1 after the automatic retry from the checkpoint
    queue_position: int | None = None  # 1 = next; None when not queued
    created: float = 0.0  # seconds since the epoch, UTC
    updated: float = 0.0

    @property
    def active(self) -> bool:
        """Whether the run may still produce events."""
        return self.state in ACTIVE


_STATUS: Final = TypeAdapter(RunStatus)


class RunStore:
    """All runs below one root directory (default: CONVSCOPE_RUNS, else ./runs)."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root or os.environ.get("CONVSCOPE_RUNS") or "runs")

    def new_run(self, spec: TrainSpec) -> str:
        """Make the directory of a new run, with its spec in it.

        Returns:
            The run id, `YYYYmmdd-HHMMSS-xxxx` in UTC; xxxx is random base32.

        Raises:
            RunError: when the directory cannot be written (disk full, read-only).
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            while True:
                tail = base64.b32encode(secrets.token_bytes(3)).decode().lower()[:4]
                run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + tail
                try:
                    (self.root / run_id).mkdir()
                    break
                except FileExistsError:
                    continue
            (self.root / run_id / "snapshots").mkdir()
            write_atomic(self.root / run_id / "spec.json", spec.model_dump_json(indent=1) + "\n")
        except OSError as error:
            raise RunError(
                f"The run directory {self.root} cannot be written ({error.strerror or error}): "
                "free some space or set CONVSCOPE_RUNS to a writable place."
            ) from error
        return run_id

    def run_ids(self) -> list[str]:
        """All runs, newest first; what is not a directory with such a name is not ours."""
        try:
            with os.scandir(self.root) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if _RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("run root %s cannot be listed: %s", self.root, error)
            return []
        return sorted(names, reverse=True)

    def path(self, run_id: str) -> Path:
        """The directory of a run, which exists.

        Raises:
            RunError: when the id is malformed or there is no such run.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise RunError(
                f"{run_id[:40]!r} is not a run id, which looks like 20260131-094500-ab2c: "
                "choose one of the listed runs."
            )
        path = self.root / run_id
        if path.is_symlink() or not os.path.isdir(path):  # noqa: PTH112  (never raises)
            raise RunError(f"Run {run_id} is not here; it may have been deleted: choose another.")
        return path

    def checkpoint_path(self, run_id: str) -> Path:
        """Where the run's checkpoint is, or will be."""
        return self.path(run_id) / "checkpoint.pt"

    def events_path(self, run_id: str) -> Path:
        """Where the run's events are, or will be."""
        return self.path(run_id) / "events.jsonl"

    def weights_path(self, run_id: str) -> Path:
        """Where the run's newest weights are, or will be; replaced while it trains."""
        return self.path(run_id) / "latest.safetensors"

    def snapshot_path(self, run_id: str, step: int) -> Path:
        """Where the snapshot of a step is, or will be."""
        return self.path(run_id) / "snapshots" / f"{int(step)}.safetensors"

    def snapshot_steps(self, run_id: str) -> list[int]:
        """Steps whose weights are kept, rising; empty when there are none or they cannot be listed."""
        try:
            names = [entry.name for entry in (self.path(run_id) / "snapshots").iterdir()]
        except OSError:
            return []
        found = (_SNAPSHOT.fullmatch(name) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def spec(self, run_id: str) -> TrainSpec:
        """What the run was told.

        Raises:
            RunError: when the spec is missing, unreadable or of a version this one cannot read.
        """
        path = self.path(run_id)
        try:
            return parse_spec((path / "spec.json").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(
                f"The spec of run {run_id} cannot be read ({_reason(error)}): "
                "repair its directory or delete the run."
            ) from error
        except SpecError as error:
            raise RunError(
                f"The spec of run {run_id} is not valid ({str(error).rstrip('.')}): "
                "delete the run or start it anew."
            ) from error

    def status(self, run_id: str) -> RunStatus:
        """Where the run stands; state `unreadable` with the reason when that cannot be told.

        Raises:
            RunError: when the id is malformed or there is no such run.
        """
        path = self.path(run_id)
        try:
            return _STATUS.validate_json((path / "status.json").read_bytes())
        except FileNotFoundError:
            message = f"Run {run_id} has no status; it was interrupted before it could start."
            return RunStatus(state="interrupted", message=message, created=_created(run_id))
        except (OSError, ValueError) as error:
            message = f"The status of run {run_id} cannot be read ({_reason(error)})."
            return RunStatus(state="unreadable", message=message, created=_created(run_id))

    def write_status(self, run_id: str, status: RunStatus) -> None:
        """Replace the status in one piece: a reader sees the old or the new one."""
        text = json.dumps(dataclasses.asdict(status)) + "\n"
        write_atomic(self.path(run_id) / "status.json", text)

    def events(self, run_id: str, cursor: int = 0) -> tuple[list[Event], int]:
        """The run's new events, as `read_events_after` gives them."""
        return read_events_after(self.events_path(run_id), cursor)

    def delete(self, run_id: str) -> None:
        """Remove a run for good: its directory and nothing outside it.

        Raises:
            RunError: when the run is active, or cannot be removed.
        """
        path = self.path(run_id)
        if self.status(run_id).active:
            raise RunError(f"Run {run_id} is still active: stop it first, then delete it.")
        try:
            shutil.rmtree(path)  # does not follow links
        except OSError as error:
            raise RunError(
                f"Run {run_id} cannot be deleted ({_reason(error)}): "
                "make its directory writable, then try again."
            ) from error


class EventWriter:
    """Appends to one `events.jsonl`. A torn last line of a crashed writer is closed first, so that
    the next event starts on a line of its own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab+", buffering=0)
        if self._file.seek(0, os.SEEK_END) > 0:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, event: Event) -> None:
        """One line, handed to the operating system at once."""
        line = to_line(event).encode()
        while line:  # a full disk may take a part of it
            line = line[self._file.write(line) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read_events_after(path: Path, cursor: int) -> tuple[list[Event], int]:
    """The complete events after byte `cursor` of a file, and the cursor to ask with next time.

    At most about 1 MB is read per call, so a caller that finds the cursor moved asks again. A torn
    last line stays unread until its end is there. Lines that make no sense are skipped. When the
    file has become shorter than `cursor`, nothing is read and the cursor becomes 0.
    """
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < cursor:
                return [], 0
            file.seek(cursor)
            data = file.read(_READ_BYTES)
            while b"\n" not in data and (more := file.read(_READ_BYTES)):
                data += more
    except OSError:
        return [], cursor
    end = data.rfind(b"\n") + 1
    lines = data[:end].decode("utf-8", errors="replace").split("\n")
    events = [event for line in lines if line and (event := from_line(line)) is not None]
    return events, cursor + end


def read_events(path: Path) -> list[Event]:
    """All complete events of a file."""
    events: list[Event] = []
    cursor = 0
    while True:
        more, moved = read_events_after(path, cursor)
        events += more
        if moved == cursor:
            return events
        cursor = moved


def write_atomic(path: Path, text: str) -> None:
    """Write a small text file so that a reader, or a crash, leaves the old or the new one."""
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _created(run_id: str) -> float:
    """Seconds since the epoch, from the id's UTC time."""
    try:
        return float(calendar.timegm(time.strptime(run_id[:15], "%Y%m%d-%H%M%S")))
    except ValueError:
        return 0.0


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:120]
