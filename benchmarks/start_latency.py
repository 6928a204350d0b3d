"""The wait between pressing Train and the first number: `python -m benchmarks.start_latency`.

Through the real engine, started as a web server starts it, once it is warm: from the call of `submit`
to the moment the first Progress event can be read from `events.jsonl`. A run is started when the one
before it has ended, so a slot is always free.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time

from engine.client import LocalEngine
from training.events import Event, Progress, Started
from training.run_store import RunStore
from training.spec import TrainSpec, parse_spec

_POLL_SECONDS = 0.001
_GIVE_UP_SECONDS = 120.0


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="convscope-bench-") as root:
        os.environ["CONVSCOPE_RUNS"] = root
        engine = LocalEngine()
        try:
            warm = _warm_up(engine)
            print(f"engine warm after {warm:.1f} s; device {engine.capacity().device}")
            spec = parse_spec({"max_steps": 10, "validate_every": 0})
            parts = [_start(engine, spec) for _ in range(runs)]
        finally:
            engine.close()
    for name in parts[0]:
        values = [part[name] for part in parts]
        print(f"{name:>10}: median {statistics.median(values):.3f} s, worst {max(values):.3f} s")
    totals = sorted(part["progress"] for part in parts)
    result = {
        "name": "start_latency",
        "value": round(_p95(totals), 4),
        "unit": "s",
        "median": round(statistics.median(totals), 4),
        "submit_median": round(statistics.median(part["submit"] for part in parts), 4),
        "started_median": round(statistics.median(part["started"] for part in parts), 4),
        "warm_up": round(warm, 2),
        "runs": runs,
    }
    print(json.dumps(result))


def _warm_up(engine: LocalEngine) -> float:
    begin = time.perf_counter()
    while not engine.capacity().ready:
        if time.perf_counter() - begin > _GIVE_UP_SECONDS:
            raise TimeoutError("the engine did not become ready")
        time.sleep(0.05)
    return time.perf_counter() - begin


def _start(engine: LocalEngine, spec: TrainSpec) -> dict[str, float]:
    """Seconds from submit until it returned, the first Started and the first Progress."""
    store = RunStore()
    begin = time.perf_counter()
    run_id = engine.submit(spec)
    parts = {"submit": time.perf_counter() - begin}
    parts["started"] = _first(store, run_id, Started, begin)
    parts["progress"] = _first(store, run_id, Progress, begin)
    while engine.status(run_id).active:
        time.sleep(0.01)
    return parts


def _first(store: RunStore, run_id: str, kind: type[Event], begin: float) -> float:
    while not any(isinstance(event, kind) for event in store.events(run_id)[0]):
        if time.perf_counter() - begin > _GIVE_UP_SECONDS:
            raise TimeoutError(f"run {run_id} gave no {kind.__name__}")
        time.sleep(_POLL_SECONDS)
    return time.perf_counter() - begin


def _p95(rising: list[float]) -> float:
    """The value that 95 % do not exceed (nearest rank)."""
    return rising[max(0, -(-len(rising) * 95 // 100) - 1)]


if __name__ == "__main__":
    main()
