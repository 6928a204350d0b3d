"""What watching costs: images a second of a run in the engine with a live page attached, divided by
a bare PyTorch loop with the same network, images, batch size, threads and machine.

A small machine's speed drifts by a tenth within seconds, so the two take turns: the run trains for a
slice with its page ticking, is paused, the bare loop has a slice, and so on. Each live slice is
compared with the bare ones before and after it, and the median of these ratios counts. Validation
is left out of both; snapshots, checkpoints, events and the page's own work are in. The headline is
the worst network's ratio.

    python -m benchmarks.live_overhead [--seconds 4] [--rounds 12]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.app_server import serve
from benchmarks.bare_loop import bare_images_per_second
from benchmarks.machine import describe
from benchmarks.page_client import PageClient
from data.catalogue import is_available
from data.load import load_dataset
from engine.client import connect
from engine.protocol import Engine
from models.build import build_network
from training.device import pick_device
from training.events import Event, Progress
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import DatasetSpec, NamedNetwork, OptimizerSpec, TrainSpec

BATCH = 128
WARM_UP_SECONDS = 3.0
SETTLE_SECONDS = 0.3  # the page's last tick ends and the checkpoint of the pause is written


def cases() -> dict[str, TrainSpec]:
    """The two networks of the claim, on real MNIST where it is there and on Shapes."""
    digits = "mnist" if is_available("mnist") else "digits"
    return {
        f"convnetjs_mnist on {digits}": _spec("convnetjs_mnist", digits),
        "resnet20 on shapes": _spec("resnet20", "shapes"),
    }


def _spec(network: str, dataset: str) -> TrainSpec:
    return TrainSpec(
        dataset=DatasetSpec(name=dataset),
        network=NamedNetwork(name=network),
        optimizer=OptimizerSpec(name="sgd", lr=0.01),
        batch_size=BATCH,
        epochs=10_000,
        max_steps=1_000_000,  # it is stopped long before
        validate_every=0,
    )


class BareLoop:
    """The bare loop in the memory format that is faster for this network, measured in slices."""

    def __init__(self, spec: TrainSpec, threads: int) -> None:
        torch.set_num_threads(threads)
        device, _ = pick_device(spec.device)
        data = load_dataset(spec.dataset.name, seed=spec.seed)
        mean = torch.tensor(data.info.mean).view(1, -1, 1, 1)
        std = torch.tensor(data.info.std).view(1, -1, 1, 1)
        self._images = ((data.train.images.float() / 255 - mean) / std).to(device)  # (N, C, H, W)
        self._labels = data.train.labels.to(device)
        self._model = build_network(
            spec_layers(spec, data.info), data.info.shape, len(data.info.classes), seed=spec.seed
        ).to(device)
        self._layout = max(
            (torch.contiguous_format, torch.channels_last), key=lambda layout: self._rate(layout, 4)
        )

    def images_per_second(self, seconds: float) -> float:
        """Over one slice."""
        return self._rate(self._layout, seconds)

    def _rate(self, layout: torch.memory_format, seconds: float) -> float:
        self._images = self._images.contiguous(memory_format=layout)
        model = self._model.to(memory_format=layout).train()
        return bare_images_per_second(
            model, self._images, self._labels, batch_size=BATCH, seconds=seconds
        )


class LiveRun:
    """A run in the engine and an open page of it, measured in slices; a context manager."""

    def __init__(self, spec: TrainSpec, engine: Engine, store: RunStore, port: int) -> None:
        self._engine, self._store, self._port = engine, store, port
        self._run_id = engine.submit(spec)
        self._active, self._stop = threading.Event(), threading.Event()
        self._page = threading.Thread(target=self._watch)
        self._problem = ""
        self._cursor = 0

    def __enter__(self) -> LiveRun:
        self._active.set()
        self._page.start()
        self._wait_for(lambda: self._engine.status(self._run_id).state == "running")
        time.sleep(WARM_UP_SECONDS)
        self._pause()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._page.join()
        self._engine.control(self._run_id, "stop")
        self._wait_for(lambda: not self._engine.status(self._run_id).active)
        if self._problem:
            raise RuntimeError(self._problem)

    def images_per_second(self, seconds: float) -> float:
        """Over one slice, by the run's own Progress events."""
        self._active.set()
        self._engine.control(self._run_id, "resume")
        time.sleep(seconds)
        found = [event for event in self._pause() if isinstance(event, Progress)]
        images = spent = 0.0
        for before, event in itertools.pairwise(found):
            done = (event.step - before.step) * BATCH
            images += done
            spent += done / event.images_per_second
        return images / spent

    def _pause(self) -> list[Event]:
        self._engine.control(self._run_id, "pause")
        self._active.clear()
        self._wait_for(lambda: self._engine.status(self._run_id).state == "paused")
        time.sleep(SETTLE_SECONDS)
        found: list[Event] = []
        while True:
            events, position = self._store.events(self._run_id, self._cursor)
            if position == self._cursor:
                return found
            self._cursor = position
            found += events

    def _watch(self) -> None:
        with PageClient(self._port, "live", f"run={self._run_id}") as page:
            page.watch(self._active, self._stop)
            self._problem = page.errors[0] if page.errors else ""

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Nothing moved: {self._engine.status(self._run_id)}.")
            time.sleep(0.05)


def main() -> None:
    """Measure, print the parts, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        os.environ["CONVSCOPE_RUNS"] = str(runs)
        with serve(runs, log=Path(folder) / "app.log") as app:
            engine = connect()
            while not engine.capacity().ready:
                time.sleep(0.1)
            threads = max(1, (os.cpu_count() or 1) // engine.capacity().slots)
            for name, spec in cases().items():
                loop = BareLoop(spec, threads)
                with LiveRun(spec, engine, RunStore(runs), app.port) as run:
                    bare, live = [loop.images_per_second(options.seconds)], []
                    for _ in range(options.rounds):
                        live.append(run.images_per_second(options.seconds))
                        bare.append(loop.images_per_second(options.seconds))
                ratios = [
                    2 * rate / (before + after)
                    for rate, (before, after) in zip(live, itertools.pairwise(bare), strict=True)
                ]
                parts[name] = {
                    "ratio": round(statistics.median(ratios), 4),
                    "quartiles": [round(cut, 4) for cut in statistics.quantiles(ratios, n=4)],
                    "live_images_per_second": [round(rate) for rate in live],
                    "bare_images_per_second": [round(rate) for rate in bare],
                }
                print(name, parts[name], flush=True)
    result = {
        "name": "live_overhead",
        "value": min(part["ratio"] for part in parts.values()),
        "unit": "live images/s divided by bare images/s, worst case",
        "batch": BATCH,
        "threads": threads,
        "parts": parts,
        "machine": describe(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
