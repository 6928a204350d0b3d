"""What each layer makes of one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.recorder import map_layers, record
from viz.lenses.registry import LensError, lens
from viz.results import FeatureMaps, LayerMaps

# Shown only when asked for: what comes before or after them looks almost the same.
_PLAIN = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm, nn.Identity, nn.Dropout)


@lens("feature_maps")
def feature_maps(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layers: Sequence[str] | None = None,
    limit: int = 64,
    dataset: Mapping[str, Any] | None = None,
) -> FeatureMaps:
    """Maps (C, H, W) of layers, the first `limit` channels of each.

    `layers` are dotted names; default: after each convolution, activation and pooling, in the order
    in which they run.
    """
    check_count("limit", limit, 4096)
    subject = context.subject(model, dataset)
    fitted, _ = fit(context, image, subject)
    available = map_layers(subject.net, fitted.batch)
    unknown = [name for name in layers or () if name not in available]
    if unknown:
        raise LensError(
            f"{model} has no layer with maps called {str(unknown[0])[:60]!r}; it has "
            f"{', '.join(available)}."
        )
    modules = {name: subject.net.get_submodule(name) for name in available}
    if layers is None:
        layers = [name for name in available if not isinstance(modules[name], _PLAIN)]
    with record(subject.net, layers) as outputs, torch.inference_mode():
        subject.net(fitted.batch)
    return FeatureMaps(
        image=to_pictures(fitted.picture),
        layers=tuple(
            LayerMaps(
                layer=name,
                kind=type(modules[name]).__name__,
                maps=to_floats(outputs[name][-1][0, :limit]),
                num_channels=outputs[name][-1].shape[1],
            )
            for name in layers
        ),
        available=tuple(available),
        note=fitted.note,
        step=subject.step,
    )
