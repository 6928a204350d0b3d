"""A data set small enough for hundreds of trainings a minute, and controls that follow a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch

from data.catalogue import DatasetInfo
from data.load import Dataset, Split
from training.control import Command
from training.events import Event, Finished
from training.loop import train
from training.spec import TrainSpec, parse_spec
from training.state import TrainState

Kind = TypeVar("Kind", bound=Event)
CLASSES = ("left", "right", "top", "bottom")
CPU = torch.device("cpu")

TINY_NET: list[dict[str, Any]] = [
    {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"kind": "norm"},
    {"kind": "activation"},
    {"kind": "pool"},
    {"kind": "dropout", "p": 0.2},
    {"kind": "flatten"},
    {"kind": "linear"},
]


def make_data(num_train: int = 50, num_val: int = 24, num_test: int = 12) -> Dataset:
    """Noise with one bright half that tells the class: learnable in a few dozen updates."""
    splits = []
    for seed, count in enumerate((num_train, num_val, num_test)):
        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 120, (count, 1, 8, 8), generator=generator)
        labels = torch.arange(count) % 4
        halves = (
            (slice(None), slice(0, 4)),
            (slice(None), slice(4, 8)),
            (slice(0, 4), slice(None)),
            (slice(4, 8), slice(None)),
        )
        for image, label in zip(images, labels.tolist(), strict=True):
            image[0][halves[label]] += 100
        splits.append(Split(images.to(torch.uint8), labels))
    info = DatasetInfo(
        name="digits",
        title="Halves",
        classes=CLASSES,
        shape=(1, 8, 8),
        mean=(0.43,),
        std=(0.25,),
        num_train=num_train,
        num_val=num_val,
        num_test=num_test,
        licence="none",
        source="made here",
    )
    train, val, test = splits
    return Dataset(info, train, val, test)


def tiny_spec(**changes: Any) -> TrainSpec:
    """A spec of the tiny net; keyword values replace whole fields."""
    values: dict[str, Any] = {
        "network": {"kind": "custom", "layers": TINY_NET},
        "batch_size": 8,
        "epochs": 2,
        "validate_every": 0,
        "device": "cpu",
    }
    return parse_spec(values | changes)


class Script:
    """Controls that give their commands at chosen updates.

    `at[n]` is what poll number n (from 0) returns; `waits` is what each wait returns in turn.
    """

    def __init__(
        self, at: Mapping[int, list[Command]] | None = None, waits: list[Command] | None = None
    ) -> None:
        self.at = dict(at or {})
        self.waits = list(waits or [])
        self.polls = 0

    def poll(self) -> list[Command]:
        """The commands due now."""
        self.polls += 1
        return self.at.get(self.polls - 1, [])

    def wait(self) -> Command:
        """The next waited-for command; a test that waits too often fails."""
        return self.waits.pop(0)


def run(
    spec: TrainSpec,
    data: Dataset,
    control: Script | None = None,
    state: TrainState | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> tuple[list[Event], TrainState]:
    """Train to the end; all events and the final state."""
    state = state or TrainState.fresh(spec, data.info, CPU)
    events = []
    for event in train(spec, data, state, control):
        events.append(event)
        if on_event is not None:
            on_event(event)
    return events, state


def weights(state: TrainState) -> bytes:
    """Every parameter and buffer, bit for bit."""
    return b"".join(
        value.contiguous().numpy().tobytes() for value in state.model.state_dict().values()
    )


def of(kind: type[Kind], events: list[Event]) -> list[Kind]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def ending(events: list[Event]) -> Finished:
    """The last event of a run that did not fail."""
    assert isinstance(events[-1], Finished)
    return events[-1]
