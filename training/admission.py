"""Says no, in one sentence, to what cannot be trained: before anything is queued, without torch.

A spec that parses may still ask for a network that does not fit its images, or for more memory than
any machine has. All of that can be computed from layer tables, so it is, while the visitor types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from data.catalogue import DatasetInfo, get_info
from data.paths import DataError
from models.layers import LayerError, Summary, check
from models.registry import ModelError, get_architecture
from training.network import spec_layers
from training.spec import NamedNetwork, SpecError, TrainSpec

MAX_ACTIVATION_BYTES: Final = 8 * 2**30
MAX_STEPS: Final = 1_000_000
MIN_SWEEP_STEPS: Final = 20  # of a range test, for its curve to mean something


@dataclass(frozen=True)
class Admission:
    """What is known of a run before it starts."""

    info: DatasetInfo
    summary: Summary
    num_train: int  # images trained on, `train_limit` applied
    total_steps: int
    activation_bytes: int  # float32 layer outputs of one batch, kept for the backward pass


def admit(spec: TrainSpec) -> Admission:
    """Check everything about `spec` that can be checked without training.

    Raises:
        SpecError: the first thing that is wrong, with its value and the way out.
    """
    try:
        info = get_info(spec.dataset.name, spec.dataset.image_size)
        _check_images(spec, info)
        _check_smallest(spec, info)
        summary = check(spec_layers(spec, info), info.shape, len(info.classes))
    except (DataError, LayerError, ModelError) as error:
        raise SpecError(str(error)) from error
    num_train = min(info.num_train, spec.dataset.train_limit or info.num_train)
    activation_bytes = 4 * summary.activation_count * spec.batch_size
    _check_size(spec, summary, activation_bytes)
    _check_batches(spec, summary, num_train)
    total_steps = spec.total_steps(num_train)
    _check_length(spec, total_steps)
    return Admission(info, summary, num_train, total_steps, activation_bytes)


def _check_images(spec: TrainSpec, info: DatasetInfo) -> None:
    if min(info.num_train, info.num_val, info.num_test) < 1:
        raise SpecError(
            f"{info.title} has {info.num_train} images to train on, {info.num_val} to validate and "
            f"{info.num_test} to test, and each needs one: add images."
        )
    side = min(info.shape[1:])
    if spec.dataset.shortcut > 0 and info.name != "shapes":
        raise SpecError(
            f"`shortcut` is {spec.dataset.shortcut:g}, but only the Shapes can have one planted: set "
            "it to 0 or choose Shapes."
        )
    if spec.augment.shift * 2 > side:
        raise SpecError(
            f"`shift` is {spec.augment.shift} pixels, more than half of the {side}-pixel images: use "
            f"{side // 2} or less."
        )
    if spec.augment.cutout >= side:
        raise SpecError(
            f"`cutout` is {spec.augment.cutout} pixels, which hides the whole {side}-pixel image: use "
            f"{side // 2} or less."
        )


def _check_smallest(spec: TrainSpec, info: DatasetInfo) -> None:
    if not isinstance(spec.network, NamedNetwork):
        return
    architecture = get_architecture(spec.network.name)
    if min(info.shape[1:]) < architecture.smallest:
        raise SpecError(
            f"{architecture.title} needs images of at least {architecture.smallest} pixels a side and "
            f"{info.title} has {info.shape[1]}×{info.shape[2]}: choose a smaller network or larger "
            "images."
        )


def _check_size(spec: TrainSpec, summary: Summary, activation_bytes: int) -> None:
    if summary.num_params == 0:
        raise SpecError(
            "The network has no weights, so there is nothing to train: add a convolution or a linear "
            "layer."
        )
    if activation_bytes > MAX_ACTIVATION_BYTES:
        fitting = MAX_ACTIVATION_BYTES // (4 * summary.activation_count)
        way_out = (
            f"use a batch of {fitting} or less"
            if fitting
            else "use fewer channels or smaller images"
        )
        raise SpecError(
            f"A batch of {spec.batch_size} needs {activation_bytes / 2**30:.0f} GiB for the network's "
            f"activations and {MAX_ACTIVATION_BYTES / 2**30:.0f} GiB are allowed: {way_out}."
        )


def _check_batches(spec: TrainSpec, summary: Summary, num_train: int) -> None:
    if spec.batch_size > num_train:
        raise SpecError(
            f"`batch_size` is {spec.batch_size} and there are only {num_train} training images: use "
            f"{num_train} or less."
        )
    last = num_train % spec.batch_size or spec.batch_size
    if last < summary.min_batch:
        raise SpecError(
            f"A batch size of {spec.batch_size} leaves a last batch of {last} of the {num_train} "
            f"training images, and this network's batch norm needs {summary.min_batch}: change the "
            "batch size by one."
        )


def _check_length(spec: TrainSpec, total_steps: int) -> None:
    if total_steps > MAX_STEPS:
        raise SpecError(
            f"`epochs` is {spec.epochs:,}, which makes {total_steps:,} updates, and {MAX_STEPS:,} are "
            "allowed: use fewer epochs, a larger batch or `max_steps`."
        )
    if spec.schedule.name == "range_test":
        if spec.schedule.min_lr >= spec.optimizer.lr:
            raise SpecError(
                f"`min_lr` is {spec.schedule.min_lr:g}, where the range test begins, and `lr` is "
                f"{spec.optimizer.lr:g}, where it ends: let `lr` be the larger one."
            )
        if total_steps < MIN_SWEEP_STEPS:
            raise SpecError(
                f"A range test of {total_steps} updates is too short to read: give it at least "
                f"{MIN_SWEEP_STEPS} with more epochs or a smaller batch."
            )
