"""A place that begins empty whenever something else is shown in it, such as another tab.

Streamlit keeps what a page drew before until the new run has drawn over it, so under a new tab that
computes for a minute the old one would stand all that time, with its numbers and its Stop button. A
container put in place of a container keeps its children in the browser, and emptying it right before
does not help: both messages travel as one. So there are two places, taken in turns, and the one that
is left is told to be empty in the same breath.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import streamlit as st

_TURN: Final = "fresh."


@contextmanager
def fresh_place(key: str, value: Any) -> Iterator[None]:
    """A container that drops at once what it held for another value.

        view = choice("View", ...)
        with fresh_place("trust.view", view):
            VIEWS[view]()

    Args:
        key: of this place in the session.
        value: what is shown: as long as it stays equal, elements are kept and updated as usual.
    """
    before, turn = st.session_state.get(_TURN + key, (value, 0))
    if before != value:
        turn = 1 - turn
    st.session_state[_TURN + key] = (value, turn)
    places = (st.empty(), st.empty())
    with places[turn].container():
        yield
