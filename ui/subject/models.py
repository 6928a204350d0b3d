"""Which network is looked at: what the link names, and what there is to choose from.

Everything here is read from files and catalogues, without the engine, so the bar stands at once
even while the engine warms up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from data.catalogue import DataError, DatasetInfo, get_info, is_available, list_datasets
from models.references import (
    RandomRef,
    ReferenceError,
    RunRef,
    ShippedRef,
    TorchvisionRef,
    parse_reference,
)
from models.registry import get_architecture, list_architectures
from models.zoo import find_net
from training.history import History, find_history
from training.run_store import RunError
from training.shipped import list_shipped
from ui import html, runtime
from ui.run_names import ago, network_title, run_title

FIRST_CHOICE: Final = "digits_lenet5"
FALLBACK: Final = "random:lenet5"
DEFAULT_DATA: Final = "digits"


@dataclass(frozen=True)
class Model:
    """One network as the bar knows it, before the engine has been asked anything."""

    base: str  # the reference without a step
    title: str
    origin: str  # a few words: where its weights come from
    step: int | None  # that the reference itself named
    info: DatasetInfo | None  # of its data set; None: ImageNet, or gone by now
    options: dict[str, Any] = field(default_factory=dict)  # for every lens
    history: History | None = None  # None: it was not trained here
    active: bool = False  # whether it is still training

    @property
    def has_images(self) -> bool:
        """Whether images of its own data set can be shown."""
        return self.info is not None and is_available(self.info.name)


@dataclass(frozen=True)
class ModelChoice:
    """One of a list to choose from."""

    base: str
    title: str
    note: str = ""  # a few words, in the list
    about: str = ""  # a sentence, once it is chosen

    @property
    def line(self) -> str:
        """Title and note in one."""
        return f"{self.title} · {self.note}" if self.note else self.title


def default_model() -> str:
    """What is shown when the link names nothing: a trained network that comes with the program."""
    names = [net.name for net in list_shipped()]
    if FIRST_CHOICE in names:
        return f"shipped:{FIRST_CHOICE}"
    return f"shipped:{names[0]}" if names else FALLBACK


def find_model(text: str, data: str | None = None) -> Model:
    """The network that a link names.

    Args:
        text: a model reference, with or without a step.
        data: for random weights, the data set they are made for; None: digits.

    Raises:
        ValueError: one sentence: not a reference, or no such network, run or data set.
    """
    try:
        reference = parse_reference(text)
    except ReferenceError as error:
        names = " or ".join(f"shipped:{net.name}" for net in list_shipped()) or FALLBACK
        raise ReferenceError(f"{str(error).rstrip('.')}, such as {names}.") from None
    if isinstance(reference, TorchvisionRef):
        return Model(text, find_net(reference.name).title, "pretrained on ImageNet", None, None)
    if isinstance(reference, RandomRef):
        return _random(reference, data or DEFAULT_DATA)
    history = find_history(reference, runtime.store())
    spec = history.spec
    info = None
    with contextlib.suppress(DataError):
        info = get_info(spec.dataset.name, spec.dataset.image_size)
    base, step = str(history.reference), reference.step
    if isinstance(reference, ShippedRef):
        return Model(base, history.title, "comes with ConvScope", step, info, history=history)
    status = runtime.store().status(reference.run_id)
    return Model(
        base, run_title(spec), _state_words(status.state), step, info,
        history=history, active=status.active,
    )  # fmt: skip


def _state_words(state: str) -> str:
    return "training now" if state == "running" else f"run, {state}"


def _random(reference: RandomRef, data: str) -> Model:
    architecture = get_architecture(reference.architecture)
    info = get_info(data)
    title = f"{architecture.title}, untrained"
    options = {"dataset": {"name": info.name}}
    return Model(str(reference), title, f"for {data_title(info)}", None, info, options)


def shipped_choices() -> list[ModelChoice]:
    """The trained networks that come with the program."""
    return [
        ModelChoice(
            f"shipped:{net.name}",
            net.title,
            f"{html.percent(net.test_accuracy)} of test images right",
        )
        for net in list_shipped()
    ]


def run_choices(limit: int = 300) -> Iterator[ModelChoice]:
    """The newest runs of this server that can be looked at, newest first."""
    store = runtime.store()
    for run_id in store.run_ids()[:limit]:
        with contextlib.suppress(RunError):  # deleted just now, or not readable
            spec, status = store.spec(run_id), store.status(run_id)
            note = f"{network_title(spec)}, {status.state}, {ago(status.created)}"
            yield ModelChoice(str(RunRef(run_id)), run_title(spec), note)


def random_choices(data: str) -> list[ModelChoice]:
    """The architectures that can take the images of a data set."""
    try:
        info = get_info(data)
    except DataError:
        return []
    return [
        ModelChoice(str(RandomRef(one.name)), one.title, about=one.summary)
        for one in list_architectures()
        if one.smallest <= min(info.shape[1:])
    ]


def data_choices() -> dict[str, str]:
    """Data sets whose images are on this machine: titles by name."""
    return {info.name: data_title(info) for info in list_datasets() if is_available(info.name)}


def data_title(info: DatasetInfo) -> str:
    """Its title; a folder is called one, as it may have the name of a set of the catalogue."""
    return f"{info.title} (folder)" if info.name.startswith("folder:") else info.title
