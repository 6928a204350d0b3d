"""The named architectures, looked up. Nothing here imports torch.

To add one, write a file in `models/architectures/` with a function decorated by `register`, and
name the file in that package's `__init__`.
"""

from __future__ import annotations

import difflib
import re

import models.architectures  # noqa: F401  its files fill the registry
from models.architectures.base import ARCHITECTURES, Architecture, ModelError

__all__ = ["Architecture", "ModelError", "get_architecture", "list_architectures"]


def get_architecture(name: str) -> Architecture:
    """The architecture called `name`.

    Raises:
        ModelError: there is none; the sentence names the closest ones.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    close = difflib.get_close_matches(name[:100], ARCHITECTURES, n=3, cutoff=0.5)
    known = close or [architecture.name for architecture in list_architectures()]
    raise ModelError(f"There is no network called {name[:60]!r}; try {', '.join(known)}.")


def list_architectures() -> list[Architecture]:
    """All architectures, by name in natural order: resnet8 before resnet20."""
    return sorted(ARCHITECTURES.values(), key=lambda architecture: _natural(architecture.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
