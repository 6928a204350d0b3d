"""The weights of a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from models.modules import PartialConv2d
from viz.lenses.arrays import to_floats
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError, lens
from viz.results import Filters


@lens("filters")
def filters(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Filters:
    """Filters (O, I, kh, kw) of a convolution by its dotted name; default: the first.

    What a partial convolution does not connect is 0. Layers with filters of their own at every
    position have none to show.
    """
    subject = context.subject(model, dataset)
    found = {
        name: module
        for name, module in subject.net.named_modules()
        if isinstance(module, nn.Conv2d | PartialConv2d)
    }
    if not found:
        raise LensError(f"{model} has no convolution and so no filters: choose another network.")
    if layer is not None and layer not in found:
        raise LensError(f"{model} has no convolution {layer[:60]!r}; it has {', '.join(found)}.")
    chosen = layer or next(iter(found))
    return Filters(to_floats(_weight(found[chosen])), chosen, tuple(found), subject.step)


def _weight(module: nn.Conv2d | PartialConv2d) -> Tensor:
    return module.dense_weight() if isinstance(module, PartialConv2d) else module.weight
