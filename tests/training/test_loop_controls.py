"""What a person changes while a run goes on: pause, step, stop, rewind, settings, watching."""

from __future__ import annotations

import pytest

from data.load import Dataset
from tests.training.helpers import CPU, Script, ending, of, run, tiny_spec, weights
from training.control import Command
from training.events import Control, Evaluated, Health, Progress, Snapshot
from training.loop import HEALTH_LEASE
from training.schedules import lr_factor
from training.state import TrainState

ALWAYS = {"max_steps": 6, "epochs": 100}


def test_live_lr_changes_the_next_update_and_scales_the_schedule(data: Dataset) -> None:
    spec = tiny_spec(**ALWAYS, schedule={"name": "cosine"})
    script = Script(
        {0: [Command("step")]},
        [Command("step"), Command("set", "lr", 0.5), *[Command("step")] * 4],
    )
    events, _ = run(spec, data, script)
    rates = [event.lr for event in of(Progress, events)]
    factors = [lr_factor(spec.schedule, step, 6, 0.05) for step in range(6)]
    assert rates == pytest.approx(
        [0.05 * factors[0], 0.05 * factors[1], *(0.5 * factor for factor in factors[2:])]
    )
    (control,) = [event for event in of(Control, events) if event.action == "set"]
    assert (control.step, control.field, control.value) == (2, "lr", 0.5)


def test_live_lr_zero_stands_still(data: Dataset) -> None:
    spec = tiny_spec(**ALWAYS, network={"kind": "named", "name": "small_fc"})
    start = weights(TrainState.fresh(spec, data.info, CPU))
    _, moved = run(spec, data)
    _, still = run(spec, data, Script({0: [Command("set", "lr", 0.0)]}))
    assert weights(moved) != start
    assert weights(still) == start


@pytest.mark.parametrize("field", ["momentum", "weight_decay"])
def test_live_settings_reach_the_optimizer(data: Dataset, field: str) -> None:
    """A value set live before the first update gives the run that had it from the start."""
    from_start = tiny_spec(**ALWAYS, optimizer={"lr": 0.05, field: 0.3})
    _, expected = run(from_start, data)
    changed = tiny_spec(**ALWAYS, optimizer={"lr": 0.05, field: 0.0})
    _, found = run(changed, data, Script({0: [Command("set", field, 0.3)]}))
    assert weights(found) == weights(expected)


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw", "adadelta"])
def test_momentum_can_go_off_and_on(data: Dataset, name: str) -> None:
    script = Script(
        {
            2: [Command("set", "momentum", 0.0)],
            4: [Command("set", "momentum", 0.9)],
            5: [Command("set", "weight_decay", 0.1)],
        }
    )
    spec = tiny_spec(
        max_steps=9, epochs=100, optimizer={"name": name, "lr": 0.001, "momentum": 0.5}
    )
    events, state = run(spec, data, script)
    assert events[-1].step == 9
    assert state.is_finite()


@pytest.mark.parametrize(
    "command",
    [
        Command("set", "lr", float("nan")),
        Command("set", "lr", -1.0),
        Command("set", "batch_size", 3.0),
        Command("set", "momentum", 1.0),
        Command("set"),
        Command("watch"),
        Command("explode"),  # type: ignore[arg-type]
    ],
)
def test_bad_command_changes_nothing(data: Dataset, command: Command) -> None:
    spec = tiny_spec(**ALWAYS)
    _, expected = run(spec, data)
    events, state = run(spec, data, Script({2: [command]}))
    assert not of(Control, events)
    assert weights(state) == weights(expected)


def test_pause_waits_and_resume_goes_on(data: Dataset) -> None:
    spec = tiny_spec(**ALWAYS)
    _, expected = run(spec, data)
    script = Script(
        {3: [Command("pause")]},
        [Command("pause"), Command("watch", value=0), Command("resume")],
    )
    events, state = run(spec, data, script)
    actions = [(event.step, event.action) for event in of(Control, events)]
    assert actions == [(3, "pause"), (3, "resume")]  # watching is no change of the run
    assert not script.waits
    assert weights(state) == weights(expected)
    position = events.index(of(Control, events)[0])
    reported = [event.step for event in of(Progress, events[: position + 2])]
    assert reported[-1] == 3  # everything up to the pause is shown


