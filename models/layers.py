"""Networks as data: a list of layers goes in, a table with every shape and count comes out.

This is the public face of `models.kinds` (the layer records) and `models.shapes` (what one layer
does): the list as a whole, the names its modules will have, and the first thing wrong with it.
Nothing here imports torch, so pages and specs can use it freely.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.kinds import (
    BIGGEST,
    LAYER_KINDS,
    MAX_LAYERS,
    Activation,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    LayerList,
    Linear,
    Local,
    Norm,
    PartialConv,
    Pool,
    Rbf,
    Residual,
    Subsample,
)
from models.shapes import MAX_PARAMS, Shape, infer, show
from models.windows import Refusal

__all__ = [
    "LAYER_KINDS",
    "MAX_LAYERS",
    "MAX_PARAMS",
    "Activation",
    "AnyLayer",
    "Conv",
    "Dropout",
    "Flatten",
    "GlobalPool",
    "Layer",
    "LayerError",
    "LayerList",
    "LayerRow",
    "Linear",
    "Local",
    "Norm",
    "PartialConv",
    "Pool",
    "Rbf",
    "Residual",
    "Shape",
    "Subsample",
    "Summary",
    "check",
    "parse_layers",
    "summarize",
    "with_dropout",
]

_PREFIXES = {
    "conv": "conv",
    "partial_conv": "conv",
    "local": "local",
    "pool": "pool",
    "subsample": "sub",
    "norm": "norm",
    "dropout": "drop",
    "flatten": "flatten",
    "linear": "fc",
    "residual": "block",
    "rbf": "rbf",
}
_WITH_WEIGHTS = (Conv, Local, PartialConv, Linear, Residual)


class LayerError(ValueError):
    """Layer `index` (from 0) cannot work; the message is one sentence with the way out."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class LayerRow:
    """One line of the layer table; shapes without the batch, counts for one image."""

    index: int  # position in the layer list, from 0
    name: str  # of the module in the built network
    kind: str
    title: str
    in_shape: Shape
    out_shape: Shape
    num_params: int
    macs: int
    formula: str  # how num_params comes about, numbers put in
    activations: int  # floats this layer computes per image
    note: str  # what may surprise: input cells that go unread; else ""
    min_batch: int  # images a training batch needs: 2 where batch norm sees one number per image


