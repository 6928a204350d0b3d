"""The computations by name: `@attributes("saliency")` registers one, `run` computes it.

A method is a generator: it yields the best map known so far, at least once, the last one complete.
So a page can show what is there, and whoever has seen enough can stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from viz.attribution.table import find_method
from viz.lenses.saliency.problem import Problem


@dataclass(frozen=True)
class Map:
    """Attribution of every image of a problem, so far."""

    values: Tensor  # (N, C, H, W) by pixel, or (N, 1, h, w) by place of the layer
    forward_passes: int  # of one image, so far
    backward_passes: int
    share: float = 1.0  # of the work done
    baseline_scores: Tensor | None = None  # (N,) what Method.remainder names


Method = Callable[[Problem], Iterator[Map]]
_METHODS: dict[str, Method] = {}


def attributes(name: str) -> Callable[[Method], Method]:
    """Register the computation of the method `name` of the table."""

    def register(method: Method) -> Method:
        if name in _METHODS:
            raise RuntimeError(f"two methods are called {name!r}")
        _METHODS[name] = method
        return method

    return register


def run(name: str, problem: Problem) -> Iterator[Map]:
    """The maps of a method, better and better; values detached.

    Raises:
        ValueError: there is no such method, or one of its settings is wrong.
        LensError: the network does not allow it.
    """
    settings = find_method(name).settings(problem.settings or {})
    yield from _METHODS[name](replace(problem, settings=settings))


def attribute(name: str, problem: Problem) -> Map:
    """The complete map of a method."""
    *_, last = run(name, problem)
    return last
