"""A network as the steps it runs, functions between the layers included: additions of residual
blocks, concatenations, a flatten that is no module.

Hooks see modules only; a sum written in `forward` has no hook to be seen by. Tracing the network
once (torch.fx) and running the trace gives every value with the inputs it was made of, by the same
modules in the same order, so the numbers are bit for bit those of the network, and no hook is
registered at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn

from models.wiring import Leaves
from viz.lenses.registry import LensError

_IN_PLACE = {"iadd": "add", "imul": "mul", "add_": "add", "mul_": "mul", "relu_": "relu"}


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer or a function that makes a tensor."""

    name: str  # of a module its dotted name; calls before its last get "#1", "#2", …
    kind: str  # class name of the module, or name of the function such as "add"
    owner: str  # dotted name of the module whose `forward` calls it; "" for the network
    inputs: tuple[str, ...]  # names of the steps whose tensors it takes; "" for the image
    shape: tuple[int, ...]  # of its output, without the batch
    node: fx.Node


class Steps:
    """All steps of one network in the order they run, the final softmax included."""

    def __init__(self, net: nn.Module, batch: Tensor) -> None:
        """Trace `net` and run it once on `batch` (1, C, H, W) for the shapes.

        Raises:
            LensError: its `forward` cannot be followed.
        """
        try:
            self._graph = Leaves().trace(net)
        except Exception as error:  # torch.fx raises whatever the traced code makes of a proxy
            raise LensError(
                f"The steps of this network cannot be followed ({type(error).__name__}): choose "
                "another network."
            ) from error
        _add_softmax(self._graph)
        shapes: dict[fx.Node, tuple[int, ...]] = {}
        _run(net, self._graph, batch, _Shapes(shapes))
        names = _name_steps(net, self._graph, shapes)
        self.all = tuple(
            Step(
                name=name,
                kind=_kind(net, node),
                owner=_owner(node),
                inputs=tuple(names.get(source, "") for source in _sources(node, names)),
                shape=shapes[node],
                node=node,
            )
            for node, name in names.items()
        )
        self._by_name = {step.name: step for step in self.all}

    def find(self, name: str) -> Step:
        """The step called `name`; of a block the step that makes its output.

        Raises:
            LensError: there is none.
        """
        if name in self._by_name:
            return self._by_name[name]
        inside = [step for step in self.all if step.name.startswith(f"{name}.")]
        if not inside or not name:
            known = ", ".join(step.name for step in self.all[:40])
            raise LensError(f"This network has no layer {name[:60]!r}; it has {known}.")
        return inside[-1]

    def node(self, name: str) -> fx.Node:
        """The node that makes the tensor called `name`, "" being the image."""
        if name:
            return self._by_name[name].node
        placeholders = (node for node in self._graph.nodes if node.op == "placeholder")
        first: fx.Node = next(placeholders)
        return first

    def run(self, net: nn.Module, batch: Tensor, keep: Iterable[fx.Node]) -> Values:
        """Values of these nodes (copied at once, for what works in place later) and of everything
        that is no tensor, after one run of `net` on `batch`."""
        values = Values(net, set(keep))
        _run(net, self._graph, batch, values)
        return values


class Values(dict[fx.Node, Any]):
    """What nodes made; `of` also answers for weights and for pieces between two steps."""

    def __init__(self, net: nn.Module, wanted: set[fx.Node]) -> None:
        super().__init__()
        self._net, self._wanted = net, wanted

    def put(self, node: fx.Node, value: Any) -> None:
        """Keep what is wanted."""
        if isinstance(value, Tensor):
            if node in self._wanted:
                self[node] = value.detach().clone()
        elif not _holds_tensor(value):
            self[node] = value

    def of(self, argument: Any, instead: dict[fx.Node, Tensor] | None = None) -> Any:
        """The value of an argument of a node, computed from kept ones where it was not kept.

        `instead` gives nodes other tensors: positions, say, to see where values go.
        """
        instead = instead or {}

        def load(node: fx.Node) -> Any:
            if node in instead:
                return instead[node]
            if node in self:
                return self[node]
            if node.op == "get_attr":
                return _attribute(self._net, str(node.target))
            return self.call(node, instead)

        return fx.node.map_arg(argument, load)

    def call(self, node: fx.Node, instead: dict[fx.Node, Tensor] | None = None) -> Any:
        """Run one node on the values of its arguments."""
        args = self.of(tuple(node.args), instead)
        kwargs = self.of(dict(node.kwargs), instead)
        with torch.no_grad():
            if node.op == "call_module":
                return self._net.get_submodule(str(node.target))(*args, **kwargs)
            if node.op == "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            if callable(node.target):
                return node.target(*args, **kwargs)
        raise KeyError(node.name)


