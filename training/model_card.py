"""Writes the model card of a shipped network from what was measured (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from data.catalogue import DatasetInfo
from models.layers import check
from training.evaluate import Scores
from training.network import spec_layers
from training.spec import NamedNetwork, TrainSpec

WORST: Final = 3  # confusions and classes named


@dataclass(frozen=True)
class Measured:
    """What is known of a trained network."""

    name: str
    spec: TrainSpec
    info: DatasetInfo
    steps: int  # updates made
    num_params: int
    num_bytes: int  # of everything that is shipped of it, but for the card
    scores: Mapping[str, Scores]  # by split: train, validation, test


def write_card(measured: Measured, *, purpose: str, limits: str) -> str:
    """The card as Markdown.

    Args:
        measured: of the trained network.
        purpose: why it is there, in sentences.
        limits: what it must not be taken for, in sentences.
    """
    spec, info = measured.spec, measured.info
    network = spec.network.name if isinstance(spec.network, NamedNetwork) else spec.network.title
    shape = "×".join(map(str, info.shape))
    return f"""# {spec.title}

{purpose}

| | |
|---|---|
| Network | {network}, {measured.num_params:,} parameters, weights in float32 |
| Input | {shape} (channels × height × width), normalised with mean {_list(info.mean)} and deviation {_list(info.std)} |
| Output | logits of {len(info.classes)} classes: {", ".join(info.classes)} |
| Size | {measured.num_bytes / 1e6:.2f} MB with all moments of its training |
| Licence of the weights | Apache-2.0, as the program |

## Data

{info.title}: {info.num_train:,} images to train on, {info.num_val:,} to validate and
{info.num_test:,} to test. {info.note}

Source: {info.source}. Licence: {info.licence}.

## How it was trained

    python -m training.ship --only {measured.name}

{measured.steps:,} updates on one CPU thread. All settings are in `spec.json`; those that differ from
the program's defaults, apart from the network:

```json
{spec.model_dump_json(indent=1, exclude={"network", "title", "device"}, exclude_defaults=True)}
```

## Layers

| layer | puts out | parameters |
|---|---|---|
{_layers(measured)}

## What was measured

| images | accuracy | loss |
|---|---|---|
{_table(measured.scores)}

Weakest classes on the test images: {_weakest(measured)}.
Commonest confusions on the test images: {_confusions(measured)}.

## Meant for

Looking into a trained network, and scrubbing back through its training, before having trained one.

## Not meant for

{limits}
"""


def _layers(measured: Measured) -> str:
    spec, info = measured.spec, measured.info
    rows = check(spec_layers(spec, info), info.shape, len(info.classes)).rows
    return "\n".join(
        f"| {row.title} | {'×'.join(map(str, row.out_shape))} | {row.num_params:,} |"
        for row in rows
    )


def _table(scores: Mapping[str, Scores]) -> str:
    return "\n".join(
        f"| {split} | {100 * found.accuracy:.2f} % | {found.loss:.4f} |"
        for split, found in scores.items()
    )


def _weakest(measured: Measured) -> str:
    confusion, classes = measured.scores["test"].confusion, measured.info.classes
    recall = {
        name: row[index] / sum(row)
        for index, (name, row) in enumerate(zip(classes, confusion, strict=True))
        if sum(row)
    }
    missed = (name for name in recall if recall[name] < 1)
    worst = sorted(missed, key=lambda name: recall[name])[:WORST]
    return (
        "none, every image is found"
        if not worst
        else ", ".join(f"{name} ({100 * recall[name]:.1f} % found)" for name in worst)
    )


def _confusions(measured: Measured) -> str:
    confusion, classes = measured.scores["test"].confusion, measured.info.classes
    wrong = [
        (count, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    worst = sorted(wrong, key=lambda cell: -cell[0])[:WORST]
    told = (
        f"{classes[true]} taken for {classes[guess]} ({count}×)" for count, true, guess in worst
    )
    return ", ".join(told) or "none"


def _list(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
