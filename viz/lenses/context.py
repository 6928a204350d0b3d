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
from data.imagenet import imagenet_info
from data.load import Dataset, Split, load_dataset
from models.build import build_network
from models.pretrained import load_pretrained
from models.references import HistoryRef, ModelRef, RandomRef, RunRef, ShippedRef, parse_reference
from models.registry import get_architecture
from models.weights import load_weights
from models.zoo import find_net
from training.history import History, find_history
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import DatasetSpec, TrainSpec, sentence
from viz.lenses.registry import LensError

KEPT_NETS = 8
KEPT_DATASETS = 2
_T = TypeVar("_T")


@dataclass(frozen=True)
class Subject:
    """A network to look at: on the CPU, in evaluation mode, its parameters without gradients.

    The network is shared by all requests, and by all moments of a run: the next `subject` of the
    same run puts other weights into it, and who changes it changes a deep copy.
    """

    net: nn.Module
    title: str
    info: DatasetInfo
    dataset: DatasetSpec | None  # what it was trained on, or for; None: ImageNet, not here
    seed: int
    spec: TrainSpec | None  # None: not trained by this program
    step: int | None  # updates its weights have seen; None: random or somebody else's weights


class LensContext:
    """Where runs lie, and the networks and data sets that recent requests used."""

    def __init__(self, store: RunStore | None = None) -> None:
        self.store = store or RunStore()
        self._nets: OrderedDict[str, tuple[nn.Module, object]] = OrderedDict()
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()

    def subject(self, model: str | None, dataset: Mapping[str, Any] | None = None) -> Subject:
        """The network that `model` names.

        `dataset` (fields of a DatasetSpec) is what random weights are made for, default digits; all
        others have their own.

        Raises:
            ValueError: one sentence: not a reference, no such network, no weights yet.
        """
        reference = _reference(model)
        if isinstance(reference, RunRef | ShippedRef):
            return self._trained(reference)
        if isinstance(reference, RandomRef):
            return self._random(reference, dataset_spec(dataset or {}))
        return self._pretrained(reference.name)

    def history(self, model: str | None) -> History:
        """The past of the network that `model` names, at whatever moment.

        Raises:
            ValueError: one sentence: it has no past, or there is no such network.
        """
        reference = _reference(model)
        if isinstance(reference, RunRef | ShippedRef):
            return find_history(reference, self.store)
        raise LensError(
            f"{model} was not trained here, so no earlier moments of it are kept: choose a run or "
            "a network that comes with the program."
        )

    def images(self, subject: Subject, split: str) -> Split:
        """A split of the data set the network was trained on, or for.

        Raises:
            ValueError: one sentence: it is not here, or there is no such split.
        """
        if subject.dataset is None:
            raise LensError(
                f"{subject.title} was trained on ImageNet, which is not on this machine: choose a "
                "run, or a network that comes with the program."
            )
        return choose_split(self.data(subject.dataset, subject.seed), split)

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

        def build() -> tuple[nn.Module, object]:
            layers = architecture.layers(info.shape, len(info.classes))
            return _frozen(build_network(layers, info.shape, len(info.classes), seed=0)), None

        key = f"{reference} {info.name} {info.shape}"
        net, _ = _kept(self._nets, key, KEPT_NETS, build)
        return Subject(net, f"{architecture.title}, untrained", info, dataset, 0, None, None)

    def _pretrained(self, name: str) -> Subject:
        found = find_net(name)

        def load() -> tuple[nn.Module, object]:
            net, categories = load_pretrained(name)
            return _frozen(net), categories

        net, categories = _kept(self._nets, f"torchvision:{name}", KEPT_NETS, load)
        if not isinstance(categories, tuple):
            raise TypeError("categories are kept beside a pretrained network")
        info = imagenet_info(categories, found.input_side, found.resize, found.interpolation)
        return Subject(net, found.title, info, None, 0, None, None)

    def _trained(self, reference: HistoryRef) -> Subject:
        history = find_history(reference, self.store)
        spec = history.spec
        info = get_info(spec.dataset.name, spec.dataset.image_size)
        path = history.path(reference.step)
        try:
            status = path.stat()
        except OSError:  # it was listed a moment ago
            raise LensError(
                f"{path.name} of {reference} has just gone: choose another moment."
            ) from None
        # What the file holds now; a newer one has another time, so it is read again next time.
        version = (path.name, status.st_mtime_ns, status.st_size)

        def build() -> tuple[nn.Module, object]:
            layers = spec_layers(spec, info)
            net = build_network(layers, info.shape, len(info.classes), seed=spec.seed)
            return _frozen(net), None

        key = f"{history.reference} {info.shape} {len(info.classes)}"
        net, loaded = _kept(self._nets, key, KEPT_NETS, build)
        if not isinstance(loaded, _Loaded) or loaded.version != version:
            del self._nets[key]  # until it is whole: half of it may be written before a refusal
            loaded = _Loaded(version, _load_into(net, path, reference))
            self._nets[key] = (net, loaded)
        return Subject(net, history.title, info, spec.dataset, spec.seed, spec, loaded.step)


def _reference(model: str | None) -> ModelRef:
    if model is None:
        raise LensError("This view looks at a network: name one, such as random:lenet5.")
    return parse_reference(model)


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


def _frozen(net: nn.Module) -> nn.Module:
    # channels_last: convolutions on the CPU run up to twice as fast.
    fast: nn.Module = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return fast


def _load_into(net: nn.Module, path: Path, reference: HistoryRef) -> int | None:
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
