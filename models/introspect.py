"""What any torch network consists of, measured by running it once with hooks on every module.

Unlike `models.layers` this needs no layer list, so it serves torchvision's networks too and checks
our own arithmetic. Hooks, training flags and running statistics are as before afterwards, also when
the network raises.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.layers import Shape
from models.modules import RBF, LocallyConnected2d, PartialConv2d, Subsample


@dataclass(frozen=True)
class ModuleRow:
    """One module of a network, containers included; counts include what it contains.

    Shapes are those of its first call, without the batch. MACs are multiplications by weights for
    one image, over all calls; pooling, normalisation and activations count 0.
    """

    name: str  # dotted, as in `named_modules`
    class_name: str
    in_shape: Shape
    out_shape: Shape
    num_params: int
    macs: int


@dataclass
class _Measured:
    in_shape: Shape
    out_shape: Shape
    macs: int


def list_modules(model: nn.Module, input_shape: Shape) -> list[ModuleRow]:
    """Every module but the root that one image of `input_shape` (C, H, W) passes through.

    In the order they finish, so the parts of a block come before the block. A module called several
    times has one row. Works on meta tensors too, where it costs no arithmetic.

    Raises:
        whatever `model` raises for such an image.
    """
    names = {module: name for name, module in model.named_modules() if name}
    example = next(model.parameters(), torch.empty(0))
    image = torch.zeros(1, *input_shape, dtype=example.dtype, device=example.device)  # (1, C, H, W)
    with _evaluating(model), _measuring(list(names)) as measured, torch.no_grad():
        model(image)
    return [
        ModuleRow(
            names[module],
            type(module).__name__,
            found.in_shape,
            found.out_shape,
            sum(parameter.numel() for parameter in module.parameters()),
            sum(measured[part].macs for part in module.modules() if part in measured),
        )
        for module, found in measured.items()
    ]


def shape_twin(model: nn.Module) -> nn.Module:
    """A copy of `model` whose tensors have shapes but no numbers, and which costs no memory.

    For `list_modules` of a network that others use at the same time: the copy has hooks of its own.
    """
    tensors = [*model.parameters(), *model.buffers()]
    empty = [torch.empty_like(tensor, device="meta") for tensor in tensors]
    memo: dict[int, object] = {
        id(tensor): nn.Parameter(twin, tensor.requires_grad)
        if isinstance(tensor, nn.Parameter)
        else twin
        for tensor, twin in zip(tensors, empty, strict=True)
    }
    return copy.deepcopy(model, memo)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _measuring(modules: list[nn.Module]) -> Iterator[dict[nn.Module, _Measured]]:
    measured: dict[nn.Module, _Measured] = {}

    def measure(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if not (inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor)):
            return  # an auxiliary module that does not turn one tensor into one tensor
        macs = _macs(module, output)
        if module in measured:
            measured[module].macs += macs
        else:
            in_shape, out_shape = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
            measured[module] = _Measured(in_shape, out_shape, macs)

    handles = []
    try:
        for module in modules:
            handles.append(module.register_forward_hook(measure))
        yield measured
    finally:
        for handle in handles:
            handle.remove()


def _macs(module: nn.Module, output: Tensor) -> int:
    """Multiplications by the module's own weights for an output of one image."""
    match module:
        case nn.Conv2d():
            return output.numel() * module.weight[0].numel()
        case nn.Linear():
            return output.numel() * module.in_features
        case PartialConv2d():
            return output.shape[2:].numel() * module.weight.numel()
        case LocallyConnected2d():
            return module.weight.numel()
        case Subsample():
            return output.numel()
        case RBF():
            return module.codes.numel()
        case _:
            return 0
