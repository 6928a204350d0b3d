"""The process of one attempt at one run: it trains, and writes down what happens.

It is the only writer of the run's events, weights and checkpoint. Whatever goes wrong here ends
this process and nothing else, with a reason: the memory it took goes back to the machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from multiprocessing.connection import Connection
from typing import Any

import torch

from data.load import Dataset, load_dataset
from engine.failures import explain, write_traceback
from engine.keeper import Keeper
from engine.words import Ended, Moved, Order, Stopping
from engine.worker_link import WorkerLink
from training import checkpoint
from training.control import Command
from training.device import pick_device
from training.events import Control, Event, Failed, Finished, Snapshot, Started
from training.loop import train
from training.run_store import EventWriter, RunStore
from training.spec import DatasetSpec, TrainSpec
from training.state import TrainState

log = logging.getLogger(__name__)


def work(order: Order, pipe: Connection[Any, Any]) -> None:
    """Carry out an order; the last thing said over the pipe is how it ended."""
    torch.set_num_threads(order.threads)
    link = WorkerLink(pipe)
    link.start(order.timings.beat)
    try:
        last = _train(order, link)
    except BaseException as error:  # whatever it is, the engine must hear of it
        last = _fail(order, link.step, error)
    link.say(last)


def _train(order: Order, link: WorkerLink) -> Ended:
    """Train to the end, or as far as it goes."""
    store = RunStore(order.root)
    spec = store.spec(order.run_id)
    data = _load(spec.dataset, spec.seed)
    state = TrainState.fresh(spec, data.info, pick_device(spec.device)[0])
    keeper = Keeper(store, order.run_id, state, order.timings)
    keeper.sweep()
    if order.rewind:
        link.put(Command("rewind"))
        keeper.save_checkpoint()  # from here on a crash resumes this pass, not the one before
    elif keeper.has_checkpoint():
        checkpoint.load(store.checkpoint_path(order.run_id), state)
    link.on_wait = keeper.save_paused
    with EventWriter(store.events_path(order.run_id)) as events:
        for event in train(spec, data, state, link):
            link.step = state.step
            _save(event, keeper)  # files first, then the event that tells of them
            if isinstance(event, Started):
                event = dataclasses.replace(event, attempt=order.attempt)
            events.write(event)
            if isinstance(event, Started):
                link.say(Moved("running"))
            elif isinstance(event, Control) and event.action == "stop":
                link.say(Stopping())
            elif isinstance(event, Finished):
                return _ending(event, spec)
            elif isinstance(event, Failed):
                return Ended("failed", event.reason, event.message)
    raise RuntimeError("the training loop ended without saying how")


def _save(event: Event, keeper: Keeper) -> None:
    """What an event wants kept. A failed training's weights are worth nothing."""
    if isinstance(event, Started):
        keeper.save_weights()
    elif isinstance(event, Snapshot):
        keeper.save_snapshot()
    elif isinstance(event, Control) and event.action == "rewind":
        keeper.forget_later()
        keeper.save_weights()
        keeper.save_checkpoint()
    elif isinstance(event, Finished):
        keeper.save_weights()
        keeper.save_checkpoint()
    elif not isinstance(event, Failed):
        keeper.save_if_due()


def _fail(order: Order, step: int, error: BaseException) -> Ended:
    """Say in every place that can still be written how it came to this."""
    log.error("run %s failed", order.run_id, exc_info=error)
    directory = order.root / order.run_id
    reason, message = explain(error, directory)
    with contextlib.suppress(OSError):  # the disk may be what failed
        if reason == "bug":
            write_traceback(error, directory)
        with EventWriter(directory / "events.jsonl") as events:
            events.write(Failed(step=step, time=time.time(), reason=reason, message=message))
    return Ended("failed", reason, message)


def _load(spec: DatasetSpec, seed: int) -> Dataset:
    return load_dataset(
        spec.name,
        image_size=spec.image_size,
        shortcut=spec.shortcut,
        label_noise=spec.label_noise,
        train_limit=spec.train_limit,
        seed=seed,
    )


def _ending(event: Finished, spec: TrainSpec) -> Ended:
    target = spec.stop.target_accuracy
    messages = {
        "done": f"All {event.step} steps done.",
        "stopped": f"Stopped after step {event.step}; it can be resumed.",
        "target_accuracy": f"Reached {target or 0:.1%} on validation after step {event.step}.",
        "early_stop": f"Validation loss no longer fell; ended after step {event.step}.",
    }
    stopped = event.reason == "stopped"
    return Ended("stopped" if stopped else "done", event.reason, messages[event.reason])
