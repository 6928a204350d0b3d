"""What the weights of filters say: how strong, how alike, and which waves one answers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz.lenses.arrays import to_floats, to_ints
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import (
    Chosen,
    check_filter,
    choose_convolution,
    dense,
    groups,
)
from viz.lenses.filters import MAX_INPUTS
from viz.lenses.registry import LensError, lens
from viz.results import Floats, Ints
from viz.results.filters import FilterDetail, FilterStatistics

ALIKE = 0.95  # cosine similarity from which two filters count as near-duplicates
MAX_PAIRS = 200
BINS = 61  # odd: 0 lies in the middle of a bin
SPECTRUM = 65  # odd: the frequencies are symmetric about 0
NEAREST = 5


@lens("filter_statistics")
def filter_statistics(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> FilterStatistics:
    """Norm, bias and likeness of all filters of a convolution; default: the first."""
    subject = context.subject(model, dataset)
    chosen = choose_convolution(subject, layer)
    filters = dense(chosen.module)
    bias = chosen.module.bias
    pairs, cosines, compared = _alike(filters, groups(chosen.module))
    in_pair = np.zeros(len(filters), bool)
    in_pair[pairs.reshape(-1)] = True
    histogram, edges = count_weights(filters, filters)
    return FilterStatistics(
        layer=chosen.layer,
        norms=to_floats(filters.flatten(1).norm(dim=1)),
        biases=None if bias is None else to_floats(bias),
        pairs=pairs[:MAX_PAIRS],
        cosines=cosines[:MAX_PAIRS],
        num_pairs=len(pairs),
        in_pair=in_pair,
        compared=compared,
        histogram=histogram,
        edges=edges,
        step=subject.step,
    )


@lens("filter_detail")
def filter_detail(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    number: int = 0,
    channel: int = 0,
    dataset: Mapping[str, Any] | None = None,
) -> FilterDetail:
    """One filter of a convolution: kernels, frequency response, histogram, its like.

    Args:
        context: of the worker.
        model: a model reference.
        image: not used.
        layer: dotted name; default: the first convolution.
        number: of the filter.
        channel: of its input channels, the one whose kernel's spectrum is wanted.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    chosen = choose_convolution(subject, layer)
    filters = dense(chosen.module)
    kernels = filters[check_filter(chosen, number)]  # (I, kh, kw)
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < len(kernels):
        raise LensError(
            f"Filter {number} of {chosen.layer} reads no input channel {str(channel)[:40]}: it "
            f"reads {len(kernels)}, counted from 0."
        )
    spectra = compute_spectrum(kernels)  # (I, S, S)
    histogram, edges = count_weights(kernels, filters)
    nearest, cosines = _nearest(filters, groups(chosen.module), number)
    bias = chosen.module.bias
    return FilterDetail(
        layer=chosen.layer,
        number=number,
        kernels=to_floats(kernels[:MAX_INPUTS]),
        num_inputs=len(kernels),
        input_names=_input_names(subject, chosen, number),
        bias=None if bias is None else float(bias[number]),
        norm=float(kernels.norm()),
        chosen_input=channel,
        spectrum=to_floats(spectra[channel]),
        total=to_floats(spectra.square().sum(0).sqrt()),
        frequencies=to_floats(torch.fft.fftshift(torch.fft.fftfreq(SPECTRUM))),
        histogram=histogram,
        edges=edges,
        nearest=nearest,
        cosines=cosines,
        step=subject.step,
    )


def compute_spectrum(kernels: Tensor, size: int = SPECTRUM) -> Tensor:
    """|frequency response| of kernels (…, kh, kw): (…, size, size), frequency 0 in the middle.

    The discrete-time Fourier transform of the kernel at `size` frequencies each way, which is the
    FFT of the kernel with zeros around it. A kernel larger than `size` is folded in by the same
    sum. Correlation, which is what networks compute, and convolution have the same magnitude.
    """
    height, width = kernels.shape[-2:]
    frequencies = torch.fft.fftshift(torch.fft.fftfreq(size, dtype=torch.float64))
    rows, columns = (
        torch.exp(-2j * torch.pi * frequencies[:, None] * torch.arange(n)) for n in (height, width)
    )  # (S, kh), (S, kw)
    response = rows @ kernels.to(torch.complex128) @ columns.T
    magnitude: Tensor = response.abs()
    return magnitude


def count_weights(values: Tensor, layer: Tensor) -> tuple[Ints, Floats]:
    """Histogram of `values` over the range of the weights of `layer`, symmetric about 0."""
    finite = layer[layer.isfinite()]
    limit = float(finite.abs().max()) if finite.numel() else 0.0
    edges = np.linspace(-(limit or 1), limit or 1, BINS + 1)
    shown = to_floats(values[values.isfinite()]).clip(edges[0], edges[-1])
    counts, _ = np.histogram(shown, bins=edges)
    return counts.astype(np.int64), edges.astype(np.float32)


def _unit(filters: Tensor) -> Tensor:
    """(O, n) filters at length 1; those that are 0 stay 0 and are like nothing."""
    flat = filters.flatten(1).double()
    unit: Tensor = flat / flat.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    return unit


def _alike(filters: Tensor, num_groups: int) -> tuple[Ints, Floats, str]:
    """Pairs (P, 2) of near-duplicates, their cosines (P,) falling, and what was compared."""
    none = np.empty((0, 2), np.int64), np.empty(0, np.float32)
    size = len(filters) // num_groups
    if size == 1:
        return *none, (
            "Near-duplicates are not looked for: every filter reads an input channel of its own."
        )
    if filters[0].numel() == 1:
        return *none, "Near-duplicates are not looked for: each filter is a single number."
    unit = _unit(filters).reshape(num_groups, size, -1)
    cosine = unit @ unit.transpose(1, 2)  # (groups, size, size)
    upper = torch.ones(size, size, dtype=torch.bool).triu(1)
    group, one, other = ((cosine >= ALIKE) & upper).nonzero(as_tuple=True)
    values = cosine[group, one, other]
    order = values.argsort(descending=True, stable=True)
    pairs = torch.stack([group * size + one, group * size + other], dim=1)[order]
    within = " of the same group" if num_groups > 1 else ""
    return to_ints(pairs), to_floats(values[order]), (
        f"Near-duplicates: two filters{within} whose weights have a cosine similarity of at least "
        f"{ALIKE}; strength and bias do not count."
    )  # fmt: skip


def _nearest(filters: Tensor, num_groups: int, number: int) -> tuple[Ints, Floats]:
    size = len(filters) // num_groups
    begin = number // size * size
    unit = _unit(filters[begin : begin + size])
    cosine = unit @ unit[number - begin]
    cosine[number - begin] = -torch.inf
    order = cosine.argsort(descending=True, stable=True)[: min(NEAREST, size - 1)]
    return to_ints(order + begin), to_floats(cosine[order])


def _input_names(subject: Subject, chosen: Chosen, number: int) -> tuple[str, ...]:
    """What the filter's input channels are called: colours at the image, else their numbers."""
    per_group = dense(chosen.module).shape[1]
    size = len(dense(chosen.module)) // groups(chosen.module)
    first = number // size * per_group
    if chosen.layer == chosen.layers[0] and per_group == subject.info.shape[0] == 3:
        return ("red", "green", "blue")
    return tuple(str(first + index) for index in range(per_group))
