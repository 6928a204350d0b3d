"""What the engine tells its workers, and what they say back over their pipes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from training.events import FailReason, FinishReason


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds. Tests shorten them."""

    beat: float = 1.0  # between two signs of life of a worker
    silence: float = 10.0  # without any sign until it is taken for lost
    terminate: float = 2.0  # after a stop that is not heard, or not carried out once heard
    kill: float = 4.0  # after a stop, when even that does not help
    checkpoint: float = 5.0  # at least, between two checkpoints: what a crash may cost
    weights: float = 1.0  # at least, between two versions of latest.safetensors


@dataclass(frozen=True, kw_only=True)
class Order:
    """One attempt at one run."""

    root: Path  # of the run store
    run_id: str
    attempt: int
    rewind: bool  # begin at step 0 although there is a checkpoint
    threads: int
    timings: Timings


@dataclass(frozen=True)
class Beat:
    """Still alive, `step` updates made."""

    step: int


@dataclass(frozen=True)
class Moved:
    """The training runs, or waits while paused."""

    state: Literal["running", "paused"]


@dataclass(frozen=True)
class Stopping:
    """The stop was heard; the last weights and the checkpoint are being written."""


@dataclass(frozen=True)
class Ended:
    """The worker's last word."""

    state: Literal["done", "stopped", "failed"]
    reason: FinishReason | FailReason
    message: str


Word = Beat | Moved | Stopping | Ended

# What a lens worker sends, before what belongs to it.
ANSWER: Final = "answer"  # a pickle
PARTIAL: Final = "partial"  # a pickle; more follows
ERROR: Final = "error"  # a sentence
