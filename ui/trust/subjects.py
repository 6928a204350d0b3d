"""What is known of the network before any lens is asked: its data, and runs that belong to it."""

from __future__ import annotations

from ui.subject.bar import Chosen

SHAPES_NET = "shipped:shapes_cnn"
"""A trained network whose images come with the mask of their object."""


def data_name(chosen: Chosen) -> str | None:
    """The data set the network was trained on, or is made for; None: ImageNet."""
    if chosen.history is not None:
        return chosen.history.spec.dataset.name
    return (chosen.options.get("dataset") or {}).get("name")


def planted(chosen: Chosen) -> float:
    """How often a corner patch told the label in its training; 0: there was none."""
    return 0.0 if chosen.history is None else chosen.history.spec.dataset.shortcut
