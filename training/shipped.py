"""Trained networks that come with the program, each a directory in the form of a finished run.

    models/shipped/digests.json      SHA-256 of every file below
    models/shipped/<name>/           spec.json · events.jsonl · latest.safetensors ·
                                     snapshots/<step>.safetensors · MODEL_CARD.md

The last moment of a run is kept once, as `latest.safetensors`. Weights are checked against their
digest when a process first opens them, so that a half-copied or altered file is noticed before it
gives wrong pictures. `python -m training.ship` makes all of this. Nothing here imports torch.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from training.events import Evaluated, Finished
from training.run_store import read_events
from training.spec import SpecError, TrainSpec, parse_spec

ROOT: Final = Path(__file__).resolve().parents[1] / "models" / "shipped"
DIGESTS: Final = "digests.json"
_SNAPSHOT: Final = re.compile(r"snapshots/(\d{1,9})\.safetensors")
_REPAIR: Final = "install the program again, or make it with python -m training.ship"


class ShippedError(ValueError):
    """A network that does not come with the program; the message is one sentence with the way out."""


@dataclass(frozen=True)
class ShippedNet:
    """One of them."""

    name: str  # as in `shipped:<name>`
    title: str
    spec: TrainSpec
    steps: tuple[int, ...]  # whose weights are kept, rising; the last is the end of training
    test_accuracy: float


def list_shipped() -> tuple[ShippedNet, ...]:
    """All of them, by name; what is damaged is left out."""
    nets = []
    for name in sorted({file.partition("/")[0] for file in _digests()}):
        try:
            nets.append(find_shipped(name))
        except ShippedError:
            continue
    return tuple(nets)


def find_shipped(name: str) -> ShippedNet:
    """One by name.

    Raises:
        ShippedError: there is none, or its files are missing or damaged.
    """
    known = sorted({file.partition("/")[0] for file in _digests()})
    if name not in known:
        close = difflib.get_close_matches(name[:64], known, n=2, cutoff=0.4) or known
        ways = f"choose {' or '.join(close)}" if close else _REPAIR
        raise ShippedError(f"No network called {name[:64]!r} comes with the program: {ways}.")
    spec, events = _checked(f"{name}/spec.json"), _checked(f"{name}/events.jsonl")
    return _read(name, spec, events, _stamp(spec), _stamp(events))


def shipped_path(name: str, step: int | None = None) -> Path:
    """The weights of a moment, checked; None: the end of its training.

    Raises:
        ShippedError: no such network or moment, or the file is missing or damaged.
    """
    net = find_shipped(name)
    if step is None or step == net.steps[-1]:
        return _checked(f"{name}/latest.safetensors")
    if step not in net.steps:
        near = sorted(sorted(net.steps, key=lambda kept: abs(kept - step))[:3])
        raise ShippedError(
            f"{net.title} keeps no weights of update {step}: near it are "
            f"{', '.join(map(str, near))}."
        )
    return _checked(f"{name}/snapshots/{step}.safetensors")


def events_path(name: str) -> Path:
    """What its training said while it ran, checked.

    Raises:
        ShippedError: no such network, or the file is missing or damaged.
    """
    find_shipped(name)
    return _checked(f"{name}/events.jsonl")


def card_path(name: str) -> Path:
    """Its model card, checked.

    Raises:
        ShippedError: no such network, or the file is missing or damaged.
    """
    find_shipped(name)
    return _checked(f"{name}/MODEL_CARD.md")


def compute_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests() -> dict[str, str]:
    """Digest by file; empty where nothing has been made yet."""
    path = ROOT / DIGESTS
    try:
        stamp = _stamp(path)
    except OSError:
        return {}
    return _read_digests(path, stamp)


@lru_cache(maxsize=4)
def _read_digests(path: Path, stamp: tuple[int, int]) -> dict[str, str]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    pairs = values.items() if isinstance(values, dict) else ()
    return {str(file): str(digest) for file, digest in pairs}


@lru_cache(maxsize=32)
def _read(name: str, spec: Path, events: Path, *stamps: tuple[int, int]) -> ShippedNet:
    """Kept until one of the files has another time or size."""
    try:
        told = parse_spec(spec.read_text(encoding="utf-8"))
    except (OSError, SpecError) as error:
        raise ShippedError(f"The spec of {name} cannot be read: {_REPAIR}.") from error
    said = read_events(events)
    end = [event.step for event in said if isinstance(event, Finished)]
    tests = [
        event.accuracy for event in said if isinstance(event, Evaluated) and event.split == "test"
    ]
    if not end or not tests:
        raise ShippedError(f"The record of {name}'s training is not whole: {_REPAIR}.")
    found = (_SNAPSHOT.fullmatch(file.removeprefix(f"{name}/")) for file in _digests())
    steps = {int(match[1]) for match in found if match} | {end[-1]}
    return ShippedNet(name, told.title or name, told, tuple(sorted(steps)), tests[-1])


def _checked(file: str) -> Path:
    """The path of a file whose content is what it was when it was made."""
    path = ROOT / file
    try:
        digest = _digest_at(path, _stamp(path))
    except OSError as error:
        raise ShippedError(f"The file {file} of the program is missing: {_REPAIR}.") from error
    if digest != _digests().get(file):
        raise ShippedError(f"The file {file} is not the one that came with the program: {_REPAIR}.")
    return path


@lru_cache(maxsize=512)
def _digest_at(path: Path, stamp: tuple[int, int]) -> str:
    """Computed once for each time and size of a file."""
    return compute_digest(path)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
