"""Which networks a method is right on: a sentence for those that it is not, before it is run."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from torch import nn

from viz.lenses.recorder import leaves, record_part, shape_of
from viz.lenses.registry import LensError
from viz.lenses.saliency.problem import Problem

Refusal = Callable[[Problem], str]
_REFUSALS: dict[str, Refusal] = {}


def refuses(*names: str) -> Callable[[Refusal], Refusal]:
    """Register what tells whether the methods `names` are right on a problem's network."""

    def register(function: Refusal) -> Refusal:
        for name in names:
            if name in _REFUSALS:
                raise RuntimeError(f"two functions refuse {name!r}")
            _REFUSALS[name] = function
        return function

    return register


def refusal(name: str, problem: Problem) -> str:
    """Why the method `name` would be wrong on this network; empty: it is right."""
    return _REFUSALS[name](problem) if name in _REFUSALS else ""


def check(name: str, problem: Problem) -> None:
    """Refuse what would be wrong.

    Raises:
        LensError: `refusal`'s sentence.
    """
    sentence = refusal(name, problem)
    if sentence:
        raise LensError(sentence)


def running(problem: Problem) -> tuple[nn.Module, ...]:
    """The innermost modules that take part, as they run; remembered for as long as the net lives."""
    net = problem.net
    if net not in _RUNNING:
        with record_part(net, leaves(net), shape_of) as shapes:
            problem.at(slice(0, 1)).scores()
        _RUNNING[net] = tuple(name for name, calls in shapes.items() if calls)
    return tuple(net.get_submodule(name) for name in _RUNNING[net])


_RUNNING: WeakKeyDictionary[nn.Module, tuple[str, ...]] = WeakKeyDictionary()


def kinds(modules: tuple[nn.Module, ...]) -> str:
    """Their class names, each once, as an enumeration."""
    names = list(dict.fromkeys(type(module).__name__ for module in modules))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
