"""What a network does with its image, step by step, to tell whether a method has a rule for all of
it: found by symbolic tracing, not by trying, because an untrained network hides what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from torch import fx, nn

from models.modules import GlobalPool, LocallyConnected2d, PadShortcut, PartialConv2d, Subsample
from models.separate import ACTIVATIONS, MAX_POOLINGS
from models.wiring import Leaves

WEIGHTED = (
    *(nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d),
    *(LocallyConnected2d, PartialConv2d, Subsample),
)
_RESHAPING = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
_AVERAGES = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_IN_CHAINS = (*WEIGHTED, *_RESHAPING, *_AVERAGES, *MAX_POOLINGS, GlobalPool, nn.ReLU)
_WITH_SLOPES = (
    *(*WEIGHTED, *_RESHAPING, *_AVERAGES, *MAX_POOLINGS, *ACTIVATIONS, GlobalPool, PadShortcut),
    *(nn.Conv1d, nn.Conv3d, nn.ConvTranspose2d, nn.AlphaDropout, nn.ZeroPad2d, nn.ReflectionPad2d),
    *(nn.ReplicationPad2d, nn.Upsample, nn.PixelShuffle, nn.ChannelShuffle),
)
_TORCHVISION = ("StochasticDepth", "Permute")  # of which an evaluated network leaves nothing

# Functions and methods by name. Scaling is linear only by a constant.
_RESHAPED = frozenset(
    ("flatten", "reshape", "view", "squeeze", "contiguous", "dropout", "dropout2d", "clone")
)
_MEANS = frozenset(("mean", "avg_pool2d", "adaptive_avg_pool2d"))
_LINEAR = frozenset(
    (
        *("add", "sub", "neg", "sum", "cat", "concat", "stack", "chunk", "split", "getitem"),
        *("pad", "unsqueeze", "permute", "transpose", "expand", "stochastic_depth"),
    )
)
_SCALING = frozenset(("mul", "truediv", "div"))
# What these make of a tensor does not depend on its values.
_NUMBERS = frozenset(("size", "getattr", "dim", "zeros_like", "ones_like", "new_zeros", "new_ones"))
_INSTEAD = "choose Integrated Gradients, which needs none."


@dataclass(frozen=True)
class Step:
    """One call in a forward pass whose outcome depends on the image."""

    name: str  # of the module (dotted) or of the function
    module: nn.Module | None
    sources: tuple[int, ...]  # the steps it takes, by number; -1: the image

    @property
    def kind(self) -> str:
        """As a person knows it."""
        return self.name if self.module is None else type(self.module).__name__


_STEPS: WeakKeyDictionary[nn.Module, tuple[Step, ...] | None] = WeakKeyDictionary()


def find_steps(net: nn.Module) -> tuple[Step, ...] | None:
    """The steps in their order, remembered for as long as `net` lives; None: it cannot be read."""
    if net not in _STEPS:
        try:
            graph = _Reader().trace(net)
        except Exception:  # whatever a forward pass makes of values that are not there
            _STEPS[net] = None
        else:
            _STEPS[net] = _steps(net, graph)
    return _STEPS[net]


def no_chain(net: nn.Module) -> str:
    """Why relevance cannot be handed back through `net`; empty: it is a chain of known layers."""
    steps = find_steps(net)
    if steps is None:
        return (
            "Relevance is handed back through a chain of layers, and the code of this network "
            f"cannot be read as one: {_INSTEAD}"
        )
    for number, step in enumerate(steps):
        if step.sources != (number - 1,):
            return (
                "Relevance is handed back through a chain of layers, and this network has shortcuts "
                f"or branches (at {step.name}), for which there is no agreed rule: {_INSTEAD}"
            )
        known = _RESHAPED | _MEANS
        if not (step.name in known if step.module is None else _is(step.module, _IN_CHAINS)):
            return (
                "LRP is right for chains of convolutions, linear layers, ReLUs, poolings and batch "
                f"norm, and has no rule for {step.kind}, which this network has: {_INSTEAD}"
            )
    return ""


def first_weighted(net: nn.Module) -> str | None:
    """The layer of a chain that is given the pixels themselves, at most in another shape; None:
    something else comes before."""
    for step in find_steps(net) or ():
        if step.module is not None and _is(step.module, WEIGHTED):
            return step.name
        same = step.name in _RESHAPED if step.module is None else _is(step.module, _RESHAPING)
        if not same:
            return None
    return None


def no_slopes(net: nn.Module) -> str:
    """Why slopes do not carry through `net`; empty: all of it is linear, activation or maximum."""
    steps = find_steps(net)
    if steps is None:
        return (
            "DeepLift needs a rule for every step, and the code of this network cannot be read as "
            f"steps: {_INSTEAD}"
        )
    for step in steps:
        if step.module is not None:
            known = _is(step.module, _WITH_SLOPES) or type(step.module).__name__ in _TORCHVISION
        else:
            scaled = step.name in _SCALING and len(step.sources) == 1
            known = scaled or step.name in _RESHAPED | _MEANS | _LINEAR
        if not known:
            what = "the product of two maps" if step.name in _SCALING else step.kind
            return (
                "DeepLift has rules for linear layers, activations and poolings, and none for "
                f"{what}, which this network has: {_INSTEAD}"
            )
    return ""


class _Reader(Leaves):
    """Also stops at torch's own modules that have parts, such as attention."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Containers of torch are not leaves, nor is anybody else's module with parts."""
        inside = isinstance(m, nn.Sequential) or not type(m).__module__.startswith("torch.nn.")
        return super().is_leaf_module(m, module_qualified_name) or not inside


def _steps(net: nn.Module, graph: fx.Graph) -> tuple[Step, ...]:
    numbers: dict[fx.Node, int] = {}  # of what depends on the image
    found: list[Step] = []
    for node in graph.nodes:
        operands: list[fx.Node] = []  # x + x has two
        fx.node.map_arg((node.args, node.kwargs), operands.append)
        sources = tuple(numbers[each] for each in operands if each in numbers)
        name = str(getattr(node.target, "__name__", node.target)).strip("_")
        if name in ("truediv", "div") and node.args[0] not in numbers:
            name = "reciprocal"
        if node.op == "placeholder" and not numbers:
            numbers[node] = -1
        elif node.op != "output" and sources and name not in _NUMBERS:
            module = node.op == "call_module"
            called = net.get_submodule(str(node.target)) if module else None
            numbers[node] = len(found)
            found.append(Step(str(node.target) if module else name, called, sources))
    return tuple(found)


def _is(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Of one of the kinds; batch norm only with statistics of its own."""
    norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    return isinstance(module, kinds) and not (norm and module.running_mean is None)