_known: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], Steps]] = WeakKeyDictionary()


def steps_of(net: nn.Module, batch: Tensor) -> Steps:
    """The steps of `net`, kept as long as the network is; they do not depend on its weights.

    Raises:
        LensError: its `forward` cannot be followed.
    """
    shape = tuple(batch.shape)
    kept = _known.get(net)
    if kept is None or kept[0] != shape:
        kept = _known[net] = (shape, Steps(net, batch))
    return kept[1]


class _Shapes(Values):
    def __init__(self, shapes: dict[fx.Node, tuple[int, ...]]) -> None:
        dict.__init__(self)
        self._shapes = shapes

    def put(self, node: fx.Node, value: Any) -> None:
        if isinstance(value, Tensor) and node.op.startswith("call_"):
            self._shapes[node] = tuple(value.shape[1:])


class _Runner(fx.Interpreter):
    def __init__(self, net: nn.Module, graph: fx.Graph, values: Values) -> None:
        super().__init__(net, graph=graph)
        self._values = values

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        self._values.put(n, result)
        return result


def _run(net: nn.Module, graph: fx.Graph, batch: Tensor, values: Values) -> None:
    with torch.no_grad():
        _Runner(net, graph, values).run(batch)


def _add_softmax(graph: fx.Graph) -> None:
    """The probabilities as a last step of our trace; networks end with the logits."""
    (end,) = [node for node in graph.nodes if node.op == "output"]
    if isinstance(end.args[0], fx.Node):
        with graph.inserting_before(end):
            end.args = (graph.call_function(torch.softmax, (end.args[0], 1)),)


def _name_steps(
    net: nn.Module, graph: fx.Graph, shapes: dict[fx.Node, tuple[int, ...]]
) -> dict[fx.Node, str]:
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    seen: Counter[str] = Counter()
    taken = {name for name, _ in net.named_modules()}
    names: dict[fx.Node, str] = {}
    for node in graph.nodes:
        if node not in shapes:
            continue
        if node.op == "call_module":
            path = str(node.target)
            seen[path] += 1
            names[node] = path if seen[path] == calls[path] else f"{path}#{seen[path]}"
            continue
        owner = _owner(node)
        base = name = f"{owner}.{_kind(net, node)}" if owner else _kind(net, node)
        number = 2
        while name in taken:
            name, number = f"{base}{number}", number + 1
        taken.add(name)
        names[node] = name
    return names


def _sources(node: fx.Node, names: dict[fx.Node, str]) -> Iterator[fx.Node]:
    """The nearest steps (or the image) that a node's tensors come from, each once."""
    found: dict[fx.Node, None] = {}

    def walk(at: fx.Node) -> None:
        for source in at.all_input_nodes:
            if source in names or source.op == "placeholder":
                found[source] = None
            elif source.op != "get_attr" and not _is_size(source):
                walk(source)

    walk(node)
    yield from found


def _is_size(node: fx.Node) -> bool:
    """Whether a node asks for a shape: it depends on a tensor but not on its values."""
    asks_shape = node.target is getattr and len(node.args) > 1 and str(node.args[1]) == "shape"
    return asks_shape or str(node.target) in ("size", "dim")


def _kind(net: nn.Module, node: fx.Node) -> str:
    if node.op == "call_module":
        return type(net.get_submodule(str(node.target))).__name__
    name = str(getattr(node.target, "__name__", node.target))
    return _IN_PLACE.get(name, name)


def _owner(node: fx.Node) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if node.op == "call_module":
        return str(node.target).rpartition(".")[0]
    return str(stack[-1][0]) if stack else ""


def _attribute(net: nn.Module, path: str) -> Any:
    found: Any = net
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_tensor(part) for part in value)
    return isinstance(value, Tensor)
