"""The loop as a person meets it: what happens in which order, what controls do, when it stops."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from data.load import Dataset, Split
from tests.training.helpers import CPU, Script, ending, make_data, of, run, tiny_spec, weights
from training.batches import epoch_order
from training.control import Command
from training.events import (
    Evaluated,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Started,
)
from training.loop import train
from training.snapshots import is_snapshot_step
from training.state import TrainState

ALWAYS = {"max_steps": 6, "epochs": 100}


def test_story_has_its_order(data: Dataset) -> None:
    events, state = run(tiny_spec(), data)
    kinds = [type(event) for event in events]
    assert kinds[0] is Started
    assert kinds[1] is Snapshot  # the initial weights
    assert kinds[2] is Progress  # after the first update
    assert ending(events).reason == "done"
    steps = [event.step for event in events]
    assert steps == sorted(steps)
    assert events[2].step == 1
    assert state.step == 14  # 2 epochs of 7 batches
    (started,) = of(Started, events)
    assert (started.num_train, started.num_val, started.num_test) == (50, 24, 12)
    assert (started.total_steps, started.steps_per_epoch) == (14, 7)
    assert started.num_params == sum(p.numel() for p in state.model.parameters())


def test_last_weights_and_test_come_at_the_end(data: Dataset) -> None:
    events, _ = run(tiny_spec(), data)
    tail = [event for event in events if event.step == 14]
    evaluated = of(Evaluated, tail)
    assert [(event.split, event.complete) for event in evaluated] == [("val", True), ("test", True)]
    assert of(Snapshot, tail)
    assert [event.split for event in of(Evaluated, events)].count("test") == 1


def test_validation_by_epoch_and_in_between(data: Dataset) -> None:
    events, _ = run(tiny_spec(validate_every=3), data)
    found = [
        (event.step, event.complete) for event in of(Evaluated, events) if event.split == "val"
    ]
    assert found == [(3, False), (6, False), (7, True), (9, False), (12, False), (14, True)]


def test_learns(data: Dataset) -> None:
    events, _ = run(tiny_spec(epochs=12), data)
    validations = [event for event in of(Evaluated, events) if event.split == "val"]
    assert validations[-1].loss < 0.5 * validations[0].loss
    assert validations[-1].accuracy > 0.9


def test_same_seed_same_weights(data: Dataset) -> None:
    _, one = run(tiny_spec(), data)
    torch.manual_seed(12345)  # what the caller does with the global state does not matter
    _, two = run(tiny_spec(), data)
    _, other = run(tiny_spec(seed=1), data)
    assert weights(one) == weights(two)
    assert weights(one) != weights(other)


def test_epoch_visits_every_image_once() -> None:
    order = epoch_order(3, 5, 50)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != epoch_order(3, 6, 50).tolist()
    assert order.tolist() != epoch_order(4, 5, 50).tolist()


def test_equals_a_loop_written_by_hand(data: Dataset) -> None:
    """Without dropout: only the batches, the normalisation and the optimiser are left."""
    net = [
        {"kind": "conv", "out_channels": 3, "kernel_size": 3},
        {"kind": "activation"},
        {"kind": "flatten"},
        {"kind": "linear"},
    ]
    spec = tiny_spec(
        network={"kind": "custom", "layers": net},
        optimizer={"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        label_smoothing=0.1,
        epochs=1,
    )
    model = TrainState.fresh(spec, data.info, CPU).model
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": 0.01}, {"params": others}]
    optimizer = torch.optim.SGD(
        groups,
        lr=0.05,
        momentum=0.8,
        nesterov=True,
        foreach=False,
    )
    order = epoch_order(spec.seed, 0, 50)
    losses = []
    for start in range(0, 50, 8):
        index = order[start : start + 8]
        images = (data.train.images[index].float() / 255 - 0.43) / 0.25
        loss = functional.cross_entropy(
            model(images), data.train.labels[index], label_smoothing=0.1
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    events, state = run(spec, data, Script({0: [Command("step")]}, [Command("step")] * 6))
    for mine, theirs in zip(state.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    reported = [event.loss for event in of(Progress, events)]
    assert reported == pytest.approx(losses, rel=1e-4)


def test_progress_means_cover_every_update_once(data: Dataset) -> None:
    """Single steps report each update; the windows of a free run must average to the same."""
    spec = tiny_spec(network={"kind": "named", "name": "small_fc"}, epochs=3)
    single, _ = run(spec, data, Script({0: [Command("step")]}, [Command("step")] * 20))
    losses = {event.step: event.loss for event in of(Progress, single)}
    assert sorted(losses) == list(range(1, 22))
    free, _ = run(spec, data)
    before = 0
    for event in of(Progress, free):
        window = [losses[step] for step in range(before + 1, event.step + 1)]
        assert event.loss == pytest.approx(sum(window) / len(window), rel=1e-5)
        before = event.step
    assert before == 21


def test_target_accuracy_ends_the_run(data: Dataset) -> None:
    events, _ = run(tiny_spec(epochs=50, stop={"target_accuracy": 0.9}), data)
    assert ending(events).reason == "target_accuracy"
    last = [event for event in of(Evaluated, events) if event.split == "val"][-1]
    assert last.complete
    assert last.accuracy >= 0.9
    assert of(Evaluated, events)[-1].split == "test"


def test_target_on_the_sample_is_confirmed_on_all() -> None:
    data = make_data(num_val=240)  # the sample is 200 of them
    events, _ = run(tiny_spec(epochs=50, validate_every=2, stop={"target_accuracy": 0.6}), data)
    validations = [event for event in of(Evaluated, events) if event.split == "val"]
    assert ending(events).reason == "target_accuracy"
    assert validations[-1].complete
    assert validations[-1].accuracy >= 0.6
    assert sum(map(sum, validations[-1].confusion)) == 240
    assert sum(map(sum, validations[-2].confusion)) in (200, 240)


def test_patience_ends_a_run_that_stands_still(data: Dataset) -> None:
    spec = tiny_spec(epochs=50, stop={"patience": 3}, optimizer={"lr": 1e-12, "momentum": 0})
    events, state = run(spec, data)
    assert ending(events).reason == "early_stop"
    assert state.step < 350


def test_range_test_sweeps_and_ends_itself(data: Dataset) -> None:
    spec = tiny_spec(
        schedule={"name": "range_test", "min_lr": 1e-4}, optimizer={"lr": 100.0}, epochs=30
    )
    events, state = run(spec, data)
    progress = of(Progress, events)
    assert [event.step for event in progress[:20]] == list(range(1, 21))  # every update
    rates = [event.lr for event in progress]
    assert rates[0] == pytest.approx(1e-4)
    ratios = [after / before for before, after in pairwise(rates)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert state.step < 210  # it blew up before 100
    assert ending(events).reason == "done"
    assert not of(Evaluated, events)


def test_nan_is_caught_with_its_update() -> None:
    """Weights are poisoned before update 5 of a run that would not report until much later."""
    data = make_data()
    spec = tiny_spec(epochs=60)
    state = TrainState.fresh(spec, data.info, CPU)
    broken: list[int] = []

    def poison(module: torch.nn.Module, args: tuple[Tensor]) -> None:
        if module.training and state.step == 4 and not broken:
            broken.append(state.step)
            with torch.no_grad():
                state.model.get_parameter("fc1.weight")[0, 0] = float("nan")

    state.model.register_forward_pre_hook(poison)
    events, _ = run(spec, data, state=state)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.reason == "nan"
    assert failed.step == 5
    assert "update 5 " in failed.message
    assert not [event for event in of(Snapshot, events) if event.step >= 5]
    assert not of(Finished, events)


def test_too_high_a_rate_is_named(data: Dataset) -> None:
    spec = tiny_spec(
        network={
            "kind": "custom",
            "layers": [
                {"kind": "flatten"},
                {"kind": "linear", "out_features": 8},
                {"kind": "linear"},
            ],
        },
        optimizer={"lr": 100.0},
        epochs=200,
    )
    events, _ = run(spec, data)
    assert isinstance(events[-1], Failed)
    assert "learning rate 100 is too high" in events[-1].message
    assert "try 10" in events[-1].message


def test_constant_channel_is_named(data: Dataset) -> None:
    flat = dataclasses.replace(data, info=dataclasses.replace(data.info, std=(0.0,)))
    events, _ = run(tiny_spec(), flat)
    assert isinstance(events[-1], Failed)
    assert "update 1 " in events[-1].message
    assert "images" in events[-1].message


def test_generator_can_be_closed_anywhere(data: Dataset) -> None:
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    script = Script({0: [Command("watch", value=1), Command("step")]}, [Command("step")] * 9)
    generator = train(tiny_spec(), data, state, script)
    for _ in range(8):
        next(generator)
    generator.close()
    assert not any(module._forward_hooks for module in state.model.modules())


def test_snapshot_steps_are_log_spaced() -> None:
    steps = [step for step in range(100_001) if is_snapshot_step(step)]
    assert steps[:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15]
    decades = Counter(len(str(step)) for step in steps if step)
    assert [decades[digits] for digits in (3, 4, 5, 6)] == [12, 12, 12, 1]


def test_short_last_batch_and_whole_set_batch() -> None:
    data = make_data(num_train=5)
    for size in (1, 2, 5):
        spec = tiny_spec(batch_size=size, epochs=1)
        _, state = run(spec, data)
        assert state.step == -(-5 // size)


def test_smoothing_of_labels_does_not_enter_the_validation_loss(data: Dataset) -> None:
    spec = tiny_spec(max_steps=1, optimizer={"lr": 1e-9})
    plain, _ = run(spec, data)
    smoothed, _ = run(spec.model_copy(update={"label_smoothing": 0.5}), data)
    assert of(Evaluated, plain)[0].loss == pytest.approx(of(Evaluated, smoothed)[0].loss, rel=1e-5)
    assert of(Progress, plain)[0].loss != pytest.approx(of(Progress, smoothed)[0].loss, rel=1e-3)


def test_split_without_images_is_not_needed(data: Dataset) -> None:
    """The number of images in Started is counted, not taken from the catalogue."""
    fewer = dataclasses.replace(data, val=Split(data.val.images[:7], data.val.labels[:7]))
    events, _ = run(tiny_spec(), fewer)
    assert of(Started, events)[0].num_val == 7
