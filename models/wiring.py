"""Which modules of a network feed which, read from its forward pass by symbolic tracing.

`named_modules` says what a network consists of but not how it is connected: shortcuts, branches and
concatenations live in the code of `forward`. torch.fx runs that code with placeholders and writes
down every call; what happens between two modules (an addition, a concatenation, a reshape) passes
the sources of its operands on.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import fx, nn

IMAGE = ""  # stands for the input image among the sources


class Leaves(fx.Tracer):
    """Stops at the innermost modules, whoever wrote them, and looks into all others."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not any(m.children())


def module_inputs(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """For each innermost module that runs, the innermost modules whose output it takes.

    In the order of the first call; `IMAGE` stands for the network's input. A module that is called
    several times has the sources of all its calls.

    Raises:
        whatever torch.fx raises for a forward pass that depends on the values in a tensor.
    """
    sources: dict[fx.Node, tuple[str, ...]] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    for node in Leaves().trace(model).nodes:
        found = _union(sources[operand] for operand in node.all_input_nodes)
        if node.op == "placeholder":
            found = (IMAGE,)
        elif node.op == "call_module":
            name = str(node.target)
            inputs[name] = _union([inputs.get(name, ()), found])
            found = (name,)
        sources[node] = found
    return inputs


def block_inputs(block: str, inputs: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What the modules inside the container `block` take from outside it."""
    inside = f"{block}."
    taken = (each for name, each in inputs.items() if name.startswith(inside))
    return tuple(name for name in _union(taken) if not name.startswith(inside))


def chain_inputs(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The best guess where tracing fails: each module takes what the one before it put out."""
    inputs: dict[str, tuple[str, ...]] = {}
    before = IMAGE
    for name in names:
        inputs[name] = (before,)
        before = name
    return inputs


def _union(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All names, each once, in order."""
    return tuple(dict.fromkeys(name for part in parts for name in part))
