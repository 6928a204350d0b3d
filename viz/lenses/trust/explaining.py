"""Attributions of many images, a batch at a time, with signs of life while a slow method is at work.

The maps that are measured and those that are compared before and after a change are made here alike:
the same layer, settings and references, whatever the other images are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from viz.attribution.table import find_method
from viz.lenses.batching import is_out_of_memory
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import run
from viz.lenses.saliency.problem import make_problem

PAUSE: Final = 0.3  # seconds without a sign of life, about
BATCH_VALUES: Final = 600_000  # input numbers of images that are explained at once
BATCH_IMAGES: Final = 32  # at most


@dataclass(frozen=True)
class Part:
    """How far it is, and the attributions that have just been completed."""

    share: float  # of the work done
    span: slice  # which images
    values: Tensor | None  # (n, C, H, W) by pixel or (n, 1, h, w) by place; None: not yet


def explained(
    name: str,
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    *,
    layer: str | None,
    settings: Mapping[str, Any],
    references: Tensor | None,
) -> Iterator[Part]:
    """The attributions of a method, some images after the other; the last part has share 1.

    Args:
        name: in the table of methods.
        subject: the network.
        images: (N, C, H, W), normalised, N ≥ 1.
        classes: int64 (N,), whose logits are explained.
        layer: for methods that look at one; default: the method's own.
        settings: of the method; what is left out has its default.
        references: for methods that compare, see `viz.lenses.saliency.references`.

    Raises:
        LensError: the network does not allow the method, a setting is wrong, or one image alone does
            not fit the memory.
    """
    method, count = find_method(name), len(images)
    try:
        method.settings(settings)
    except ValueError as error:
        raise LensError(str(error)) from None
    size = max(1, min(BATCH_IMAGES, BATCH_VALUES // images[0].numel()))
    at, share, told = 0, 0.0, time.monotonic()
    while at < count:
        span = slice(at, min(at + size, count))
        length, values, fits = span.stop - at, None, True
        problem = make_problem(
            subject, images[span], classes[span], settings=settings,
            layer=layer if method.layered else None,
            references=references if method.compares else None,
        )  # fmt: skip
        try:
            for each in run(name, problem):
                values = each.values
                share = max(share, (at + each.share * length) / count)
                if each.share < 1 and time.monotonic() - told >= PAUSE:
                    yield Part(share, span, None)
                    told = time.monotonic()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            values, fits = None, False
        if not fits:  # outside of the handler, so that the failed attempt's tensors are gone
            if length == 1:
                raise LensError(
                    f"This machine's memory does not hold {method.title} of one image: choose a smaller "
                    "network or smaller images."
                )
            size = length // 2
            continue
        if values is None:
            raise TypeError(f"{name} yields at least one map")
        at = span.stop
        share = max(share, at / count)
        yield Part(share, span, values.detach())
        told = time.monotonic()