def test_resume_while_running_is_harmless(data: Dataset) -> None:
    events, _ = run(tiny_spec(**ALWAYS), data, Script({1: [Command("resume")] * 3}))
    assert not of(Control, events)
    assert ending(events).reason == "done"


def test_steps_are_counted(data: Dataset) -> None:
    """Two clicks before the first update are two updates, then it waits."""
    waits = [Command("step"), Command("stop")]
    events, state = run(tiny_spec(**ALWAYS), data, Script({0: [Command("step")] * 2}, waits))
    assert state.step == 3
    assert [event.step for event in of(Progress, events)] == [1, 2, 3]
    assert (ending(events).reason, ending(events).step) == ("stopped", 3)


def test_stop_is_quick_and_keeps_the_weights(data: Dataset) -> None:
    spec = tiny_spec(epochs=20)
    events, state = run(spec, data, Script({11: [Command("stop")]}))
    assert state.step == 11
    assert (ending(events).reason, ending(events).step) == ("stopped", 11)
    assert not [event for event in of(Evaluated, events) if event.split == "test"]
    assert of(Snapshot, events)[-1].step == 11


def test_rewind_repeats_the_run(data: Dataset) -> None:
    spec = tiny_spec(**ALWAYS, optimizer={"name": "adamw", "lr": 0.01})
    _, expected = run(spec, data)
    events, state = run(spec, data, Script({4: [Command("rewind")]}))
    assert weights(state) == weights(expected)
    (control,) = of(Control, events)
    assert (control.action, control.step) == ("rewind", 4)
    after = events[events.index(control) + 1 :]
    assert isinstance(after[0], Snapshot)
    assert after[0].step == 0
    assert of(Progress, after)[0].step == 1


def test_rewind_while_paused_stays_paused(data: Dataset) -> None:
    script = Script({3: [Command("pause")]}, [Command("rewind"), Command("step"), Command("stop")])
    events, state = run(tiny_spec(**ALWAYS), data, script)
    assert state.step == 1
    assert [event.action for event in of(Control, events)] == ["pause", "rewind", "step", "stop"]


def test_watch_turns_health_on_and_off(data: Dataset) -> None:
    script = Script(
        {0: [Command("watch", value=1), Command("step")]},
        [Command("step"), Command("watch", value=0), Command("step"), Command("stop")],
    )
    events, state = run(tiny_spec(**ALWAYS), data, script)
    assert [event.step for event in of(Health, events)] == [1, 2]
    assert [layer.layer for layer in of(Health, events)[0].layers] == ["conv1", "fc1"]
    assert not any(module._forward_hooks for module in state.model.modules())


def test_watching_is_a_lease(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer who went away without a word stops costing; one who stays renews in time."""
    clock = iter([0.0, 1.0, 2.0, 2.0 + HEALTH_LEASE - 0.1, 2.0 + HEALTH_LEASE, 99.0, 99.0])
    monkeypatch.setattr("training.loop.time.monotonic", lambda: next(clock))
    script = Script(
        {0: [Command("watch", value=1), Command("step")]},  # until HEALTH_LEASE
        # watched at 1.0; renewed at 2.0; watched just before the end of the lease, not at its end
        [Command("watch", value=1), *[Command("step")] * 2, Command("stop")],
    )
    events, _ = run(tiny_spec(**ALWAYS), data, script)
    assert [event.step for event in of(Health, events)] == [1, 2]
    assert {event.action for event in of(Control, events)} == {"step", "stop"}


def test_watching_does_not_change_the_training(data: Dataset) -> None:
    spec = tiny_spec(**ALWAYS)
    _, expected = run(spec, data)
    script = Script({0: [Command("watch", value=1), Command("step")]}, [Command("step")] * 5)
    _, watched = run(spec, data, script)
    assert weights(watched) == weights(expected)
