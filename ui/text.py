"""Other people's words on a page: shown as they were written, never read as Markdown."""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = r"\`*_{}[]()<>#+-.!|~$:"
_FIELD: Final = re.compile(r"(`[a-z_.]+`)")


def markdown_safe(text: str) -> str:
    """A visitor's text for a Markdown label: every special character escaped."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)


def sentence_safe(problem: Exception | str) -> str:
    """An error's sentence for `st.error`: the names of settings stay code, the rest is escaped.

    The sentence quotes what a link or a file said, which may be anything.
    """
    parts = _FIELD.split(str(problem))
    return "".join(part if _FIELD.fullmatch(part) else markdown_safe(part) for part in parts)
