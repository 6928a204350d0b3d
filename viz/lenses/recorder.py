"""The one place that registers hooks: what modules put out while a network runs, copied at once.

Copies, because a module that works in place would change what was stored. A context manager,
because a hook that stays behind after an error changes the next picture of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def record(model: nn.Module, layers: Iterable[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Yield a dict that fills up as `model` runs: layer name to its outputs, one per call.

    Outputs are detached copies; a module that returns no tensor is left out. Inside the block the
    model is in evaluation mode. Afterwards, also after an error, no hook is left and the training
    mode of every module and `requires_grad` of every parameter are as before.

    Raises:
        AttributeError: when the model has no module of such a name.
    """
    found = {name: model.get_submodule(name) for name in layers}
    outputs: dict[str, list[Tensor]] = {name: [] for name in found}
    modes = [(module, module.training) for module in model.modules()]
    grads = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    handles = []
    try:
        for name, module in found.items():

            def keep(_module: nn.Module, _inputs: object, output: object, name: str = name) -> None:
                if isinstance(output, Tensor):
                    outputs[name].append(output.detach().clone())

            handles.append(module.register_forward_hook(keep))
        model.eval()
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in grads:
            parameter.requires_grad_(requires_grad)


def map_layers(model: nn.Module, batch: Tensor) -> list[str]:
    """Names of the innermost modules that put out maps (N, C, H, W) for `batch`, as they run."""
    leaves = [name for name, module in model.named_modules() if name and not any(module.children())]
    with record(model, leaves) as outputs, torch.inference_mode():
        model(batch)
    return [name for name, calls in outputs.items() if calls and calls[-1].ndim == 4]
