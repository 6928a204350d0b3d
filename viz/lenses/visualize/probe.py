"""What some layers put out for a batch, with gradients, without running more of the network than needed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from data.catalogue import DatasetInfo
from viz.lenses.recorder import replace_outputs

LOGITS = ""
"""The name under which the network's own output stands."""


class _ReachedError(Exception):
    """Every layer that was asked for has put out what is wanted."""


def layer_outputs(net: nn.Module, batch: Tensor, calls: Mapping[str, int]) -> dict[str, Tensor]:
    """The last output of each layer for `batch` (N, C, H, W), connected to it by gradients.

    No hook is left, also after an error. Outputs are copies: what follows may work in place.

    Args:
        net: run in the mode it is in.
        batch: images as the network takes them.
        calls: layer name to how often the network runs it; `LOGITS` for the network's output.
    """
    found: dict[str, Tensor] = {}
    left = {name: count for name, count in calls.items() if name != LOGITS}
    whole = LOGITS in calls

    def taker(name: str) -> Callable[[Tensor], Tensor]:
        def take(output: Tensor) -> Tensor:
            left[name] -= 1
            if left[name] == 0:
                found[name] = output.clone()
                if not whole and all(count <= 0 for count in left.values()):
                    raise _ReachedError
            return output

        return take

    with (
        replace_outputs(net, {name: taker(name) for name in left}),
        contextlib.suppress(_ReachedError),
    ):
        logits = net(batch)
        if whole:
            found[LOGITS] = logits
    return found


def as_input(images: Tensor, info: DatasetInfo) -> Tensor:
    """Pictures (N, C, H, W) in [0, 1] as a network takes them, differentiable."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (info.mean, info.std))
    return (images - mean) / std


def to_bytes(images: Tensor) -> Tensor:
    """Pictures (N, C, H, W) in [0, 1] as they are shown, uint8."""
    return images.detach().clamp(0, 1).mul(255).round().to(torch.uint8)
