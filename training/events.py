"""What a run says while it happens: frozen dataclasses, one JSON line each in `events.jsonl`.

Every event carries `step`, the number of optimiser updates made so far. Non-finite numbers become
null in JSON, because JSON has none. Unknown kinds and fields of a newer version are skipped by the
reader, so an old page can follow a new run. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, Literal

Split = Literal["train", "val", "test"]
ControlAction = Literal["pause", "resume", "step", "stop", "rewind", "set", "watch"]
FinishReason = Literal["done", "stopped", "target_accuracy", "early_stop"]
FailReason = Literal[
    "user_error",
    "nan",
    "oom_cpu",
    "oom_gpu",
    "disk_full",
    "worker_crash",
    "killed",
    "bug",
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened after `step` updates, `time` seconds since the epoch (UTC)."""

    step: int
    time: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The loop is about to run (again): `step` > 0 after a resume."""

    device: str
    note: str = ""  # a sentence when the device is not the one asked for
    num_train: int
    num_val: int
    num_test: int
    total_steps: int
    steps_per_epoch: int
    num_params: int
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Means over the updates since the previous Progress; times are per image."""

    epoch: float  # passes over the training set so far, fractional
    loss: float
    accuracy: float  # on the training batches as the network saw them, augmented
    lr: float
    images_per_second: float
    forward_ms: float
    backward_ms: float  # backward pass and optimiser update
    seconds_left: float


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """Loss and accuracy on held-out images. `complete` is False for the quick look at a sample."""

    split: Split
    epoch: float
    complete: bool
    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]  # [true class][predicted class] -> images


@dataclass(frozen=True, kw_only=True)
class LayerHealth:
    """One layer with weights, and the activation that follows it, at one update."""

    layer: str
    activation_mean: float
    activation_std: float
    # Share of units (maps, or neurons) at or below 0 everywhere for every image; None: not a ReLU.
    dead: float | None
    gradient_norm: float
    update_ratio: float  # |update| / |weights|; about 1e-3 is healthy


@dataclass(frozen=True, kw_only=True)
class Health(Event):
    """Signals of every layer with weights, in order."""

    layers: tuple[LayerHealth, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot(Event):
    """The weights of this moment are kept as `snapshots/<step>.safetensors`."""


@dataclass(frozen=True, kw_only=True)
class Control(Event):
    """A person changed the run. `field` and `value` belong to action "set" (lr, momentum, weight_decay)."""

    action: ControlAction
    field: str | None = None
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The run ended as planned, or because it was told to."""

    reason: FinishReason
    seconds: float  # training and validation, without pauses and the final test


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The run could not go on; `message` is a sentence with the likely cause and the way out."""

    reason: FailReason
    message: str


KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (Started, Progress, Evaluated, Health, Snapshot, Control, Finished, Failed)
}


def to_line(event: Event) -> str:
    """One line of `events.jsonl`, newline included."""
    values = {"kind": type(event).__name__.lower(), **_finite(dataclasses.asdict(event))}
    return json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n"


def from_line(line: str) -> Event | None:
    """The event of one complete line; None for a torn line or a kind this version does not know."""
    try:
        values = json.loads(line)
        kind = KINDS[values.pop("kind")]
        names = {field.name for field in dataclasses.fields(kind)}
        return kind(
            **{name: _restore(name, value) for name, value in values.items() if name in names}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _restore(name: str, value: Any) -> Any:
    if name == "confusion":
        return tuple(tuple(row) for row in value)
    if name == "layers":
        return tuple(LayerHealth(**layer) for layer in value)
    if (
        name in {"loss", "accuracy", "lr", "images_per_second", "forward_ms", "backward_ms"}
        and value is None
    ):
        return math.nan
    return value
