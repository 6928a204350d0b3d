"""Which layers a spec means: the one place where a named or a custom network becomes a layer list."""

from __future__ import annotations

from data.catalogue import DatasetInfo
from models.layers import LayerList, with_dropout
from models.registry import get_architecture
from training.spec import NamedNetwork, TrainSpec


def spec_layers(spec: TrainSpec, info: DatasetInfo) -> LayerList:
    """The layers of the spec's network for these images, its dropout included.

    Raises:
        ModelError: one sentence when there is no architecture of that name.
    """
    if isinstance(spec.network, NamedNetwork):
        layers = get_architecture(spec.network.name).layers(info.shape, len(info.classes))
    else:
        layers = spec.network.layers
    return with_dropout(layers, spec.dropout)
