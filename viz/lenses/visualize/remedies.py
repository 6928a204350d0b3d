"""What helps a unit that no gradient reaches: opening the ReLU before it, or leading gradients on.

A ReLU that is silent passes nothing back, so a picture that leaves a unit silent never learns what
would wake it. Both remedies exchange modules of the network that `models.separate` makes, where a
ReLU is a module also if the network's code calls a function, and only while it runs; the network
itself, which others look at too, stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.separate import exchanged
from viz.lenses.recorder import followers, leaves, record, record_part, shape_of

_GATES: Final = (nn.ReLU, nn.ReLU6)


def helped(
    net: nn.Module, *, gates: Collection[str] = (), rows: Tensor | None = None, lead: bool = False
) -> AbstractContextManager[None]:
    """Inside the block some ReLUs of a network made by `separate` are others.

    Args:
        net: of `separate`.
        gates: the ReLUs that are open.
        rows: bool (N,) pictures of the batch for which they are; None: for all.
        lead: whether every ReLU leads gradients on where it would stop them.
    """

    def make(name: str, module: nn.Module) -> nn.Module | None:
        if not isinstance(module, _GATES):
            return None
        other: nn.Module = LeadOn(module) if lead else module
        if name in gates:
            other = OpenGate(other, rows)
        return None if other is module else other

    return exchanged(net, make)


def calls_of(net: nn.Module, layers: Collection[str], batch: Tensor) -> dict[str, int]:
    """How often a network runs each of its layers for `batch` (N, C, H, W)."""
    with record_part(net, layers, shape_of) as shapes, torch.no_grad():
        net(batch)
    return {name: len(shapes[name]) for name in layers}


def gate_before(net: nn.Module, layer: str, batch: Tensor) -> str | None:
    """The ReLU whose output `layer` hands on channel by channel: itself, the last module of a block,
    or one before a pooling layer. None where another layer comes between.

    Args:
        net: not changed.
        layer: dotted name.
        batch: (N, C, H, W) to run it on.
    """
    modules = dict(net.named_modules())
    innermost = _last_leaf(net, layer, batch)
    if innermost is None:
        return None
    if isinstance(modules[innermost], _GATES):
        return innermost
    for name in reversed([each for each in leaves(net) if isinstance(modules[each], _GATES)]):
        if innermost in [call.layer for call in followers(net, name, batch)]:
            return name
    return None


def _last_leaf(net: nn.Module, layer: str, batch: Tensor) -> str | None:
    """The innermost module whose output is that of `layer`."""
    if not any(net.get_submodule(layer).children()):
        return layer
    inside = [name for name in leaves(net) if name.startswith(f"{layer}.")]
    with record(net, [*inside, layer]) as outputs, torch.inference_mode():
        net(batch)
    whole = outputs[layer][-1]
    ran = [name for name in outputs if name != layer and outputs[name]]
    same = (
        name
        for name in reversed(ran)
        if outputs[name][-1].shape == whole.shape and torch.equal(outputs[name][-1], whole)
    )
    return next(same, None)


class OpenGate(nn.Module):
    """A ReLU that lets everything through for some of the pictures.

    Args:
        gate: the ReLU.
        rows: bool (N,) pictures for which it is open; None: all.
    """

    def __init__(self, gate: nn.Module, rows: Tensor | None) -> None:
        super().__init__()
        self.gate = gate
        self._rows = rows

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) to the same."""
        if self._rows is None:
            return x
        # A copy: where the network's code cannot be read, the ReLU may still work in place.
        found: Tensor = torch.where(_over(self._rows, x), x, self.gate(x.clone()))
        return found


class LeadOn(nn.Module):
    """A ReLU that hands back, for pictures to which it would pass no gradient at all, the part of the
    gradient that asks for more."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) to the same."""
        top = 6.0 if isinstance(self.gate, nn.ReLU6) else torch.inf
        found: Tensor = _LeadOn.apply(x, top)
        return found


class _LeadOn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, top: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.top = top
        return x.clamp(0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        usual = gradient * ((x > 0) & (x < ctx.top))
        stuck = (usual == 0).flatten(1).all(1)
        # A descent moves against the gradient: negative ones ask for larger values.
        wanted = torch.where(x <= 0, gradient.clamp(max=0), gradient.clamp(min=0))
        return torch.where(_over(stuck, x), wanted, usual), None


def _over(rows: Tensor, x: Tensor) -> Tensor:
    """(N, 1, …) of (N,), for what has as many dimensions as `x`."""
    return rows.view(-1, *([1] * (x.ndim - 1)))
