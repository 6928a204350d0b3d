"""What a network consists of and how it is wired: what every picker and every overview begins with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from models.introspect import ModuleRow, list_modules, shape_twin
from models.wiring import block_inputs, chain_inputs, module_inputs
from viz.lenses.context import LensContext
from viz.lenses.registry import lens
from viz.results.network import LayerInfo, NetworkMap

log = logging.getLogger(__name__)

# Whatever its weights become, a network is wired the same for as long as it is kept.
_STRUCTURES: WeakKeyDictionary[nn.Module, tuple[LayerInfo, ...]] = WeakKeyDictionary()


@lens("network")
def network(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> NetworkMap:
    """Every layer that an image passes through, with shapes, counts and connections."""
    subject = context.subject(model, dataset)
    net = subject.net
    if net not in _STRUCTURES:
        _STRUCTURES[net] = _layers(net, list_modules(shape_twin(net), subject.info.shape))
    layers = _STRUCTURES[net]
    return NetworkMap(
        title=subject.title,
        input_shape=subject.info.shape,
        classes=subject.info.classes,
        layers=layers,
        num_params=sum(parameter.numel() for parameter in net.parameters()),
        macs=sum(layer.macs for layer in layers if layer.leaf),
        step=subject.step,
    )


def _layers(net: nn.Module, rows: list[ModuleRow]) -> tuple[LayerInfo, ...]:
    leaves = [row.name for row in rows if not any(net.get_submodule(row.name).children())]
    try:
        inputs = module_inputs(net)
    except Exception as error:  # a forward pass can stop the tracer in any way there is
        log.info("%s cannot be traced: %r", type(net).__name__, error)
        inputs = chain_inputs(leaves)
    inner = set(leaves)
    return tuple(
        LayerInfo(
            name=row.name,
            kind=row.class_name,
            leaf=row.name in inner,
            in_shape=row.in_shape,
            out_shape=row.out_shape,
            num_params=row.num_params,
            macs=row.macs,
            inputs=inputs.get(row.name, ())
            if row.name in inner
            else block_inputs(row.name, inputs),
        )
        for row in rows
    )
