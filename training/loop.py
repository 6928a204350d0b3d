"""The training loop: a generator with no process, file or screen in it.

A test consumes it with `list()`, a worker writes down what it yields, a notebook prints it. Between
two updates it obeys its controls; while it is suspended at an event, nothing moves, so that is when
weights are saved. Nothing in an ordinary update waits for the device.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterator

import torch
from torch.nn import functional

from data.load import Dataset
from training.batches import Batches, OnDevice
from training.control import Command, Controls, NoControls, check_command
from training.device import device_title, pick_device
from training.diagnosis import LossHistory, explain
from training.evaluate import autocast, evaluate, sample_index
from training.events import (
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    FinishReason,
    Health,
    LayerHealth,
    Progress,
    Snapshot,
    Split,
    Started,
)
from training.health import HealthProbe
from training.meter import Meter, StepTimer, Stopwatch
from training.optimizers import set_lr
from training.schedules import lr_factor
from training.snapshots import is_snapshot_step
from training.spec import SpecError, TrainSpec
from training.state import TrainState

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.05  # at most 20 Progress events a second
HEALTH_SECONDS = 1.0
HEALTH_LEASE = 3.0  # seconds that layer health is measured after the last `watch`
RANGE_TEST_POINTS = 200  # a range test reports this often, whatever the time
RANGE_TEST_BLOWUP = 4.0  # and ends when the smoothed loss exceeds its best by this factor


def train(
    spec: TrainSpec, data: Dataset, state: TrainState, control: Controls | None = None
) -> Generator[Event, None, None]:
    """Train from where `state` is to the end of the spec, telling what happens.

    The first event is Started, the last Finished or Failed. Weights may be saved at any event, but a
    Snapshot event says when they are wanted: at log-spaced steps and at the end. The consumer may
    close the generator at any time.

    A live `lr` is the new peak: the schedule goes on scaling it. Rewind keeps live values.
    """
    yield from _Training(spec, data, state, control or NoControls()).run()


class _Training:
    """One call of `train`: what the generator keeps between two updates."""

    def __init__(
        self, spec: TrainSpec, data: Dataset, state: TrainState, control: Controls
    ) -> None:
        self.spec, self.data, self.state, self.control = spec, data, state, control
        self.device = state.device
        self.batches = Batches(spec, data, state.device, state.memory_format)
        self.val = OnDevice(data.val, state.device)
        self.sample = sample_index(
            spec.seed, len(self.val), spec.validate_every, spec.batch_size
        ).to(state.device)
        self.total_steps = spec.total_steps(self.batches.num_images)
        self.sweeps = spec.schedule.name == "range_test"
        self.sweep_stride = max(1, self.total_steps // RANGE_TEST_POINTS)
        self.meter = Meter()
        self.history = LossHistory()
        self.finish: FinishReason | None = None
        self.failure: Failed | None = None
        self.paused = False
        self.watched_until = -math.inf  # on the monotonic clock
        self.credit = 0  # updates still to make although paused
        self.last_ms = (0.0, 0.0)
        self.last_progress = self.last_health = -math.inf
        self._restart_clocks()

    @property
    def ended(self) -> bool:
        """Whether there is nothing left but to say so."""
        return self.finish is not None or self.failure is not None

    def run(self) -> Iterator[Event]:
        """The whole story, from Started to Finished or Failed."""
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # shapes repeat, so trying kernels once pays
        self.state.model.train()
        yield self._started()
        self._restart_clocks()
        while not self.ended:
            yield from self._settle()
            if not self.ended:
                yield from self._obey()
            if not self.ended and self.state.settled_step == self.state.step:
                yield from self._update()
        if self.finish is not None:
            yield from self._end(self.finish)
        if self.failure is not None:
            yield self.failure

    def _started(self) -> Started:
        return Started(
            step=self.state.step,
            time=time.time(),
            device=device_title(self.device),
            note=pick_device(self.spec.device)[1],
            num_train=self.batches.num_images,
            num_val=len(self.val),
            num_test=len(self.data.test.labels),
            total_steps=self.total_steps,
            steps_per_epoch=self.batches.steps_per_epoch,
            num_params=sum(param.numel() for param in self.state.model.parameters()),
        )

    def _restart_clocks(self) -> None:
        self.clock, self.window = Stopwatch(), Stopwatch()
        self.seconds_before, self.steps_before = self.state.seconds, self.state.step

    # One update ---------------------------------------------------------------------------------

    def _update(self) -> Iterator[Event]:
        state = self.state
        now = time.perf_counter()
        timer = StepTimer(self.device) if self._progress_due(now) else None
        layers: tuple[LayerHealth, ...] = ()
        if self._health_due(now):
            with HealthProbe(state.model) as probe:
                self._learn(timer)
                layers = probe.measure()
            self.last_health = now
        else:
            self._learn(timer)
        self.credit = max(self.credit - 1, 0)
        state.step += 1
        state.seconds = self.seconds_before + self.clock.seconds()
        if timer is not None:
            self.last_ms = timer.milliseconds()
            yield from self._progress()
        if layers and not self.ended:
            yield Health(step=state.step, time=time.time(), layers=layers)

    def _health_due(self, now: float) -> bool:
        """While somebody watches, and for the record at snapshots (not the first, dense ones)."""
        step = self.state.step + 1
        if step == self.total_steps or (step >= 10 and is_snapshot_step(step)):
            return True
        due = self.paused or now - self.last_health >= HEALTH_SECONDS
        return due and time.monotonic() < self.watched_until

    def _learn(self, timer: StepTimer | None) -> None:
        """Forward, backward, update."""
        state = self.state
        images, targets = self.batches.get(state.step)
        if timer is not None:
            timer.mark()
        with autocast(self.device):
            logits = state.model(images)  # (n, K)
            loss = functional.cross_entropy(
                logits, targets, label_smoothing=self.spec.label_smoothing
            )
        if timer is not None:
            timer.mark()
        state.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        set_lr(state.optimizer, self._lr(state.step))
        state.optimizer.step()
        if timer is not None:
            timer.mark()
        self.meter.add(loss, logits, targets)

    def _lr(self, step: int) -> float:
        """Learning rate of the update made after `step` others."""
        schedule, peak = self.spec.schedule, self.state.lr
        return peak * lr_factor(schedule, step, self.total_steps, self.spec.optimizer.lr)

    # What an update is followed by --------------------------------------------------------------

    def _progress_due(self, now: float) -> bool:
        """Whether the update about to be made should be reported."""
        if self.sweeps:
            return (self.state.step + 1) % self.sweep_stride == 0
        return self.paused or now - self.last_progress >= PROGRESS_SECONDS

    def _progress(self) -> Iterator[Event]:
        """Read what is pending: report it, or find that a loss was not a number."""
        state, images = self.state, self.meter.images
        if not images:
            return
        seconds = self.window.seconds()
        first = state.step - len(self.meter)
        window = self.meter.read()
        per_image = 1 / min(self.spec.batch_size, self.batches.num_images)
        for offset, loss in enumerate(window.losses):
            if not math.isfinite(loss):
                self._diverged(first + offset + 1)
                return
            self.history.add(loss)
            if self.sweeps and self._blew_up(loss):
                self.finish = "done"
        done = max(state.step - self.steps_before, 1)
        left = (self.total_steps - state.step) * self.clock.seconds() / done
        self.last_progress, self.window = time.perf_counter(), Stopwatch()
        yield Progress(
            step=state.step,
            time=time.time(),
            epoch=state.step / self.batches.steps_per_epoch,
            loss=window.loss,
            accuracy=window.accuracy,
            lr=self._lr(state.step - 1),
            images_per_second=images / seconds,
            forward_ms=self.last_ms[0] * per_image,
            backward_ms=self.last_ms[1] * per_image,
            seconds_left=left,
        )

    def _blew_up(self, loss: float) -> bool:
        """Whether the smoothed loss of a range test has left its best far behind."""
        state = self.state
        before = loss if state.smooth_loss is None else state.smooth_loss
        state.smooth_loss = 0.9 * before + 0.1 * loss
        state.best_loss = min(state.best_loss, state.smooth_loss)
        return state.smooth_loss > RANGE_TEST_BLOWUP * state.best_loss

    def _diverged(self, update: int) -> None:
        """The run is over because the loss of the update with this number (from 1), or the weights
        after it, were not finite. For a range test that is simply the end of the sweep."""
        if self.sweeps:
            self.finish = "done"
            return
        images, _ = self.batches.get(update - 1)
        message = explain(
            update=update,
            history=self.history,
            lr=self._lr(update - 1),
            weight_decay=self.state.weight_decay,
            inputs_finite=bool(torch.isfinite(images).all().item()),
        )
        self.failure = Failed(step=update, time=time.time(), reason="nan", message=message)

    def _weights_are_sound(self) -> bool:
        if self.state.is_finite():
            return True
        for _ in self._progress():  # a loss may have told first
            pass
        if not self.ended:
            self._diverged(self.state.step)
        return False

    def _settle(self) -> Iterator[Event]:
        """Snapshot, validation and stop rules of this step, once."""
        state, spec, step = self.state, self.spec, self.state.step
        if state.settled_step < step:
            epoch_over = step > 0 and step % self.batches.steps_per_epoch == 0
            complete = not self.sweeps and (epoch_over or step >= self.total_steps)
            every = 0 if self.sweeps else spec.validate_every
            quick = not complete and every > 0 and step > 0 and step % every == 0
            keep = is_snapshot_step(step)
            if (complete or quick or keep) and not self._weights_are_sound():
                return
            if keep:
                yield Snapshot(step=step, time=time.time())
            if quick:
                event = self._evaluated("val", complete=False)
                complete = self._on_target(event)
                yield event
            if complete:
                event = self._evaluated("val", complete=True)
                self._judge(event, epoch_over=epoch_over)
                if self.finish is None:  # else a resume must come to the same end again
                    state.settled_step = step
                yield event
            state.settled_step = step
        if step >= self.total_steps and self.finish is None:
            self.finish = "done"

    def _judge(self, event: Evaluated, *, epoch_over: bool) -> None:
        """Apply the stop rules to a complete validation."""
        state, stop = self.state, self.spec.stop
        if epoch_over:
            state.stale_epochs = 0 if event.loss < state.best_loss else state.stale_epochs + 1
            state.best_loss = min(state.best_loss, event.loss)
        if self._on_target(event):
            self.finish = "target_accuracy"
        elif stop.patience is not None and state.stale_epochs >= stop.patience:
            self.finish = "early_stop"

    def _on_target(self, event: Evaluated) -> bool:
        target = self.spec.stop.target_accuracy
        return target is not None and event.accuracy >= target

    def _evaluated(self, split: Split, *, complete: bool) -> Evaluated:
        images = self.val if split == "val" else OnDevice(self.data.test, self.device)
        index = None if complete else self.sample
        self.window.hold()
        scores = evaluate(
            self.state.model, images, self.batches.normalizer, len(self.data.info.classes), index
        )
        self.window.go()
        return Evaluated(
            step=self.state.step,
            time=time.time(),
            split=split,
            epoch=self.state.step / self.batches.steps_per_epoch,
            complete=complete,
            loss=scores.loss,
            accuracy=scores.accuracy,
            confusion=scores.confusion,
        )

    def _end(self, reason: FinishReason) -> Iterator[Event]:
        """The last Progress, the last weights and the test, which is taken once and not when a
        person stops the run: that should be quick."""
        state = self.state
        state.seconds = self.seconds_before + self.clock.seconds()
        yield from self._progress()
        if self.failure is not None or not (self.sweeps or self._weights_are_sound()):
            return
        if not is_snapshot_step(state.step) and state.is_finite():
            yield Snapshot(step=state.step, time=time.time())
        if reason != "stopped" and not self.sweeps:
            yield self._evaluated("test", complete=True)
        yield Finished(step=state.step, time=time.time(), reason=reason, seconds=state.seconds)

    # Controls -----------------------------------------------------------------------------------

    def _obey(self) -> Iterator[Event]:
        """Apply what has been ordered; while paused, wait for more."""
        for command in self.control.poll():
            yield from self._apply(command)
        if not self._waits():
            return
        yield from self._progress()
        self.clock.hold()
        self.window.hold()
        while self._waits():
            yield from self._apply(self.control.wait())
        self.clock.go()
        self.window.go()

    def _waits(self) -> bool:
        rewound = self.state.settled_step != self.state.step
        return self.paused and self.credit == 0 and not rewound and not self.ended

    def _apply(self, order: Command) -> Iterator[Event]:
        """Carry out one command. What changes nothing says nothing: resume while running; watch."""
        try:
            command = check_command(order.action, order.field, order.value)
        except SpecError as error:
            log.warning("command not carried out: %s", error)
            return
        step = self.state.step
        if command.action in ("pause", "resume"):
            pause = command.action == "pause"
            if self.paused == pause and self.credit == 0:
                return
            self.paused, self.credit = pause, 0
        elif command.action == "step":
            self.paused, self.credit = True, self.credit + 1
        elif command.action == "stop":
            self.finish = "stopped"
        elif command.action == "rewind":
            self._rewind()
        elif command.action == "watch":
            self.watched_until = time.monotonic() + (HEALTH_LEASE if command.value else -math.inf)
            return
        elif command.field is not None and command.value is not None:
            self.state.set_live(command.field, command.value)
        yield Control(
            step=step,
            time=time.time(),
            action=command.action,
            field=command.field,
            value=command.value,
        )

    def _rewind(self) -> None:
        self.state.rewind(self.data.info)
        self.meter.clear()
        self.history = LossHistory()
        self.last_progress = -math.inf
        self._restart_clocks()
