"""What is looked at, as it stands in the link: `?model=&data=&step=&image=`, and `lock=1`.

The link is the only place this is kept, so every part of the bar writes there and nobody asks a
widget. A page opened from the menu has an empty link: it goes on with what this visitor looked at
last. A second subject for comparisons has the same names with a 2 behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

PARTS: Final = ("model", "data", "step", "image")
_MEMORY: Final = "subject.memory"
_LINKS: Final = "subject.links"
"""Session key of the last two links that this visitor's page had."""


@dataclass(frozen=True)
class Slot:
    """One of the subjects of a page; `suffix` ends its names in the link."""

    suffix: str = ""

    def name(self, part: str) -> str:
        """What the link calls a part."""
        return part + self.suffix

    def key(self, name: str) -> str:
        """A session key of this subject's own."""
        return f"subject.{name}{self.suffix}"


MAIN: Final = Slot()


def read(slot: Slot) -> dict[str, str]:
    """The parts that stand in the link."""
    query = st.query_params
    return {part: query[slot.name(part)] for part in PARTS if slot.name(part) in query}


def put(slot: Slot, **parts: str | None) -> None:
    """Write parts into the link, in a callback or before `st.rerun()`; None takes one out."""
    mend()
    _write(slot, parts)
    _note_link()


def restore(slot: Slot) -> None:
    """At the start of a page: where the link says nothing, go on with what was looked at last."""
    if not read(slot) and not locked():
        _write(slot, st.session_state.get(_MEMORY, {}))
    remember(slot)
    _note_link()


def mend() -> None:
    """Undo what the message behind a tick or a click says by mistake.

    A browser sends the link with every message. One sent before the last change had reached it
    brings the link from before, which would take the change back.
    """
    before, known = st.session_state.get(_LINKS, ({}, {}))
    link = st.query_params.to_dict()
    mended = dict(link)
    for name in before.keys() | known.keys():
        if link.get(name) == before.get(name) != known.get(name):
            mended.pop(name, None)
            if name in known:
                mended[name] = known[name]
    if mended != link:
        st.query_params.from_dict(mended)


def _write(slot: Slot, parts: Mapping[str, str | None]) -> None:
    query = st.query_params
    for part, value in parts.items():
        name = slot.name(part)
        if value is None:
            query.pop(name, None)
        elif query.get(name) != value:
            query[name] = value
    remember(slot)


def _note_link() -> None:
    link = st.query_params.to_dict()
    _, known = st.session_state.get(_LINKS, ({}, {}))
    if link != known:
        st.session_state[_LINKS] = known, link


def remember(slot: Slot) -> None:
    """For the next page: the first subject of this one."""
    if slot == MAIN:
        st.session_state[_MEMORY] = read(slot)


def locked() -> bool:
    """Whether the link hides what chooses: a teacher's `lock=1`."""
    return st.query_params.get("lock") == "1"
