"""The record an architecture is, and the decorator that puts one into the registry.

Apart from `models.registry`, so that the architecture files and the registry that imports them all
do not import each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.layers import LayerList, Shape

LayersFunction = Callable[[Shape, int], LayerList]


class ModelError(ValueError):
    """A network that is not there; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Architecture:
    """A named network: `layers(input_shape, num_classes)` is its layer list."""

    name: str
    title: str
    layers: LayersFunction
    summary: str  # one sentence: what it is and what it is for
    source: str  # where it comes from
    smallest: int  # side in pixels of the smallest image it works on


ARCHITECTURES: dict[str, Architecture] = {}


def register(
    name: str, *, title: str, summary: str, source: str, smallest: int
) -> Callable[[LayersFunction], LayersFunction]:
    """Make the decorated layer-list function the architecture `name`.

    Raises:
        ValueError: the name is taken.
    """

    def add(layers: LayersFunction) -> LayersFunction:
        if name in ARCHITECTURES:
            raise ValueError(f"Two architectures are called {name!r}; rename one.")
        ARCHITECTURES[name] = Architecture(name, title, layers, summary, source, smallest)
        return layers

    return add
