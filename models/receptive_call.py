"""One operation as it ran, and the table of rules by operation.

The rules themselves stand in `models.receptive_windows` (convolutions, pools, resizing) and
`models.receptive_rules` (everything else).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.receptive_trace import Mixed, Trace


@dataclass(frozen=True)
class Call:
    """One operation as it ran; only tensors that depend on the image have a trace."""

    name: str  # of the operation, without namespace and overload
    pointwise: bool
    reduction: bool
    arguments: dict[str, Any]  # by the names in its schema
    trace_of: Callable[[Any], Trace | None]
    where: str  # the module it ran in

    @property
    def traces(self) -> list[Trace]:
        """Of every traced argument, in order."""
        found = []
        for value in self.arguments.values():
            for each in value if isinstance(value, list | tuple) else [value]:
                trace = self.trace_of(each) if isinstance(each, Tensor) else None
                if trace is not None:
                    found.append(trace)
        return found

    def main(self) -> Trace:
        """The trace of the argument the operation is about.

        Raises:
            Mixed: another one (the weights, say) depends on the image, or only others do.
        """
        trace = self.trace_of(next(iter(self.arguments.values())))
        if trace is None or len(self.traces) > 1:
            raise Mixed
        return trace


Rule = Callable[[Call, Sequence[int]], Trace]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Make the decorated function the rule of these operations."""

    def add(made: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, made))
        return made

    return add


def describe(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by name, defaults included."""
    named = {}
    for position, argument in enumerate(func._schema.arguments):
        if position < len(args):
            named[argument.name] = args[position]
        else:
            named[argument.name] = kwargs.get(argument.name, argument.default_value)
    return named


def is_kind(func: Any, tag: torch.Tag) -> bool:
    """Whether torch marks the operation so; one that works in place is what its twin is."""
    if tag in func.tags:
        return True
    name = func.overloadpacket.__name__
    twin = getattr(torch.ops.aten, name[:-1], None) if name.endswith("_") else None
    return twin is not None and any(tag in getattr(twin, each).tags for each in twin.overloads())
