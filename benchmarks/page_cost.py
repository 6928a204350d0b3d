"""What a viewer costs the web process: CPU of one live-fragment rerun, and resident memory.

A real run trains while a tab follows it through Streamlit's own protocol; CPU time is read from the
operating system, so waiting and the browser do not count. Then every page is visited and the memory
of the web process is read; torch must not be in it.

    python -m benchmarks.page_cost [--ticks 60]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.app_server import serve
from benchmarks.machine import describe
from benchmarks.page_client import PageClient
from engine.client import connect
from training.spec import DatasetSpec, NamedNetwork, OptimizerSpec, TrainSpec
from ui.pages import PAGES

PATHS = ("", *(page.url for page in PAGES))
SECONDS_BETWEEN = 0.5  # so that each tick finds new numbers and a new picture
VIEWS = ("predictions", "filters", "maps", "confusion", "health", "about")
SPEC = TrainSpec(
    dataset=DatasetSpec(name="digits"),
    network=NamedNetwork(name="lenet5"),
    optimizer=OptimizerSpec(lr=0.001),
    epochs=10_000,
)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of one process so far, without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure, print the parts, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        os.environ["CONVSCOPE_RUNS"] = str(runs)
        with serve(runs, log=Path(folder) / "app.log") as app:
            web = psutil.Process(app.pid)
            with PageClient(app.port) as home:
                home.run()
            engine = connect()
            while not engine.capacity().ready:
                time.sleep(0.1)
            run_id = engine.submit(SPEC)
            while engine.status(run_id).state != "running":
                time.sleep(0.05)
            costs = {}
            for view in VIEWS:
                with PageClient(app.port, "live", f"run={run_id}&view={view}") as page:
                    page.run()
                    for _ in range(5):
                        page.tick()
                    before = cpu_seconds(web)
                    for _ in range(options.ticks):
                        page.tick()
                        time.sleep(SECONDS_BETWEEN)
                    costs[view] = (cpu_seconds(web) - before) / options.ticks * 1000
                    if page.errors:
                        raise RuntimeError(page.errors[0])
                print(f"{view}: {costs[view]:.1f} ms", flush=True)
            for path in PATHS:
                with PageClient(app.port, path) as page:
                    page.run()
            memory = web.memory_info().rss / 1e6
            loaded = [Path(region.path).name for region in web.memory_maps()]
            if any(name.startswith("libtorch") for name in loaded):
                raise RuntimeError("torch is loaded in the web process")
            engine.control(run_id, "stop")
    print(
        json.dumps(
            {
                "name": "page_cost",
                "value": round(max(costs.values()), 2),
                "unit": "ms of server CPU per live-fragment rerun, worst view",
                "views_ms": {view: round(cost, 2) for view, cost in costs.items()},
                "web_rss_mb": round(memory, 1),
                "torch_loaded": False,
                "machine": describe(),
            }
        )
    )


if __name__ == "__main__":
    main()
