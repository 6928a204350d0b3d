"""What a training run is told: a frozen, validated, JSON-able description of everything it does.

A `TrainSpec` holds no tensors and no code, so it can be shown, compared, stored, sent to another
process and replayed. Nothing here imports torch: the web process reads and writes specs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.layers import LayerList

OptimizerName = Literal["sgd", "adam", "adamw", "adadelta", "rmsprop"]
ScheduleName = Literal["constant", "step", "cosine", "one_cycle", "range_test"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]


class SpecError(ValueError):
    """A spec that cannot be run; the message is one sentence with the value and the way out."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DatasetSpec(_Frozen):
    """Which images: a catalogue name (`digits`, `shapes`, `folder:pets`, `zip:<digest>`) and options."""

    name: str = Field("digits", max_length=200)
    image_size: Literal[16, 28, 32, 64] | None = Field(
        None,
        description="pixels a side, for sets that exist in several sizes; None = the set's own",
    )
    shortcut: float = Field(
        0.0, ge=0, le=1, description="Shapes: how often the corner tells the label"
    )
    label_noise: float = Field(0.0, ge=0, le=1, description="share of training labels replaced")
    train_limit: int | None = Field(
        None, ge=1, le=100_000_000, description="use only this many training images"
    )


class NamedNetwork(_Frozen):
    """An architecture of the registry."""

    kind: Literal["named"] = "named"
    name: str = Field("lenet5", max_length=100)


class CustomNetwork(_Frozen):
    """A network written as a list of layers."""

    kind: Literal["custom"] = "custom"
    title: str = Field("My network", max_length=80)
    layers: LayerList


Network = Annotated[NamedNetwork | CustomNetwork, Field(discriminator="kind")]


class OptimizerSpec(_Frozen):
    """How a gradient becomes an update. `lr` is the peak rate: the schedule scales it."""

    name: OptimizerName = "sgd"
    lr: float = Field(0.05, gt=0, le=100)
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd and rmsprop; beta1 of adam and adamw")
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0, le=1)


class ScheduleSpec(_Frozen):
    """How the learning rate moves over the run, as a factor of `OptimizerSpec.lr`."""

    name: ScheduleName = "constant"
    gamma: float = Field(0.1, gt=0, le=1, description="step: factor at each milestone")
    milestones: tuple[float, ...] = Field(
        (0.5, 0.75), max_length=20, description="step: where, as shares of the run"
    )
    warmup: float = Field(0.2, ge=0, lt=1, description="one_cycle: share of the run that rises")
    min_lr: float = Field(
        1e-6, gt=0, le=100, description="range_test: where the sweep begins; it ends at lr"
    )

    @field_validator("milestones")
    @classmethod
    def _milestones_are_shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < share < 1 for share in value) or list(value) != sorted(set(value)):
            raise ValueError("must be rising shares of the run between 0 and 1, such as 0.5, 0.75")
        return value


class AugmentSpec(_Frozen):
    """Random changes to training images, drawn anew for each image in each batch."""

    flip: bool = Field(False, description="mirror left-right with probability 1/2")
    shift: int = Field(0, ge=0, le=16, description="pixels: pad by this much, crop back at random")
    rotation: float = Field(0.0, ge=0, le=180, description="degrees: uniform in ±rotation")
    color: float = Field(
        0.0, ge=0, le=1, description="brightness, contrast, saturation in 1 ± color"
    )
    cutout: int = Field(0, ge=0, le=32, description="pixels: side of a square set to the mean")
    mixup: float = Field(
        0.0, ge=0, le=2, description="alpha of the Beta that blends two images; 0 = off"
    )


class StopSpec(_Frozen):
    """When a run ends before its last step."""

    target_accuracy: float | None = Field(None, gt=0, le=1, description="validation accuracy")
    patience: int | None = Field(
        None, ge=1, le=1000, description="epochs without a better val loss"
    )


class BeforeSweep(_Frozen):
    """What a range test replaced in the settings it was made of, to go back to them."""

    schedule: ScheduleName
    lr: float = Field(gt=0, le=100)
    epochs: int = Field(ge=1, le=10_000)
    max_steps: int | None = Field(ge=1, le=1_000_000)


class TrainSpec(_Frozen):
    """One training run, completely."""

    dataset: DatasetSpec = DatasetSpec()
    network: Network = NamedNetwork()
    optimizer: OptimizerSpec = OptimizerSpec()
    schedule: ScheduleSpec = ScheduleSpec()
    augment: AugmentSpec = AugmentSpec()
    stop: StopSpec = StopSpec()
    dropout: float = Field(0.0, ge=0, lt=1, description="before the last layer with weights")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    batch_size: int = Field(64, ge=1, le=8192)
    epochs: int = Field(10, ge=1, le=10_000)
    max_steps: int | None = Field(
        None, ge=1, le=1_000_000, description="end here if epochs are longer"
    )
    validate_every: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="steps between validations on a sample; 0 = only per epoch",
    )
    seed: int = Field(0, ge=0, lt=2**31)
    device: DeviceName = "auto"
    title: str = Field("", max_length=80)
    before_sweep: BeforeSweep | None = Field(None, description="range_test: what it was made of")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> TrainSpec:
        if self.optimizer.nesterov and (
            self.optimizer.name != "sgd" or self.optimizer.momentum == 0
        ):
            raise ValueError(
                "Nesterov needs optimizer sgd with momentum above 0; set it or switch Nesterov off"
            )
        return self

    def total_steps(self, num_train: int) -> int:
        """Optimiser steps of the whole run on `num_train` images (the last batch may be short)."""
        steps = self.epochs * math.ceil(num_train / self.batch_size)
        return steps if self.max_steps is None else min(steps, self.max_steps)


def parse_spec(values: Mapping[str, Any] | str) -> TrainSpec:
    """A spec from a dict or a JSON text.

    Raises:
        SpecError: naming the first wrong field, its value and what is allowed.
    """
    try:
        if isinstance(values, str):
            return TrainSpec.model_validate_json(values)
        return TrainSpec.model_validate(values)
    except ValidationError as error:
        raise SpecError(sentence(error)) from None


_WAYS_OUT: Final = {
    "less_than_equal": "use {le:,} or less",
    "less_than": "use less than {lt:,}",
    "greater_than_equal": "use {ge:,} or more",
    "greater_than": "use more than {gt:,}",
    "finite_number": "use a finite number",
    "literal_error": "use {expected}",
    "union_tag_invalid": "its {discriminator} must be one of {expected_tags}",
    "extra_forbidden": "there is no such setting, so remove it",
    "string_too_long": "use at most {max_length} characters",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
}


def sentence(error: ValidationError) -> str:
    """The first problem of a pydantic error as one sentence with the field and its value."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{reason[:1].upper()}{reason[1:]}."
    field = ".".join(str(part) for part in first["loc"])
    field = "".join(mark if mark.isprintable() else "?" for mark in field)[:120]
    way_out = reason[:1].lower() + reason[1:]
    if first["type"] in _WAYS_OUT:
        limits = first.get("ctx", {}).items()
        whole = {name: int(x) if x == 1.0 or x == 0.0 else x for name, x in limits}
        way_out = _WAYS_OUT[first["type"]].format(**whole)
    return f"`{field}` is {str(first.get('input'))[:60]!r}: {way_out}."
