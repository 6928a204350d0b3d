"""The training setup as widget state: one table that maps widget keys to places in a `TrainSpec`.

The same table reads a spec out of the page and writes one into it, so a preset, a duplicated run
and a link all fill the form the same way. Keys are the query parameters of the Live page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.spec import CustomNetwork, NamedNetwork, TrainSpec, parse_spec

CUSTOM = "custom"
CUSTOM_NETWORK = "live.network"
"""Session key of a `CustomNetwork`: too long for a link, so it travels in the spec of a run."""

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


def _to_widget(key: str, value: Any) -> Any:
    if key == "milestones":
        return ", ".join(f"{share:g}" for share in value)
    if key == "target":
        return None if value is None else round(value * 100, 4)
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
