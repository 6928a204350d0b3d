"""The weights of a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from viz.lenses.arrays import check_count, to_floats
from viz.lenses.context import LensContext
from viz.lenses.convolutions import choose_convolution, dense, groups
from viz.lenses.registry import LensError, lens
from viz.results import Filters

MAX_FILTERS = 256
MAX_INPUTS = 64


@lens("filters")
def filters(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    first_filter: int = 0,
    num_filters: int = MAX_FILTERS,
    first_input: int = 0,
    num_inputs: int = MAX_INPUTS,
    dataset: Mapping[str, Any] | None = None,
) -> Filters:
    """Filters (O, I, kh, kw) of a convolution by its dotted name; default: the first.

    Of a large layer a part: `num_filters` filters from `first_filter` on, and of each `num_inputs`
    input channels from `first_input` on. What a partial convolution does not connect is 0. Layers
    with filters of their own at every position have none to show.
    """
    subject = context.subject(model, dataset)
    chosen = choose_convolution(subject, layer)
    whole = dense(chosen.module)
    part = cut_out(whole, first_filter, num_filters, first_input, num_inputs)
    everywhere = (dense(choose_convolution(subject, name).module) for name in chosen.layers)
    return Filters(
        weights=to_floats(part),
        layer=chosen.layer,
        layers=chosen.layers,
        step=subject.step,
        num_filters=whole.shape[0],
        num_inputs=whole.shape[1],
        groups=groups(chosen.module),
        first_filter=first_filter,
        first_input=first_input,
        layer_limit=_largest(whole),
        network_limit=max(map(_largest, everywhere)),
    )


def cut_out(
    filters: Tensor, first_filter: int, num_filters: int, first_input: int, num_inputs: int
) -> Tensor:
    """A part of filters (O, I, kh, kw).

    Raises:
        LensError: it begins where there is nothing, or is too large to be shown.
    """
    check_count("num_filters", num_filters, MAX_FILTERS)
    check_count("num_inputs", num_inputs, MAX_INPUTS)
    for name, first, there in (
        ("first_filter", first_filter, len(filters)),
        ("first_input", first_input, filters.shape[1]),
    ):
        if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first < there:
            raise LensError(f"{name} is {first!r}: choose a whole number from 0 to {there - 1}.")
    part = filters[first_filter : first_filter + num_filters]
    return part[:, first_input : first_input + num_inputs]


def _largest(weights: Tensor) -> float:
    finite = weights[weights.isfinite()].abs()
    return float(finite.max()) if finite.numel() else 0.0
