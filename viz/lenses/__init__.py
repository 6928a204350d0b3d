"""Lenses: ways to look into a network, torch in, arrays out. `run_lens` is the only way in.

It runs in a worker process that answers one request after the other, so what is loaded for one
answer (networks, data sets) is kept for the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

# Imported for the lenses they register.
from viz.lenses import (  # noqa: F401
    classify,
    contact_sheet,
    evaluation,
    export,
    feature_maps,
    filters,
    predictions,
)
from viz.lenses.context import LensContext
from viz.lenses.registry import LENSES, LensError, find_lens

__all__ = ["LENSES", "LensError", "run_lens"]


def run_lens(name: str, model: str | None, image: str | None, options: Mapping[str, Any]) -> Any:
    """The result of a lens, one of `viz.results`.

    Args:
        name: in `LENSES`.
        model: a model reference, for lenses that look at a network.
        image: an image reference, for lenses that look at one image.
        options: keyword arguments of the lens, JSON values.

    Raises:
        ValueError: LensError, or another of our errors for people: one sentence.
    """
    return find_lens(name, options)(_context(), model, image, **options)


@cache
def _context() -> LensContext:
    return LensContext()
