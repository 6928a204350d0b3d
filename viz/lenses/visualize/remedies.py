"""What helps a unit that no gradient reaches: opening the ReLU before it, or leading gradients on.

A ReLU that is silent passes nothing back, so a picture that leaves a unit silent never learns what
would wake it. Both remedies work on a copy of the network that shares its weights; the network
itself, which others look at too, stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from viz.lenses.recorder import followers, leaves, record

_GATES: Final = (nn.ReLU, nn.ReLU6)


def sharing_copy(net: nn.Module) -> nn.Module:
    """A copy whose modules may be exchanged; parameters and buffers are those of `net`."""
    shared = {id(each): each for each in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, shared)


def exchange(net: nn.Module, name: str, make: Callable[[nn.Module], nn.Module]) -> None:
    """Put `make(module)` into the place of a module, wherever in `net` it stands."""
    old = net.get_submodule(name)
    new = make(old)
    for module in list(net.modules()):
        for child, found in module._modules.items():
            if found is old:
                module._modules[child] = new


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
    """A ReLU that lets everything through for some of the pictures, in its last call of a pass.

    Args:
        gate: the ReLU.
        rows: bool (N,) pictures for which it is open.
        calls: how often the network runs it in a pass.
    """

    def __init__(self, gate: nn.Module, rows: Tensor, calls: int) -> None:
        super().__init__()
        self.gate = gate
        self._rows = rows
        self._calls = calls
        self._count = 0

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) to the same."""
        self._count += 1
        if self._count < self._calls:
            return _run(self.gate, x)
        self._count = 0
        open_ = self._rows.view(-1, *([1] * (x.ndim - 1)))
        return torch.where(open_, x, _run(self.gate, x.clone()))


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
        return torch.where(stuck.view(-1, *([1] * (x.ndim - 1))), wanted, usual), None


def open_before(net: nn.Module, gate: str, rows: Tensor, calls: int) -> nn.Module:
    """A copy of `net` in which the ReLU `gate` is open for `rows` (N,)."""
    changed = sharing_copy(net)
    exchange(changed, gate, lambda module: OpenGate(module, rows, calls))
    return changed


def lead_on(net: nn.Module) -> nn.Module:
    """A copy of `net` in which every ReLU leads gradients on where it would stop them."""
    changed = sharing_copy(net)
    for name, module in net.named_modules():
        if isinstance(module, _GATES):
            exchange(changed, name, LeadOn)
    return changed


def _run(gate: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = gate(x)
    return found