@dataclass(frozen=True)
class Summary:
    """The table up to the first layer that cannot work, and why it cannot."""

    rows: tuple[LayerRow, ...]
    error: LayerError | None

    @property
    def num_params(self) -> int:
        """Trainable numbers."""
        return sum(row.num_params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds of one image's forward pass."""
        return sum(row.macs for row in self.rows)

    @property
    def activation_count(self) -> int:
        """Floats of all layer outputs for one image: what training keeps for the backward pass."""
        return sum(row.activations for row in self.rows)

    @property
    def min_batch(self) -> int:
        """Images a training batch needs: 2 where batch norm sees one number per image, else 1."""
        return max((row.min_batch for row in self.rows), default=1)


def summarize(layers: LayerList, input_shape: Shape, num_classes: int) -> Summary:
    """The layer table of a network for images of `input_shape` (C, H, W).

    Never raises for a bad layer: `error` holds the first one, `rows` those before it. A network
    whose last output is not one number per class has all its rows and an error on the last.

    Raises:
        ValueError: the input is not (C, H, W) of positive sizes, or there are fewer than 2 classes.
    """
    if len(input_shape) != 3 or min(input_shape) < 1 or num_classes < 2:
        raise ValueError(
            f"A network needs images (C, H, W) and at least 2 classes, not {input_shape} and"
            f" {num_classes}; check the data set."
        )
    if not layers:
        return Summary((), LayerError(0, "The network has no layers; add at least a linear one."))
    rows: list[LayerRow] = []
    counts: Counter[str] = Counter()
    total = 0
    shape: Shape = input_shape
    for index, layer in enumerate(layers):
        name = _name(layer, counts)
        try:
            found = infer(layer, shape, num_classes)
            total += found.num_params
            if total > MAX_PARAMS:
                raise Refusal(
                    f"the network would have {total:,} parameters, more than {MAX_PARAMS:,};"
                    " use fewer channels or pool more before the linear layers"
                )
        except Refusal as refusal:
            sentence = f"Layer {index + 1} ({name}): {refusal}."
            return Summary(tuple(rows), LayerError(index, sentence))
        rows.append(
            LayerRow(
                index,
                name,
                layer.kind,
                found.title,
                shape,
                found.out_shape,
                found.num_params,
                found.macs,
                found.formula,
                found.activations or math.prod(found.out_shape),
                found.note,
                found.min_batch,
            )
        )
        shape = found.out_shape
    return Summary(tuple(rows), _wrong_end(rows[-1], num_classes))


def check(layers: LayerList, input_shape: Shape, num_classes: int) -> Summary:
    """`summarize`, for those who need a network that works.

    Raises:
        LayerError: the first layer that cannot work, or a last output that is not (num_classes,).
    """
    summary = summarize(layers, input_shape, num_classes)
    if summary.error is not None:
        raise summary.error
    return summary


def with_dropout(layers: LayerList, p: float) -> LayerList:
    """The list with dropout before its last layer that has weights; p = 0 changes nothing."""
    last = max(
        (i for i, layer in enumerate(layers) if isinstance(layer, _WITH_WEIGHTS)), default=-1
    )
    if p == 0 or last < 0:
        return layers
    return (*layers[:last], Dropout(p=p), *layers[last:])


def parse_layers(rows: Iterable[Mapping[str, Any]]) -> LayerList:
    """Layers from dicts as an editor or a JSON file holds them.

    Raises:
        LayerError: at the first dict that is not a layer, naming the field and its value; also for
            no layers or more than `MAX_LAYERS`.
    """
    adapter: TypeAdapter[AnyLayer] = TypeAdapter(Layer)
    layers: list[AnyLayer] = []
    for index, row in enumerate(rows):
        if index == MAX_LAYERS:
            raise LayerError(index, f"A network may have at most {MAX_LAYERS} layers; remove some.")
        try:
            layers.append(adapter.validate_python(row))
        except ValidationError as error:
            raise LayerError(index, f"Layer {index + 1}: {_why(row, error)}.") from None
    if not layers:
        raise LayerError(0, "The network has no layers; add at least a linear one.")
    return tuple(layers)


def _why(row: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"].startswith("union_tag"):
        kind = row.get("kind") if isinstance(row, Mapping) else row
        return f"`kind` is {str(kind)[:40]!r}; choose one of {', '.join(LAYER_KINDS)}"
    field = next((str(part) for part in first["loc"][1:]), "layer")
    value = first["input"]
    if isinstance(value, int) and abs(value) > BIGGEST:  # printing it could take forever
        return f"`{field}` is beyond {BIGGEST:,}; choose a smaller number"
    if field in ("out_channels", "out_features"):
        reason = 'write a whole number or the word "classes"'
    else:
        reason = first["msg"][:1].lower() + first["msg"][1:]
    return f"`{field}` is {str(value)[:40]!r}: {reason}"


def _name(layer: AnyLayer, counts: Counter[str]) -> str:
    if isinstance(layer, Activation):
        prefix: str = layer.function
    elif isinstance(layer, GlobalPool):
        prefix = "gap" if layer.mode == "mean" else "gmp"
    else:
        prefix = _PREFIXES[layer.kind]
    counts[prefix] += 1
    return f"{prefix}{counts[prefix]}"


def _wrong_end(last: LayerRow, num_classes: int) -> LayerError | None:
    if last.out_shape == (num_classes,):
        return None
    return LayerError(
        last.index,
        f"Layer {last.index + 1} ({last.name}) ends the network with {show(last.out_shape)}, but"
        f" there must be one number for each of the {num_classes} classes; end with a linear layer"
        ' of "classes" outputs, after a flatten or global pool layer.',
    )
