"""Events survive their line of JSON, odd numbers included."""

from __future__ import annotations

import json
import math

import pytest

from training.events import (
    KINDS,
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    Health,
    LayerHealth,
    Progress,
    Snapshot,
    Started,
    from_line,
    to_line,
)

LAYER = LayerHealth(
    layer="conv1",
    activation_mean=1.0,
    activation_std=2.0,
    dead=None,
    gradient_norm=3.0,
    update_ratio=0.001,
)
EVENTS: list[Event] = [
    Started(
        step=0,
        device="cpu",
        num_train=1,
        num_val=2,
        num_test=3,
        total_steps=4,
        steps_per_epoch=5,
        num_params=6,
    ),
    Progress(
        step=1,
        epoch=0.1,
        loss=2.5,
        accuracy=0.5,
        lr=1e-9,
        images_per_second=1e6,
        forward_ms=0.1,
        backward_ms=0.2,
        seconds_left=9.0,
    ),
    Evaluated(
        step=2,
        split="val",
        epoch=1.0,
        complete=True,
        loss=0.5,
        accuracy=1.0,
        confusion=((1, 2), (3, 4)),
    ),
    Health(step=3, layers=(LAYER,)),
    Snapshot(step=4, time=1.5),
    Control(step=5, action="set", field="lr", value=0.1),
    Finished(step=6, reason="done", seconds=3.0),
    Failed(step=7, reason="nan", message="Ünglück \n “quoted”"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_round_trip(event: Event) -> None:
    line = to_line(event)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert from_line(line) == event


def test_all_kinds_are_covered() -> None:
    assert {type(event) for event in EVENTS} == set(KINDS.values())


def test_numbers_that_json_lacks() -> None:
    bad = Evaluated(
        step=1,
        split="val",
        epoch=1.0,
        complete=True,
        loss=math.inf,
        accuracy=0.1,
        confusion=((1,),),
    )
    line = to_line(bad)
    assert json.loads(line)["loss"] is None
    back = from_line(line)
    assert isinstance(back, Evaluated)
    assert math.isnan(back.loss)


def test_newer_fields_and_kinds_are_skipped() -> None:
    assert from_line('{"kind":"snapshot","step":3,"flavour":"mint"}') == Snapshot(step=3)
    assert from_line('{"kind":"hologram","step":3}') is None
    assert from_line('{"kind":"snapshot"}') is None
    assert from_line('{"kind":"snap') is None
