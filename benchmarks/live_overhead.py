"""What watching costs: images a second of a run in the engine with a live page attached, divided by
a bare PyTorch loop with the same network, images, batch size, threads and machine.

Both are measured in turn, several times, and their medians compared. Validation is left out of both;
snapshots, checkpoints, events and the page's own work are in. The headline is the worst ratio.

    python -m benchmarks.live_overhead [--seconds 12] [--rounds 3]
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
from training.events import Progress
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import DatasetSpec, NamedNetwork, OptimizerSpec, TrainSpec

BATCH = 128
WARM_UP_SECONDS = 2.0


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


def measure_bare(spec: TrainSpec, seconds: float, threads: int) -> float:
    """Images a second of the bare loop, in the memory format that is faster for this network."""
    torch.set_num_threads(threads)
    device, _ = pick_device(spec.device)
    data = load_dataset(spec.dataset.name, seed=spec.seed)
    mean = torch.tensor(data.info.mean).view(1, -1, 1, 1)
    std = torch.tensor(data.info.std).view(1, -1, 1, 1)
    images = ((data.train.images.float() / 255 - mean) / std).to(device)  # (N, C, H, W)
    rates = []
    for layout in (torch.contiguous_format, torch.channels_last):
        model = build_network(
            spec_layers(spec, data.info), data.info.shape, len(data.info.classes), seed=spec.seed
        ).to(device)
        rates.append(
            bare_images_per_second(
                model.to(memory_format=layout).train(),
                images.contiguous(memory_format=layout),
                data.train.labels.to(device),
                batch_size=BATCH,
                seconds=seconds / 2,
            )
        )
    return max(rates)


def measure_live(
    spec: TrainSpec, seconds: float, engine: Engine, store: RunStore, port: int
) -> float:
    """Images a second of a run in the engine while a page follows it."""
    run_id = engine.submit(spec)
    stop = threading.Event()
    page = threading.Thread(target=_watch, args=(port, run_id, stop))
    page.start()
    try:
        deadline = time.monotonic() + 120
        while engine.status(run_id).state != "running":
            if time.monotonic() > deadline:
                raise RuntimeError(f"The run did not start: {engine.status(run_id)}.")
            time.sleep(0.05)
        time.sleep(WARM_UP_SECONDS + seconds)
    finally:
        stop.set()
        page.join()
        engine.control(run_id, "stop")
        while engine.status(run_id).active:
            time.sleep(0.05)
    return _rate(store, run_id, spec)


def _watch(port: int, run_id: str, stop: threading.Event) -> None:
    with PageClient(port, "live", f"run={run_id}") as page:
        page.run()
        while not stop.wait(page.interval or 1.0):
            page.tick() if page.fragment_id else page.run()
        if page.errors:
            raise RuntimeError(page.errors[0])


def _rate(store: RunStore, run_id: str, spec: TrainSpec) -> float:
    """Images a second between the first Progress after the warm-up and the last one."""
    found: list[Progress] = []
    cursor = 0
    while True:
        events, position = store.events(run_id, cursor)
        if position == cursor:
            break
        cursor = position
        found += [event for event in events if isinstance(event, Progress)]
    settled = [event for event in found if event.time - found[0].time >= WARM_UP_SECONDS]
    images = spent = 0.0
    for before, event in itertools.pairwise(settled):
        done = (event.step - before.step) * spec.batch_size
        images += done
        spent += done / event.images_per_second
    return images / spent


def main() -> None:
    """Measure, print the parts, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=3)
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
                bare, live = [], []
                for _ in range(options.rounds):
                    bare.append(measure_bare(spec, options.seconds, threads))
                    live.append(
                        measure_live(spec, options.seconds, engine, RunStore(runs), app.port)
                    )
                ratio = statistics.median(live) / statistics.median(bare)
                parts[name] = {
                    "ratio": round(ratio, 4),
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
