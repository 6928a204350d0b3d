"""How many columns a network gets: each layer its own while they fit beside each other, else the
outer blocks, each folded into one, with the ones a person opens laid out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from viz.lenses.steps import Step

FITTING: Final = 28  # columns that are still a picture and not a tape
_HIDDEN: Final = frozenset(
    {
        *("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "StochasticDepth"),
        *("dropout", "dropout2d", "Flatten", "flatten", "Sequential", "contiguous", "view"),
        *("reshape", "transpose", "permute", "Permute", "chunk", "squeeze", "unsqueeze"),
    }
)
"""Kinds that only hand numbers on; what they take is drawn as taken by what comes after them."""


@dataclass(frozen=True, eq=False)
class Place:
    """A column: its steps in order; `block` is the innermost opened block around it."""

    name: str
    block: str
    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        """The step whose output the column shows."""
        return self.steps[-1]


def shown_steps(steps: Collection[Step]) -> list[Step]:
    """The steps worth a picture: not those that hand on, but the last in any case."""
    last = list(steps)[-1]
    return [
        step
        for step in steps
        if step is last or (step.kind not in _HIDDEN and len(step.shape) in (1, 3))
    ]


def lay_out(steps: Collection[Step], opened: Collection[str]) -> list[Place]:
    """Columns in the order in which they finish; `opened` blocks are laid out in any case."""
    shown = shown_steps(steps)
    open_blocks = _fitting(shown) | {
        outer for name in opened for outer in (*_outer(f"{name}.x"), name)
    }
    return _places(shown, open_blocks)


def foldable(steps: Collection[Step], opened: Collection[str]) -> list[str]:
    """Those of `opened` that are blocks of the network and would be folded by themselves."""
    shown = shown_steps(steps)
    by_itself = _fitting(shown)
    blocks = {name for step in shown for name in _outer(step.name)}
    return [name for name in opened if name in blocks and name not in by_itself]


def _fitting(shown: list[Step]) -> set[str]:
    """As many levels of blocks, from outside in, as fit."""
    opened: set[str] = set()
    while True:
        folded = [place.name for place in _places(shown, opened) if len(place.steps) > 1]
        if not folded:
            return opened
        depth = min(name.count(".") for name in folded)
        more = opened | {name for name in folded if name.count(".") == depth}
        if len(_places(shown, more)) > FITTING:
            return opened
        opened = more


def _places(shown: list[Step], opened: Collection[str]) -> list[Place]:
    inside: dict[str, list[Step]] = {}
    for step in shown:
        for name in _outer(step.name):
            inside.setdefault(name, []).append(step)
    places: dict[str, list[Step]] = {}
    for step in shown:
        closed = (n for n in _outer(step.name) if not _is_open(n, opened, inside))
        places.setdefault(next(closed, step.name), []).append(step)
    order = {step: number for number, step in enumerate(shown)}
    found = [Place(name, _innermost(name, opened), tuple(parts)) for name, parts in places.items()]
    return sorted(found, key=lambda place: order[place.last])


def _is_open(name: str, opened: Collection[str], inside: Mapping[str, list[Step]]) -> bool:
    """Whether what is in a block is laid out; a block of one layer is that layer, and what fills
    an opened block alone is opened with it."""
    around = name.rpartition(".")[0]
    alone = around in opened and len(inside[around]) == len(inside[name])
    return name in opened or alone or len(inside[name]) == 1


def _innermost(name: str, opened: Collection[str]) -> str:
    return next((outer for outer in reversed(list(_outer(name))) if outer in opened), "")


def _outer(name: str) -> Iterator[str]:
    """The blocks around a layer, outermost first: features, features.3, …"""
    parts = name.partition("#")[0].split(".")
    for count in range(1, len(parts)):
        yield ".".join(parts[:count])
