"""The one place that registers hooks: what modules put out while a network runs, copied at once.

Copies, because a module that works in place would change what was stored. A context manager,
because a hook that stays behind after an error changes the next picture of somebody else.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from models.modules import ScaledTanh

_T = TypeVar("_T")

# What these put out in channel c depends on channel c of their input alone.
_CHANNELWISE = (
    *(nn.BatchNorm2d, nn.InstanceNorm2d, nn.Identity, nn.Dropout, nn.Dropout2d),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d),
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Mish, nn.SELU, nn.CELU, ScaledTanh),
)


@dataclass(frozen=True)
class Call:
    """One use of a module in a forward pass: a ReLU may serve in several places."""

    layer: str  # dotted name
    index: int  # 0 for its first use


@contextmanager
def record(model: nn.Module, layers: Iterable[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Yield a dict that fills up as `model` runs: layer name to its outputs, one per call.

    Outputs are detached copies; a module that returns no tensor is left out. Inside the block the
    model is in evaluation mode. Afterwards, also after an error, no hook is left and the training
    mode of every module and `requires_grad` of every parameter are as before.

    Raises:
        AttributeError: when the model has no module of such a name.
    """
    with record_part(model, layers, lambda _name, output: output.clone()) as outputs:
        yield outputs


@contextmanager
def record_part(
    model: nn.Module, layers: Iterable[str], keep: Callable[[str, Tensor], _T]
) -> Iterator[dict[str, list[_T]]]:
    """As `record`, for what `keep` makes of each layer's name and output at once.

    For a part or a number of outputs that would fill the memory together. It must not hand on the
    output itself, which a later module may change in place. In the dict the layers that have run
    stand last, in the order in which they ran first.

    Raises:
        AttributeError: when the model has no module of such a name.
    """
    known = dict(model.named_modules())  # quicker than to ask for each
    found = {name: known[name] if name in known else model.get_submodule(name) for name in layers}
    outputs: dict[str, list[_T]] = {name: [] for name in found}
    every = known.values()
    parameters = [one for each in every for one in each._parameters.values() if one is not None]
    training = {id(each) for each in every if each.training}
    graded = {id(parameter) for parameter in parameters if parameter.requires_grad}
    handles = []
    try:
        for name, module in found.items():

            def hook(_module: nn.Module, _inputs: object, output: object, name: str = name) -> None:
                if isinstance(output, Tensor):
                    calls = outputs[name] or outputs.pop(name)  # the first call moves it last
                    calls.append(keep(name, output.detach() if output.requires_grad else output))
                    outputs[name] = calls

            handles.append(module.register_forward_hook(hook))
        if training:
            model.eval()
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
        # Only what has changed: modules are slow to be told, and there may be hundreds.
        for each in every:
            if each.training != (id(each) in training):
                each.training = not each.training
        for parameter in parameters:
            if parameter.requires_grad != (id(parameter) in graded):
                parameter.requires_grad_(not parameter.requires_grad)


class _Reached(Exception):
    """A forward pass has come as far as it is wanted."""


@torch.inference_mode()
def run_until(model: nn.Module, batch: Tensor, last: Call | None) -> None:
    """Run `model` on `batch` (N, C, H, W) as far as one call of a module; None: to the end.

    What comes after that call is not computed. Hooks that the module has already, such as those of
    `record_part`, see its output; afterwards, also after an error, no hook is left.
    """
    if last is None:
        model(batch)
        return
    calls = itertools.count()

    def stop(_module: nn.Module, _inputs: object, _output: object) -> None:
        if next(calls) == last.index:
            raise _Reached

    handle = model.get_submodule(last.layer).register_forward_hook(stop)
    try:
        model(batch)
    except _Reached:
        pass
    finally:
        handle.remove()


@contextmanager
def replace_outputs(
    model: nn.Module, changes: Mapping[str, Callable[[Tensor], Tensor]]
) -> Iterator[None]:
    """Inside the block the named modules put out `changes[name](output)` instead of `output`.

    Each function gets a copy, which it may change in place. Afterwards, also after an error, no
    hook is left. Modes are not touched.

    Raises:
        AttributeError: when the model has no module of such a name.
    """
    found = {name: model.get_submodule(name) for name in changes}
    handles = []
    try:
        for name, module in found.items():

            def change(
                _module: nn.Module, _inputs: object, output: object, name: str = name
            ) -> Tensor | None:
                return changes[name](output.clone()) if isinstance(output, Tensor) else None

            handles.append(module.register_forward_hook(change))
        yield
    finally:
        for handle in handles:
            handle.remove()


def followers(model: nn.Module, layer: str, batch: Tensor) -> list[Call]:
    """The modules that the output of `layer` runs through one after the other, channel by channel.

    Normalisation, activations, pooling and dropout; the chain ends at the first module that mixes
    channels, and where something other than a module takes over, such as an addition. Found by
    running the network on `batch` and comparing which tensor each module was given, so it holds for
    any network. A layer used several times is followed from its last use.

    Raises:
        AttributeError: when the model has no module of such a name.
    """
    model.get_submodule(layer)
    calls: list[tuple[Call, nn.Module, object, object]] = []  # in the order in which they run
    counts: dict[str, int] = {}
    handles = []
    try:
        for name, module in model.named_modules():
            if any(module.children()):
                continue

            def keep(module: nn.Module, inputs: object, output: object, name: str = name) -> None:
                call = Call(name, counts.get(name, 0))
                counts[name] = call.index + 1
                given = inputs[0] if isinstance(inputs, tuple) and inputs else None
                calls.append((call, module, given, output))  # held, so that identity means identity

            handles.append(module.register_forward_hook(keep))
        with torch.inference_mode():
            model(batch)
    finally:
        for handle in handles:
            handle.remove()
    found: list[Call] = []
    starts = [place for place, (call, *_) in enumerate(calls) if call.layer == layer]
    if not starts:
        return found
    current = calls[starts[-1]][3]
    for call, module, given, output in calls[starts[-1] + 1 :]:
        if given is current:
            if not isinstance(module, _CHANNELWISE):
                break
            found.append(call)
            current = output
    return found


def map_calls(model: nn.Module, batch: Tensor) -> tuple[Call, ...]:
    """Every call of an innermost module that puts out maps (N, C, H, W) for `batch`, as they run.

    Found out by running the network once and remembered for as long as it lives.
    """
    if model not in _MAP_CALLS:
        counts: Counter[str] = Counter()
        found: list[Call] = []

        def note(name: str, output: Tensor) -> None:
            if output.ndim == 4:
                found.append(Call(name, counts[name]))
            counts[name] += 1

        with record_part(model, leaves(model), note), torch.inference_mode():
            model(batch)
        _MAP_CALLS[model] = tuple(found)
    return _MAP_CALLS[model]


_MAP_CALLS: WeakKeyDictionary[nn.Module, tuple[Call, ...]] = WeakKeyDictionary()


def map_layers(model: nn.Module, batch: Tensor) -> list[str]:
    """Names of the innermost modules that put out maps (N, C, H, W) for `batch`, as they run."""
    return list(dict.fromkeys(call.layer for call in map_calls(model, batch)))


def leaves(model: nn.Module) -> list[str]:
    """Names of the innermost modules."""
    return [name for name, module in model.named_modules() if name and not module._modules]


def shape_of(_name: str, output: Tensor) -> tuple[int, ...]:
    """For `record_part`: the shape and nothing else."""
    return tuple(output.shape)
