"""What a look costs: each lens, in the worker and from the page's side, against what we aim for.

In the worker: `run_lens` called in this process with one thread, as a worker does, warm, the median
of several. End to end: the page's client asks the engine and has the arrays in hand; each question
is a new one (another image), so nothing comes from a cache; then the same question again, which
does. Lenses that the program itself calls long have a worker of their own and no aim; they are
reported beside the others. The time machine's history, all moments of a network that comes with the
program, is measured against its own.

The overhead of feature maps is the lens as the Live page asks it, maps copied out and packed, over one
bare forward pass of the whole network with the same batch; what it is for the maps of every layer is
told beside it. Finding and fitting the image is the same with any lens and is told apart: the lens is
given the fitted image. The receptive fields of DenseNet-201 are those of a network nobody asked about
before.

    python -m benchmarks.lenses [--repeats 9]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torchvision.models import get_model

from benchmarks.machine import describe
from data.samples import SAMPLES
from engine.client import connect
from engine.protocol import Engine, EngineError
from models.receptive_field import receptive_fields
from models.zoo import is_on_disk, weights_dir, weights_file
from training.shipped import list_shipped
from viz.lenses import LENSES, run_lens
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.long_lenses import LONG_LENSES
from viz.results.history import choose_moments
from viz.results.network import NetworkMap

SMALL_AIM, LARGE_AIM, CACHED_AIM = 150.0, 700.0, 50.0  # ms from the page's side
OVERHEAD_AIM, FIELDS_AIM, HISTORY_AIM = 1.5, 1000.0, 3000.0  # ratio, ms, ms
AIMS = {
    "small_ms": SMALL_AIM,
    "mobilenet_v2_ms": LARGE_AIM,
    "cached_ms": CACHED_AIM,
    "feature_maps_over_forward": OVERHEAD_AIM,
    "densenet201_fields_ms": FIELDS_AIM,
    "history_ms": HISTORY_AIM,
}
DENSENET = "densenet201"
LIVE_LAYERS = 8  # whose maps the Live page shows
WARM_UP = 1  # looks before those that count


@dataclass(frozen=True)
class Net:
    """A network of the aim, and what lenses are asked about it."""

    title: str
    model: str
    images: tuple[str, ...]  # each question takes another
    aim: float  # ms end to end
    dataset: Mapping[str, Any] | None = None
    first: str = ""  # its first convolution
    middle: str = ""  # one half way through

    @property
    def options(self) -> dict[str, Any]:
        """What every lens is told about untrained weights."""
        return {} if self.dataset is None else {"dataset": dict(self.dataset)}


# How each lens that looks at a network is asked, as its page does.
TABLE: dict[str, Callable[[Net], dict[str, Any]]] = {
    "network": lambda net: {},
    "picture": lambda net: {},
    "filters": lambda net: {"layer": net.middle},
    "filter_detail": lambda net: {"layer": net.middle},
    "filter_statistics": lambda net: {"layer": net.middle},
    "filter_activity": lambda net: {"layer": net.middle},
    "edited": lambda net: _edit(net),
    "edit_accuracy": lambda net: {"edits": _edit(net)["edits"]},
    "lesion": lambda net: {"layer": net.first},
    "feature_maps": lambda net: {"first": LIVE_LAYERS},
    "layer_maps": lambda net: {"layer": net.middle},
    "map_statistics": lambda net: {"layer": net.middle},
    "overview": lambda net: {},
    "steps": lambda net: {},
    "unit": lambda net: {"layer": net.middle, "unit": [0, 1, 1]},
    "best_patches": lambda net: {"layer": net.middle},
    "transform": lambda net: {"kind": "shift", "dx": 2, "dy": 1},
    "receptive_fields": lambda net: {},
    "unit_map": lambda net: {"layer": net.middle},
    "gradient_support": lambda net: {"layer": net.middle},
    "effective_field": lambda net: {"layer": net.middle},
    "classify": lambda net: {},
    "predictions": lambda net: {"count": 18},
    "evaluation": lambda net: {},
}


def _edit(net: Net) -> dict[str, Any]:
    return {"layer": net.first, "edits": [{"layer": net.first, "filter": 0, "op": "zero"}]}


def cases() -> list[Net]:
    """LeNet-5 on 1×28×28, ResNet-20 on 3×32×32, MobileNetV2 on 3×224×224."""
    samples = tuple(f"sample:{sample.name}" for sample in SAMPLES)
    nets = [
        Net("LeNet-5 on 1×28×28", "random:lenet5", _images("digits"), SMALL_AIM, {"name": "mnist"}),
        Net("ResNet-20 on 3×32×32", "random:resnet20", _images("shapes"), SMALL_AIM, {"name": "shapes"}),
        Net("MobileNetV2 on 3×224×224", "torchvision:mobilenet_v2", samples, LARGE_AIM),
    ]  # fmt: skip
    return [_with_layers(net) for net in nets]


def _images(dataset: str) -> tuple[str, ...]:
    return tuple(f"{dataset}/test/{index}" for index in range(100))


def _with_layers(net: Net) -> Net:
    found: NetworkMap = run_lens("network", net.model, None, net.options)
    names = [layer.name for layer in found.convolutions]
    return Net(**{**vars(net), "first": names[0], "middle": names[len(names) // 2]})


def in_worker(net: Net, lens: str, options: dict[str, Any], repeats: int) -> float:
    """Milliseconds of one look, warm."""
    torch.set_num_threads(1)
    images = itertools.cycle(net.images[1:])
    return _median(lambda: run_lens(lens, net.model, next(images), options), repeats)


def end_to_end(
    engine: Engine, net: Net, lens: str, options: dict[str, Any], repeats: int
) -> tuple[float, float]:
    """Milliseconds for the page: of a new question, and of one that was asked before."""
    images = iter(net.images[1:])  # each once: what was asked before is kept
    fresh = _median(
        lambda: engine.look(lens, net.model, next(images), timeout=300, **options), repeats
    )
    asked = net.images[0]
    engine.look(lens, net.model, asked, timeout=300, **options)
    again = _median(lambda: engine.look(lens, net.model, asked, **options), 9)
    return fresh, again


def overhead(net: Net, repeats: int) -> dict[str, float]:
    """The feature-map lens of every layer over the bare forward pass of the same batch, taking turns.

    Fitting the image is left out of both and given beside them, as is what the live page asks: its
    few layers, after which the pass ends.
    """
    torch.set_num_threads(1)
    context = LensContext()
    subject = context.subject(net.model, net.dataset)
    image = net.images[0]
    fitted = fit(context, image, subject)
    look = LENSES["feature_maps"]

    def bare() -> None:
        with torch.inference_mode():
            subject.net(fitted[0].batch)

    ways: dict[str, Callable[[], object]] = {
        "bare": bare,
        "lens": lambda: look(context, net.model, image, **net.options),
        "live_page": lambda: look(context, net.model, image, first=LIVE_LAYERS, **net.options),
    }
    times: dict[str, list[float]] = {name: [] for name in (*ways, "image")}
    for _ in range(3 * repeats):
        with mock.patch("viz.lenses.feature_maps.fit", return_value=fitted):
            for name, way in ways.items():
                times[name].append(_milliseconds(way))
        times["image"].append(_milliseconds(lambda: fit(context, image, subject)))
    medians = {name: statistics.median(part[WARM_UP:]) for name, part in times.items()}
    return {
        **{f"{name}_ms": found for name, found in medians.items()},
        "ratio": medians["lens"] / medians["bare"],
        "ratio_as_the_live_page_asks": medians["live_page"] / medians["bare"],
    }


def densenet_fields(repeats: int) -> float:
    """Milliseconds for the receptive fields of every layer of a DenseNet-201, each time a new one."""
    torch.set_num_threads(1)
    with torch.device("meta"):
        nets = [get_model(DENSENET, weights=None).eval() for _ in range(repeats + WARM_UP)]
    waiting = iter(nets)
    return _median(lambda: receptive_fields(next(waiting), (3, 224, 224)), repeats)


class Report:
    """What was measured, and the share of its aim that each number is."""

    def __init__(self, engine: Engine, repeats: int) -> None:
        self.parts: dict[str, Any] = {}
        self.shares: dict[str, float] = {}
        self._engine = engine
        self._repeats = repeats

    def look(self, net: Net, lens: str, asked: dict[str, Any], *, aim: float | None) -> None:
        """One lens of one network; None: it has no aim."""
        options = {**net.options, **asked}
        repeats = self._repeats if lens not in LONG_LENSES else 1
        try:
            worker = in_worker(net, lens, options, repeats)
            fresh, again = end_to_end(self._engine, net, lens, options, repeats)
        except (ValueError, EngineError) as error:  # this network has no such view
            self.parts.setdefault(net.title, {})[lens] = {"none": str(error)}
            return
        found = {"worker_ms": worker, "page_ms": fresh, "cached_ms": again}
        self.add(net.title, lens, found)
        self.shares[f"{lens} of {net.title}, cached"] = again / CACHED_AIM
        if aim is not None:
            self.shares[f"{lens} of {net.title}"] = fresh / aim

    def add(self, about: str, name: str, found: dict[str, float]) -> None:
        """Keep numbers, and print them."""
        rounded = {key: round(value, 2) for key, value in found.items()}
        self.parts.setdefault(about, {})[name] = rounded
        print(f"{about:26} {name:20} {rounded}", flush=True)


def measure(report: Report, repeats: int) -> None:
    """All of it."""
    for net in cases():
        for lens, ask in TABLE.items():
            report.look(net, lens, ask(net), aim=None if lens in LONG_LENSES else net.aim)
        found = overhead(net, repeats)
        report.add(net.title, "feature_maps over a bare forward pass", found)
        report.shares[f"feature maps over a forward pass, {net.title}"] = (
            found["ratio"] / OVERHEAD_AIM
        )
    for one in list_shipped():
        title = f"{one.title}, {len(choose_moments(one.steps))} moments"
        past = Net(title, f"shipped:{one.name}", _images(one.spec.dataset.name), HISTORY_AIM)
        report.look(past, "history", {}, aim=past.aim)
    fields = densenet_fields(repeats)
    report.add(DENSENET, "receptive_fields", {"worker_ms": fields})
    report.shares[f"receptive fields of {DENSENET}"] = fields / FIELDS_AIM


def main() -> None:
    """Measure, print a line for each, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = min(parser.parse_args().repeats, len(SAMPLES) - 1 - WARM_UP)
    with tempfile.TemporaryDirectory() as folder, _weights(Path(folder)) as weights:
        os.environ["CONVSCOPE_RUNS"] = str(Path(folder) / "runs")
        engine = connect()
        while not engine.capacity().ready:
            time.sleep(0.1)
        report = Report(engine, repeats)
        measure(report, repeats)
    shares = report.shares
    worst = max(shares, key=shares.__getitem__)
    result = {
        "name": "lenses",
        "value": round(shares[worst], 3),
        "unit": f"measured divided by the aim, worst case: {worst}",
        "aims": AIMS,
        "over_their_aim": {name: round(share, 2) for name, share in shares.items() if share > 1},
        "weights_of_mobilenet_v2": weights,
        "parts": report.parts,
        "machine": describe(),
    }
    print(json.dumps(result))


@contextmanager
def _weights(folder: Path) -> Iterator[str]:
    """MobileNetV2's own weights where they are on disk, else random ones: the time is the same."""
    if is_on_disk("mobilenet_v2"):
        yield "pretrained"
        return
    with mock.patch.dict(os.environ, {"TORCH_HOME": str(folder)}):
        weights_dir().mkdir(parents=True)
        torch.manual_seed(0)
        torch.save(
            get_model("mobilenet_v2", weights=None).state_dict(), weights_file("mobilenet_v2")
        )
        yield "random"


def _median(look: Callable[[], object], repeats: int) -> float:
    times = [_milliseconds(look) for _ in range(repeats + WARM_UP)]
    return statistics.median(times[WARM_UP:])


def _milliseconds(look: Callable[[], object]) -> float:
    begin = time.perf_counter()
    look()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main()
