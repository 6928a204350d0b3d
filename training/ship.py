"""`python -m training.ship`: trains the networks that come with the program, by its own loop.

Each becomes a directory in the form of a finished run (see `training.shipped`), with a model card
written from what was measured. On one machine the same command gives the same weights to the byte:
the loop is a function of the spec, and one thread is used whatever the machine has.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from data.catalogue import DatasetInfo
from data.load import Dataset, Split, load_dataset
from data.pixels import Normalizer
from models.layers import Activation, Conv, Flatten, GlobalPool, LayerList, Linear, Norm, Pool
from models.weights import save_weights
from training import shipped
from training.batches import OnDevice
from training.evaluate import Scores, evaluate
from training.events import Evaluated, Failed, Progress, Snapshot
from training.loop import train
from training.model_card import Measured, write_card
from training.run_store import EventWriter, write_atomic
from training.spec import (
    AugmentSpec,
    CustomNetwork,
    DatasetSpec,
    NamedNetwork,
    OptimizerSpec,
    ScheduleSpec,
    TrainSpec,
)
from training.state import TrainState

log = logging.getLogger("training.ship")

PROGRESS_POINTS: Final = 150  # of a training, kept in its record
_GRID: Final = 12  # snapshots the loop asks for in each factor of ten


@dataclass(frozen=True)
class Plan:
    """A network to ship."""

    name: str
    spec: TrainSpec
    per_decade: int  # snapshots kept in each factor of ten; divides 12
    purpose: str  # why it is here, one or two sentences
    limits: str  # what it must not be taken for


def _conv(channels: int) -> LayerList:
    conv = Conv(out_channels=channels, kernel_size=3, padding=1, bias=False)
    return (conv, Norm(), Activation())


_SMALL_LENET: Final[LayerList] = (
    Conv(out_channels=6, kernel_size=5, padding=2),
    Activation(),
    Pool(),
    Conv(out_channels=16, kernel_size=5),
    Activation(),
    Pool(),
    Flatten(),
    Linear(out_features=48),
    Activation(),
    Linear(),
)
_SMALL_CNN: Final[LayerList] = (
    *_conv(8),
    *_conv(8),
    Pool(),
    *_conv(16),
    *_conv(16),
    Pool(),
    *_conv(32),
    GlobalPool(),
    Linear(),
)

PLANS: Final = (
    Plan(
        "digits_lenet5",
        TrainSpec(
            title="Digits, small LeNet-5",
            dataset=DatasetSpec(name="digits"),
            network=CustomNetwork(title="Small LeNet-5", layers=_SMALL_LENET),
            optimizer=OptimizerSpec(name="adam", lr=0.003),
            schedule=ScheduleSpec(name="one_cycle"),
            augment=AugmentSpec(shift=1, rotation=10),
            batch_size=32,
            epochs=30,
            validate_every=0,
            device="cpu",
        ),
        per_decade=12,
        purpose=(
            "The first network anybody sees here: LeNet-5's two convolutions of 6 and 16 filters, "
            "with smaller linear layers for 16×16 images."
        ),
        limits=(
            "It has seen 1257 digits by 13 people, each of whom wrote in all three splits, so its "
            "accuracy says nothing about other hands. It answers with a digit whatever it is shown."
        ),
    ),
    Plan(
        "shapes_cnn",
        TrainSpec(
            title="Shapes, small CNN",
            dataset=DatasetSpec(name="shapes"),
            network=CustomNetwork(title="Small CNN", layers=_SMALL_CNN),
            optimizer=OptimizerSpec(lr=0.1, nesterov=True, weight_decay=5e-4),
            schedule=ScheduleSpec(name="one_cycle"),
            epochs=6,
            validate_every=0,
            device="cpu",
        ),
        per_decade=6,
        purpose=(
            "A plain stack of 3×3 convolutions with batch norm on colour pictures, small enough to "
            "look at every filter."
        ),
        limits=(
            "It knows ten drawn shapes and textures and nothing of photographs. It answers with one "
            "of them whatever it is shown."
        ),
    ),
    Plan(
        "shapes_resnet8",
        TrainSpec(
            title="Shapes, ResNet-8",
            dataset=DatasetSpec(name="shapes"),
            network=NamedNetwork(name="resnet8"),
            optimizer=OptimizerSpec(lr=0.1, nesterov=True, weight_decay=5e-4),
            schedule=ScheduleSpec(name="one_cycle"),
            epochs=8,
            validate_every=0,
            device="cpu",
        ),
        per_decade=2,
        purpose="The smallest residual network of He et al., with shortcuts to follow.",
        limits=(
            "It knows ten drawn shapes and textures and nothing of photographs. It answers with one "
            "of them whatever it is shown."
        ),
    ),
)


def main(arguments: list[str] | None = None) -> None:
    """Train what is asked for, and write down the digests of everything after each."""
    parser = argparse.ArgumentParser(prog="python -m training.ship", description=__doc__)
    names = [plan.name for plan in PLANS]
    parser.add_argument("--only", choices=names, help="train this one and leave the others")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for plan in PLANS:
        if options.only in (None, plan.name):
            ship(plan, shipped.ROOT)
            write_digests(shipped.ROOT)


def ship(plan: Plan, root: Path) -> None:
    """Train one network into `root/<name>`, replacing what was there once all of it is done.

    Raises:
        RuntimeError: the training failed.
    """
    making = root / f".{plan.name}.making"
    shutil.rmtree(making, ignore_errors=True)
    (making / "snapshots").mkdir(parents=True)
    write_atomic(making / "spec.json", plan.spec.model_dump_json(indent=1) + "\n")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            _train(plan, making)
    finally:
        torch.set_num_threads(threads)
    target = root / plan.name
    shutil.rmtree(target, ignore_errors=True)
    making.replace(target)


def write_digests(root: Path) -> None:
    """Write down the digest of every file under `root`."""
    files = sorted(path for path in root.glob("[!.]*/**/*") if path.is_file())
    digests = {path.relative_to(root).as_posix(): shipped.compute_digest(path) for path in files}
    write_atomic(root / shipped.DIGESTS, json.dumps(digests, indent=1) + "\n")


def is_kept(step: int, per_decade: int) -> bool:
    """Whether a snapshot that the loop asks for at `step` is shipped."""
    if step == 0:
        return True
    power = round(_GRID * math.log10(step))
    stride = _GRID // per_decade
    return any(
        k % stride == 0 and round(10 ** (k / _GRID)) == step for k in range(power - 1, power + 2)
    )


def _train(plan: Plan, making: Path) -> None:
    spec = plan.spec
    data = load_dataset(**spec.dataset.model_dump(), seed=spec.seed)
    state = TrainState.fresh(spec, data.info, torch.device("cpu"))
    last, due = spec.total_steps(len(data.train)), 0.0
    with EventWriter(making / "events.jsonl") as events:
        for event in train(spec, data, state):
            if isinstance(event, Progress):
                if event.step < min(due, last):
                    continue
                due = event.step + last / PROGRESS_POINTS
            if isinstance(event, Snapshot) and event.step < last:
                if not is_kept(event.step, plan.per_decade):
                    continue
                _save(making / "snapshots" / f"{event.step}.safetensors", state)
            if isinstance(event, Evaluated):
                log.info(
                    "%s, update %d of %d: %s accuracy %.1f %%",
                    plan.name, event.step, last, event.split, 100 * event.accuracy,
                )  # fmt: skip
            if isinstance(event, Failed):
                raise RuntimeError(event.message)
            events.write(event)
    _save(making / "latest.safetensors", state)
    measured = Measured(
        name=plan.name,
        spec=spec,
        info=data.info,
        steps=state.step,
        num_params=sum(parameter.numel() for parameter in state.model.parameters()),
        num_bytes=sum(path.stat().st_size for path in making.rglob("*") if path.is_file()),
        scores={name: _score(state, split, data.info) for name, split in _splits(data).items()},
    )
    card = write_card(measured, purpose=plan.purpose, limits=plan.limits)
    write_atomic(making / "MODEL_CARD.md", card)


def _save(path: Path, state: TrainState) -> None:
    save_weights(path, state.model.state_dict(), {"step": str(state.step)})


def _splits(data: Dataset) -> dict[str, Split]:
    return {"train": data.train, "validation": data.val, "test": data.test}


def _score(state: TrainState, split: Split, info: DatasetInfo) -> Scores:
    normalizer = Normalizer(info, state.device, state.memory_format)
    return evaluate(state.model, OnDevice(split, state.device), normalizer, len(info.classes))


if __name__ == "__main__":
    main()
