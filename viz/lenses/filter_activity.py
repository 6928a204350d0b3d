"""Which filters are ever heard: a look at many images, so it takes longer than one at the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from viz.lenses.arrays import to_floats
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import Chosen, choose_convolution, following_relu
from viz.lenses.held_out import batches, held_out
from viz.lenses.recorder import record_part, run_until
from viz.lenses.registry import lens
from viz.results import Floats
from viz.results.filters import FilterActivity

_MACS = 1.5e10  # about a second of two cores


@lens("filter_activity")
def filter_activity(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> FilterActivity:
    """Which filters of a convolution are dead; default: the first.

    A filter is dead when its map, after the ReLU that follows, is 0 everywhere on every one of a
    fixed set of validation images. That is measured where the images are here and a ReLU follows
    without anything that mixes channels in between. The network runs as far as that ReLU.
    """
    subject = context.subject(model, dataset)
    chosen = choose_convolution(subject, layer)
    highest, active, measured = _activity(context, subject, chosen)
    return FilterActivity(
        layer=chosen.layer, active=active, highest=highest, measured=measured, step=subject.step
    )


def _activity(
    context: LensContext, subject: Subject, chosen: Chosen
) -> tuple[Floats | None, Floats | None, str]:
    """Highest activation (O,), share of images (O,) with any above 0, how it was measured."""
    relu = following_relu(subject, chosen.layer)
    if relu is None:
        return None, None, (
            f"Dead filters are not looked for: no ReLU follows {chosen.layer} before its channels "
            "are mixed or added to others."
        )  # fmt: skip
    try:
        found = held_out(context, subject, _MACS)
    except ValueError as error:
        return None, None, f"Dead filters are not looked for. {error}"
    tops: list[Tensor] = []  # (n, O) each
    for images, _ in batches(found.part, subject):
        with record_part(subject.net, [relu.layer], _highest) as found_tops:
            run_until(subject.net, images, relu)
        tops.append(found_tops[relu.layer][relu.index])
    top = torch.cat(tops)
    measured = (
        f"Dead: after the ReLU {relu.layer} its map is 0 everywhere on each of {found.words}."
    )
    return to_floats(top.amax(0)), to_floats((top > 0).float().mean(0)), measured


def _highest(_name: str, maps: Tensor) -> Tensor:
    """(N, C) of maps (N, C, H, W)."""
    return maps.flatten(2).amax(2)
