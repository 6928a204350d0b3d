"""A model reference becomes a network with its data set. What was loaded stays for the next
request; the least recently used leaves first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import nn

from data.catalogue import DatasetInfo, get_info, is_available
from data.load import Dataset, Split, load_dataset
from models.build import build_network
from models.references import RandomRef, RunRef, parse_reference
from models.registry import get_architecture
from models.weights import load_weights
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import DatasetSpec, TrainSpec, sentence
from viz.lenses.registry import LensError

KEPT_NETS = 8
KEPT_DATASETS = 2
_T = TypeVar("_T")


@dataclass(frozen=True)
class Subject:
    """A network to look at: on the CPU, in evaluation mode, its parameters without gradients."""

    net: nn.Sequential
    info: DatasetInfo
    dataset: DatasetSpec  # what it was trained on, or for
    seed: int
    spec: TrainSpec | None  # None: not from a run
    step: int | None  # updates its weights have seen; None: random weights


class LensContext:
    """Where runs lie, and the networks and data sets that recent requests used."""

    def __init__(self, store: RunStore | None = None) -> None:
        self.store = store or RunStore()
        self._nets: OrderedDict[str, tuple[nn.Sequential, object]] = OrderedDict()
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()

    def subject(self, model: str | None, dataset: Mapping[str, Any] | None = None) -> Subject:
        """The network that `model` names.

        `dataset` (fields of a DatasetSpec) is what random weights are made for, default digits; a
        run has its own.

        Raises:
            ValueError: one sentence: not a reference, no such run, no weights yet.
        """
        if model is None:
            raise LensError("This view looks at a network: name one, such as random:lenet5.")
        reference = parse_reference(model)
        if isinstance(reference, RunRef):
            return self._run(reference)
        if isinstance(reference, RandomRef):
            return self._random(reference, dataset_spec(dataset or {}))
        raise LensError(f"{model} is not here: choose a run, or random:<architecture>.")

    def data(self, spec: DatasetSpec, seed: int = 0) -> Dataset:
        """A data set in memory.

        Raises:
            ValueError: one sentence: unknown, unusable, or not on this machine. Nothing is
                downloaded on behalf of a picture.
        """
        info = get_info(spec.name, spec.image_size)
        if not is_available(spec.name):
            raise LensError(
                f"{info.title} is not on this machine yet: download it first, or choose digits "
                "or shapes, which come with the program."
            )
        key = f"{seed} {spec.model_dump_json()}"
        return _kept(
            self._datasets, key, KEPT_DATASETS, lambda: load_dataset(**spec.model_dump(), seed=seed)
        )

    def _random(self, reference: RandomRef, dataset: DatasetSpec) -> Subject:
        info = get_info(dataset.name, dataset.image_size)
        architecture = get_architecture(reference.architecture)

        def build() -> tuple[nn.Sequential, object]:
            layers = architecture.layers(info.shape, len(info.classes))
            return _frozen(build_network(layers, info.shape, len(info.classes), seed=0)), None

        key = f"{reference} {info.name} {info.shape}"
        net, _ = _kept(self._nets, key, KEPT_NETS, build)
        return Subject(net, info, dataset, 0, None, None)

    def _run(self, reference: RunRef) -> Subject:
        spec = self.store.spec(reference.run_id)
        info = get_info(spec.dataset.name, spec.dataset.image_size)
        path = self._weights_path(reference)
        status = path.stat()
        # What the file holds now; a newer one has another time, so it is read again next time.
        version = (path.name, status.st_mtime_ns, status.st_size)

        def build() -> tuple[nn.Sequential, object]:
            layers = spec_layers(spec, info)
            net = build_network(layers, info.shape, len(info.classes), seed=spec.seed)
            return _frozen(net), None

        key = f"run:{reference.run_id} {info.shape} {len(info.classes)}"
        net, loaded = _kept(self._nets, key, KEPT_NETS, build)
        if not isinstance(loaded, _Loaded) or loaded.version != version:
            loaded = _Loaded(version, _load_into(net, path, reference))
            self._nets[key] = (net, loaded)
        return Subject(net, info, spec.dataset, spec.seed, spec, loaded.step)

    def _weights_path(self, reference: RunRef) -> Path:
        run_id, step = reference.run_id, reference.step
        steps = self.store.snapshot_steps(run_id)
        if step is not None:
            if step not in steps:
                near = sorted(sorted(steps, key=lambda kept: abs(kept - step))[:3])
                ways = f"near it are {', '.join(map(str, near))}" if near else "none is kept yet"
                raise LensError(f"Run {run_id} keeps no weights of step {step}: {ways}.")
            return self.store.snapshot_path(run_id, step)
        latest = self.store.weights_path(run_id)
        if latest.is_file():
            return latest
        if not steps:
            raise LensError(f"Run {run_id} has no weights yet: wait until it has started.")
        return self.store.snapshot_path(run_id, steps[-1])


@dataclass(frozen=True)
class _Loaded:
    version: tuple[str, int, int]
    step: int | None


def dataset_spec(values: Mapping[str, Any]) -> DatasetSpec:
    """A DatasetSpec from the fields a request gives.

    Raises:
        LensError: naming the first field that is wrong.
    """
    try:
        return DatasetSpec.model_validate(dict(values))
    except ValidationError as error:
        raise LensError(sentence(error)) from None


def choose_split(data: Dataset, split: str) -> Split:
    """One split of a data set by name.

    Raises:
        LensError: for a name that is not train, val or test.
    """
    splits = {"train": data.train, "val": data.val, "test": data.test}
    if split not in splits:
        raise LensError(f"{split[:40]!r} is no split: choose train, val or test.")
    return splits[split]


def _frozen(net: nn.Sequential) -> nn.Sequential:
    # channels_last: convolutions on the CPU run up to twice as fast.
    fast: nn.Sequential = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return fast


def _load_into(net: nn.Sequential, path: Path, reference: RunRef) -> int | None:
    weights, metadata = load_weights(path)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise LensError(
            f"The weights of {reference} do not fit its network ({str(error).splitlines()[0]}): "
            "its data set may have changed; train it anew."
        ) from error
    step = metadata.get("step", "")
    return int(step) if step.isdigit() else None


def _kept(cache: OrderedDict[str, _T], key: str, size: int, make: Callable[[], _T]) -> _T:
    """`cache[key]`, made if missing; the least recently used leave beyond `size`."""
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    while len(cache) > size:
        cache.popitem(last=False)
    return cache[key]
