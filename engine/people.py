"""Tells an error made for people from a mistake in the program."""

from __future__ import annotations

from typing import Final

_OURS: Final = frozenset({"data", "engine", "models", "training", "viz"})


def sentence_of(error: BaseException) -> str | None:
    """The sentence of an error that our packages raise for people (a subclass of ValueError, or an
    EngineError); None for anything else."""
    ours = type(error).__module__.partition(".")[0] in _OURS
    return str(error) if ours and isinstance(error, Exception) else None
