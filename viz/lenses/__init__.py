"""Lenses: ways to look into a network, torch in, arrays out. `run_lens` is the only way in.

It runs in a worker process that answers one request after the other, so what is loaded for one
answer (networks, data sets) is kept for the next.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from viz.lenses.context import LensContext
from viz.lenses.registry import LENSES, LensError, find_lens

# Every module of this package is imported for the lens it may register.
for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

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
