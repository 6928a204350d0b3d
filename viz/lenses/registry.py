"""The one table of lenses. A lens is a way to look into a network: torch in, arrays out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Lens = Callable[..., Any]
LENSES: dict[str, Lens] = {}


class LensError(ValueError):
    """Something a lens cannot show; the message is one sentence with the way out."""


def lens(name: str) -> Callable[[Lens], Lens]:
    """Register `look(context, model, image, **options) -> result` under `name`."""

    def register(look: Lens) -> Lens:
        if name in LENSES:
            raise RuntimeError(f"two lenses are called {name!r}")
        LENSES[name] = look
        return look

    return register


def find_lens(name: str, options: Mapping[str, Any]) -> Lens:
    """The lens called `name`, which takes these options.

    Raises:
        LensError: there is no such lens, it has no such option, or one that it needs is missing.
    """
    if name not in LENSES:
        raise LensError(f"There is no view {name[:40]!r}; there are {', '.join(sorted(LENSES))}.")
    parameters = inspect.signature(LENSES[name]).parameters.values()
    optional = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    known = [each.name for each in optional]
    for option in options:
        if option not in known:
            raise LensError(
                f"The view {name!r} has no option {option[:40]!r}; it has {', '.join(known)}."
            )
    missing = [each.name for each in optional if each.default is each.empty]
    for needed in missing:
        if needed not in options:
            raise LensError(f"The view {name!r} needs the option {needed!r}, which is not given.")
    return LENSES[name]
