"""The training setup as widget state: one table that maps widget keys to places in a `TrainSpec`.

The same table reads a spec out of the page and writes one into it, so a preset, a duplicated run
and a link all fill the form the same way. Keys are the query parameters of the Live page.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

from training.spec import CustomNetwork, NamedNetwork, TrainSpec, parse_spec

CUSTOM = "custom"
CUSTOM_NETWORK = "live.network"
"""Session key of a `CustomNetwork`: too long for a link, so it travels in the spec of a run."""

_WHOLE: Final = 2**53 - 1  # the largest whole number that every browser counts right

# widget key -> path in the spec
FIELDS: dict[str, tuple[str, ...]] = {
    "data": ("dataset", "name"),
    "size": ("dataset", "image_size"),
    "shortcut": ("dataset", "shortcut"),
    "noise": ("dataset", "label_noise"),
    "limit": ("dataset", "train_limit"),
    "opt": ("optimizer", "name"),
    "lr": ("optimizer", "lr"),
    "momentum": ("optimizer", "momentum"),
    "nesterov": ("optimizer", "nesterov"),
    "wd": ("optimizer", "weight_decay"),
    "sched": ("schedule", "name"),
    "gamma": ("schedule", "gamma"),
    "milestones": ("schedule", "milestones"),
    "warmup": ("schedule", "warmup"),
    "minlr": ("schedule", "min_lr"),
    "flip": ("augment", "flip"),
    "shift": ("augment", "shift"),
    "rotation": ("augment", "rotation"),
    "color": ("augment", "color"),
    "cutout": ("augment", "cutout"),
    "mixup": ("augment", "mixup"),
    "target": ("stop", "target_accuracy"),
    "patience": ("stop", "patience"),
    "dropout": ("dropout",),
    "smoothing": ("label_smoothing",),
    "batch": ("batch_size",),
    "epochs": ("epochs",),
    "steps": ("max_steps",),
    "every": ("validate_every",),
    "seed": ("seed",),
    "device": ("device",),
    "title": ("title",),
}


def form_values(spec: TrainSpec) -> dict[str, Any]:
    """What every field of the form shows for `spec`, by widget key."""
    state: dict[str, Any] = {}
    values = spec.model_dump()
    for key, path in FIELDS.items():
        state[key] = _to_widget(key, _at(values, path))
    if isinstance(spec.network, CustomNetwork):
        state["net"] = CUSTOM
        state[CUSTOM_NETWORK] = spec.network
    else:
        state["net"] = spec.network.name
    return state


def read_spec(state: Mapping[str, Any]) -> TrainSpec:
    """The spec the form shows; fields without a widget on the page keep their default.

    Raises:
        SpecError: a sentence about the first value that cannot be used.
    """
    values: dict[str, Any] = {}
    for key, path in FIELDS.items():
        if key in state:
            _put(values, path, _from_widget(key, state[key]))
    name = state.get("net", NamedNetwork().name)
    if name == CUSTOM:
        values["network"] = state[CUSTOM_NETWORK]
    else:
        values["network"] = {"kind": "named", "name": name}
    return parse_spec(values)


def limits(key: str) -> tuple[Any, Any]:
    """The lowest and the highest value of a number in the form, as its field of `TrainSpec` says.

    Both may be used: where the field excludes its bound, this is the number next to it. A field
    without a bound goes as far as a browser can count.

    Raises:
        ValueError: the field is not a number.
    """
    field = spec_field(key)
    kind = number_kind(field)
    if kind is None:
        raise ValueError(f"{key!r} is not a number, so it has no limits.")
    whole = kind is int
    low, high = (-_WHOLE, _WHOLE) if whole else (-sys.float_info.max, sys.float_info.max)
    bounds: dict[str, Any] = {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(mark, name)
    }
    if "ge" in bounds:
        low = kind(bounds["ge"])
    if "gt" in bounds:
        low = bounds["gt"] + 1 if whole else math.nextafter(bounds["gt"], math.inf)
    if "le" in bounds:
        high = kind(bounds["le"])
    if "lt" in bounds:
        high = bounds["lt"] - 1 if whole else math.nextafter(bounds["lt"], -math.inf)
    return _to_widget(key, low), _to_widget(key, high)


def spec_field(key: str) -> FieldInfo:
    """The field of `TrainSpec` behind a widget."""
    model: Any = TrainSpec
    *outer, last = FIELDS[key]
    for name in outer:
        model = model.model_fields[name].annotation
    field: FieldInfo = model.model_fields[last]
    return field


def number_kind(field: FieldInfo) -> type[int] | type[float] | None:
    """`int` or `float` where the field is a number, or may be one; None for anything else."""
    kind: Any = field.annotation
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return float if float in kinds else int if int in kinds else None


def number_text(value: float) -> str:
    """The shortest text that is read as exactly this number: 0.05, 1e-09, 3."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:g}"
    return min(text, repr(value), key=len) if float(text) == value else repr(value)


def _to_widget(key: str, value: Any) -> Any:
    if key == "milestones":
        return ", ".join(number_text(share) for share in value)
    if key == "target":  # in percent, without the dust of the multiplication
        return None if value is None else float(f"{value * 100:.15g}")
    return value


def _from_widget(key: str, value: Any) -> Any:
    if key == "milestones":
        return [part.strip() for part in str(value).split(",") if part.strip()]
    if key == "target":
        return None if value is None else value / 100
    return value


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = values
    for name in path:
        found = found[name]
    return found


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value
