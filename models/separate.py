"""A network in which every activation is a module of its own, used once and out of place.

Backward rules of explanations hang on modules: a ReLU that is a function, works in place, or serves
in two places gets them wrong without a word. `models.rewrite` makes such a network; here its outputs
are held against the original's, and one run is watched for activations that escaped. Weights at one
moment may hide a difference (zeros, or no numbers at all), and other moments will be loaded into the
same network: so the same rewriting is also tried with random weights and images.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.rewrite import (
    ACTIVATIONS,
    FUNCTIONS,
    MAX_POOLINGS,
    SEPARATED,
    is_relu,
    plain_name,
    rewrite,
)

__all__ = ["ACTIVATIONS", "MAX_POOLINGS", "Separate", "exchanged", "not_separate", "separate"]

# What those modules are made of, as torch carries it out; softsign leaves no trace of its own.
_STEPS = frozenset(
    {*FUNCTIONS, "clamp_min", "log_sigmoid_forward", "_prelu_kernel", "rrelu_with_noise"}
    | {"max_pool2d_with_indices", "mkldnn_max_pool2d"}
)


_RANDOM_IMAGES = 3


@dataclass(frozen=True)
class Separate:
    """What came of it."""

    net: nn.Module
    refusal: str  # why activations could not be told apart; empty: they are


_KNOWN: WeakKeyDictionary[nn.Module, Separate] = WeakKeyDictionary()
_REFUSALS: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()  # of the networks made here


def separate(net: nn.Module, batch: Tensor) -> Separate:
    """`net` with separate activations, in evaluation mode; remembered for as long as `net` lives.

    It has modules of its own, under the same names and with the same parameters and buffers: other
    weights loaded into `net` are in it at once, hooks and modes are not shared. An activation that
    `net` uses several times keeps its name for the last use; `relu_1`, … are the uses before.

    Args:
        net: (N, C, H, W) to logits; left as it is.
        batch: (N, C, H, W), to hold the outputs of both against each other, bit for bit; random
            images of its size are, too.
    """
    if net not in _KNOWN:
        found = _separate(net, batch)
        _KNOWN[net] = found
        _REFUSALS[found.net] = found.refusal
    return _KNOWN[net]


def not_separate(net: nn.Module, batch: Tensor) -> str:
    """Why the activations of `net`, made by `separate` or not yet, cannot be told apart; empty:
    they can."""
    return _REFUSALS[net] if net in _REFUSALS else separate(net, batch).refusal


@torch.inference_mode(False)
@torch.no_grad()
def _separate(net: nn.Module, batch: Tensor) -> Separate:
    with _evaluated(net):
        wanted = net(batch.clone())
    twin, images = _randomised(net), _noise(batch)
    expected = twin(images.clone())

    def right(found: nn.Module, trace: bool) -> bool:
        return _same(found, batch, wanted) and _same(rewrite(twin, trace), images, expected)

    found = rewrite(net, trace=True)
    if not right(found, True):
        found = rewrite(net, trace=False)
        if not right(found, False):
            found = rewrite(net, trace=False, inplace=True)
    with _Watch(found) as watch:
        found(batch.clone())
    if not watch.loose:
        return Separate(found, "")
    return Separate(
        found,
        f"The code of this network applies {' and '.join(sorted(watch.loose))} where it cannot be "
        "told apart from the rest, so a method that changes what activations hand back would be "
        "wrong without a sign: choose one that takes the plain gradient, or only runs forward.",
    )


def _randomised(net: nn.Module) -> nn.Module:
    """A network of its own with the same code, without hooks, in which nothing is 0 or no number.

    Weights are as large as keeps signals alive (He et al. 2015); offsets have both signs.
    """
    generator = torch.Generator().manual_seed(0)
    twin = rewrite(copy.deepcopy(net), trace=False, inplace=True)
    for name, one in twin.named_parameters():
        if one.ndim > 1:
            spread = (2 / max(1, one[0].numel())) ** 0.5
            one.copy_(torch.randn(one.shape, generator=generator) * spread)
        elif name.endswith("weight"):
            one.copy_(torch.rand(one.shape, generator=generator) + 0.5)
        else:
            one.copy_(torch.randn(one.shape, generator=generator) * 0.3)
    for buffer in twin.buffers():
        if buffer.is_floating_point():  # variances are positive
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return twin


def _noise(batch: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn((_RANDOM_IMAGES, *batch.shape[1:]), generator=generator)


@contextmanager
def _evaluated(net: nn.Module) -> Iterator[None]:
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _same(net: nn.Module, batch: Tensor, wanted: Tensor) -> bool:
    try:
        found = net(batch.clone())
    except Exception:  # a network's own code, run by us in a way that it was not made for
        return False
    return found.shape == wanted.shape and torch.allclose(found, wanted, 0, 0, equal_nan=True)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes activations that are carried out outside a module of their own, or by one used twice."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.loose: set[str] = set()
        self._inside = 0
        self._calls: Counter[nn.Module] = Counter()
        self._modules = [each for each in net.modules() if isinstance(each, SEPARATED)]
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> _Watch:
        for module in self._modules:
            self._handles.append(module.register_forward_pre_hook(self._begin))
            self._handles.append(module.register_forward_hook(self._end))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()

    def _begin(self, module: nn.Module, _inputs: object) -> None:
        self._inside += 1
        self._calls[module] += 1
        if getattr(module, "inplace", False) is True:
            self.loose.add(f"an in-place {type(module).__name__}")
        if self._calls[module] > 1:
            self.loose.add(f"one {type(module).__name__} in several places")

    def _end(self, _module: nn.Module, _inputs: object, _output: object) -> None:
        self._inside -= 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the step as it is."""
        name = plain_name(func.overloadpacket.__name__)
        step = name in _STEPS or (name == "clamp" and is_relu(args, kwargs or {}))
        if step and not self._inside:
            self.loose.add("ReLU" if name.startswith("clamp") else name.split("_with_")[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def exchanged(net: nn.Module, make: Callable[[str, nn.Module], nn.Module | None]) -> Iterator[None]:
    """Inside the block some modules of a network made by `separate` are others.

    Afterwards, also after an error, all are as before. Not for networks that others run meanwhile.

    Args:
        net: of `separate`.
        make: given dotted name and innermost module, the one to take its place; None: it stays.
    """
    known = list(_innermost("", net))  # before any is another: blocks may be in two places
    before: list[tuple[nn.Module, str, nn.Module]] = []
    try:
        for name, owner, last, module in known:
            other = make(name, module)
            if other is not None:
                before.append((owner, last, module))
                owner._modules[last] = other
        yield
    finally:
        for parent, last, module in before:
            parent._modules[last] = module


def _innermost(name: str, owner: nn.Module) -> Iterator[tuple[str, nn.Module, str, nn.Module]]:
    """Modules without parts: dotted name, what they are part of, name there; quicker than torch's."""
    for last, module in owner._modules.items():
        if module is not None:
            full = f"{name}.{last}" if name else last
            if module._modules:
                yield from _innermost(full, module)
            else:
                yield full, owner, last, module
