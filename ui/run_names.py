"""Words for a run: its title, its state, durations. Pure text, no widgets."""

from __future__ import annotations

import time
from typing import Final

from data.catalogue import DataError, get_info
from models.registry import get_architecture
from training.presets import preset_of
from training.run_store import RunStatus
from training.spec import NamedNetwork, TrainSpec
from ui import html

_TONES: Final = {
    "running": "live",
    "starting": "live",
    "done": "good",
    "failed": "bad",
    "interrupted": "bad",
    "unreadable": "bad",
}


def run_title(spec: TrainSpec) -> str:
    """The name a person gave the run, else its preset's, else "images · network"."""
    if spec.title:
        return spec.title
    preset = preset_of(spec)
    return preset.spec.title if preset else f"{dataset_title(spec)} · {network_title(spec)}"


def dataset_title(spec: TrainSpec) -> str:
    """The data set's title; its bare name where it is gone by now."""
    try:
        return get_info(spec.dataset.name).title
    except DataError:
        return spec.dataset.name


def network_title(spec: TrainSpec) -> str:
    """The architecture's title, or what the person called their own layers."""
    network = spec.network
    if not isinstance(network, NamedNetwork):
        return network.title
    try:
        return get_architecture(network.name).title
    except ValueError:
        return network.name


def state_badge(status: RunStatus) -> str:
    """The state as a coloured word (HTML)."""
    text: str = status.state
    if status.state == "queued" and status.queue_position:
        text = f"queued, number {status.queue_position}"
    return html.badge(text, _TONES.get(status.state, "quiet"))


def duration(seconds: float) -> str:
    """`4.2 s`, `1 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def ago(moment: float) -> str:
    """How long ago `moment` (seconds since the epoch) was: `just now`, `5 min ago`, `3 days ago`."""
    seconds = max(0.0, time.time() - moment)
    for unit, length in (("day", 86400), ("h", 3600), ("min", 60)):
        count = int(seconds // length)
        if count:
            plural = "s" if unit == "day" and count > 1 else ""
            return f"{count} {unit}{plural} ago"
    return "just now"
