"""Seconds of training until a shipped preset has its accuracy on the test images.

On a CPU: the MNIST preset to 99 %. On a GPU also the CIFAR-10 preset to 94 %. Runs in the engine,
as a person would start it, with several seeds; the headline is the slowest one. Training time leaves
pauses, loading and the final test out, and counts validation. A run that misses its accuracy makes
the headline null. Needs the images under CONVSCOPE_DATA.

    python -m benchmarks.time_to_accuracy [--seeds 3] [--preset mnist_99]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from typing import Any

from benchmarks.machine import describe
from data.catalogue import is_available
from engine.client import connect
from training.events import Evaluated, Finished
from training.presets import get_preset
from training.run_store import RunStore

TARGETS = {"mnist_99": 0.99, "cifar_fast": 0.94}


def main() -> None:
    """Train, print each run, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", choices=sorted(TARGETS), default="mnist_99")
    options = parser.parse_args()
    preset = get_preset(options.preset)
    if not is_available(preset.spec.dataset.name):
        raise SystemExit(f"{preset.spec.dataset.name} is not under CONVSCOPE_DATA.")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONVSCOPE_RUNS"] = folder
        engine = connect()
        while not engine.capacity().ready:
            time.sleep(0.1)
        for seed in range(options.seeds):
            run_id = engine.submit(preset.spec.model_copy(update={"seed": seed}))
            while engine.status(run_id).active:
                time.sleep(0.2)
            events = read_all(RunStore(folder), run_id)
            tests = [e for e in events if isinstance(e, Evaluated) and e.split == "test"]
            ends = [e for e in events if isinstance(e, Finished)]
            if not (tests and ends):
                raise SystemExit(f"The run did not finish: {engine.status(run_id).message}")
            results.append(
                {
                    "seed": seed,
                    "seconds": round(ends[0].seconds, 2),
                    "test_accuracy": round(tests[0].accuracy, 4),
                }
            )
            print(results[-1], flush=True)
    target = TARGETS[options.preset]
    missed = any(result["test_accuracy"] < target for result in results)
    print(
        json.dumps(
            {
                "name": f"time_to_accuracy.{options.preset}",
                "value": None if missed else max(result["seconds"] for result in results),
                "unit": f"s of training to {target:.0%} test accuracy, slowest of {len(results)} seeds",
                "runs": results,
                "machine": describe(),
            }
        )
    )


def read_all(store: RunStore, run_id: str) -> list[object]:
    """Every event of a run."""
    found: list[object] = []
    cursor = 0
    while True:
        events, position = store.events(run_id, cursor)
        if position == cursor:
            return found
        found += events
        cursor = position


if __name__ == "__main__":
    main()
