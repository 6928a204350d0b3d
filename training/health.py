"""How every layer is doing, measured during one update: are activations and gradients alive, are
updates of a sensible size?

Costs a few passes over the activations of some images and a copy of the weights, so the loop does it
about once a second while somebody looks, and at snapshots.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from models.modules import ScaledTanh
from training.events import LayerHealth

_ACTIVATIONS = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Tanh,
    nn.Sigmoid,
    ScaledTanh,
)


_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]
MAX_IMAGES = 32
"""Of a batch, that activations are measured on: all 128 cost half an update of a ResNet-20."""


class HealthProbe:
    """Watches one update of a network: a context around forward, backward and optimiser step.

    A layer is a module with a weight of at least two dimensions. Its activation is the output of the
    first activation function that runs after it and before the next layer (a shortcut counts as part
    of its block), or its own output where there is none, as in the last layer. A unit is a feature
    map, or a neuron. Activations are those of the batch's first `MAX_IMAGES` images.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._layers: dict[str, nn.Module] = {}
        self._weights: dict[str, Tensor] = {}
        for name, module in model.named_modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, Tensor) and weight.ndim >= 2:
                self._layers[name], self._weights[name] = module, weight
        self._outputs: dict[str, Tensor] = {}
        self._rectified: set[str] = set()
        self._waiting: list[str] = []  # layers whose activation function has not run yet
        self._before: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> HealthProbe:
        for name, module in self._layers.items():
            self._handles.append(module.register_forward_hook(self._layer_hook(name)))
        for module in self._model.modules():
            if isinstance(module, _ACTIVATIONS):
                self._handles.append(module.register_forward_hook(self._activation_ran))
        self._before = {name: weight.detach().clone() for name, weight in self._weights.items()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def measure(self) -> tuple[LayerHealth, ...]:
        """The signals of every layer that ran, in order. Call after the update; waits for the
        device once."""
        names = [name for name in self._layers if name in self._outputs]
        rows: list[Tensor] = []
        with torch.no_grad():
            for name in names:
                output = self._outputs[name].float()
                weight, before = self._weights[name], self._before[name]
                std, mean = torch.std_mean(output, correction=0)
                gradient = weight.new_zeros(()) if weight.grad is None else weight.grad.norm()
                ratio = (weight - before).norm() / before.norm()
                rows.append(torch.stack([mean, std, dead_share(output), gradient, ratio]))
        numbers = torch.stack(rows).tolist() if rows else []
        return tuple(
            LayerHealth(
                layer=name,
                activation_mean=mean,
                activation_std=std,
                dead=dead if name in self._rectified else None,
                gradient_norm=gradient,
                update_ratio=ratio,
            )
            for name, (mean, std, dead, gradient, ratio) in zip(names, numbers, strict=True)
        )

    def _layer_hook(self, name: str) -> _Hook:
        def ran(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            if "shortcut" not in name:
                self._waiting.clear()
            self._waiting.append(name)
            self._outputs[name] = output.detach()[:MAX_IMAGES]

        return ran

    def _activation_ran(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        for name in self._waiting:
            self._outputs[name] = output.detach()[:MAX_IMAGES]
            if isinstance(module, nn.ReLU):
                self._rectified.add(name)
        self._waiting.clear()


def dead_share(output: Tensor) -> Tensor:
    """Share of units (dimension 1) at or below 0 for every image and everywhere, as a scalar."""
    highest = output.amax([dim for dim in range(output.ndim) if dim != 1])  # (C,)
    return (highest <= 0).float().mean()
