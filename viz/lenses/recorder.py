"""The one place that registers hooks: what modules put out while a network runs, copied at once.

Copies, because a module that works in place would change what was stored. A context manager,
because a hook that stays behind after an error changes the next picture of somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

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
    known = dict(model.named_modules())
    found = {name: known[name] if name in known else model.get_submodule(name) for name in layers}
    outputs: dict[str, list[_T]] = {name: [] for name in found}
    modes = [(module, module.training) for module in known.values()]
    grads = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    handles = []
    try:
        for name, module in found.items():

            def hook(_module: nn.Module, _inputs: object, output: object, name: str = name) -> None:
                if isinstance(output, Tensor):
                    calls = outputs[name] or outputs.pop(name)  # the first call moves it last
                    calls.append(keep(name, output.detach()))
                    outputs[name] = calls

            handles.append(module.register_forward_hook(hook))
        if any(training for _, training in modes):
            model.eval()
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
        # Only what has changed: modules are slow to be told, and there may be hundreds.
        for module, training in modes:
            if module.training != training:
                module.training = training
        for parameter, requires_grad in grads:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)


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


def map_layers(model: nn.Module, batch: Tensor) -> list[str]:
    """Names of the innermost modules that put out maps (N, C, H, W) for `batch`, as they run."""
    with record_part(model, leaves(model), shape_of) as shapes, torch.inference_mode():
        model(batch)
    return [name for name, calls in shapes.items() if calls and len(calls[-1]) == 4]


def leaves(model: nn.Module) -> list[str]:
    """Names of the innermost modules."""
    return [name for name, module in model.named_modules() if name and not module._modules]


def shape_of(_name: str, output: Tensor) -> tuple[int, ...]:
    """For `record_part`: the shape and nothing else."""
    return tuple(output.shape)
