"""Pictures that grow while they are computed: what is known so far, a bar, and a button that stops.

A long lens yields better and better results; the page draws each into the same place. Whoever has
seen enough presses Stop and keeps what is there; whoever clicks elsewhere leaves, and the engine
ends what nobody waits for. Answers that are complete come back at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import streamlit as st

from ui import runtime
from ui.looking import NotYetError

_KEPT: Final = "streaming.stopped"
"""Session key of what was there when its visitor pressed Stop, by key."""


def watch(
    lens: str,
    model: str | None = None,
    image: str | None = None,
    /,
    *,
    key: str,
    draw: Callable[[Any], None],
    timeout: float = 300.0,
    **options: Any,
) -> Any:
    """Draw a lens's results as they come; the latest of them, None where nothing came.

    Args:
        lens, model, image, options: as of `Engine.watch`. What the lens yields has a `share` from 0
            to 1 of the work done.
        key: of this place on the page.
        draw: fills one place with one result; called anew for each.
        timeout: seconds.

    Raises:
        NotYetError: the engine warms up.
        EngineError: what `Engine.watch` raises.
    """
    question = json.dumps([lens, model, image, options], sort_keys=True)
    stopped: dict[str, tuple[str, Any]] = st.session_state.setdefault(_KEPT, {})
    place, line = st.empty(), st.empty()
    if key in stopped and stopped[key][0] == question:
        return _rest(key, stopped[key][1], place, line, draw)
    stopped.pop(key, None)
    engine = runtime.engine()
    if not engine.capacity().ready:
        raise NotYetError("The engine is warming up; pictures come in a few seconds.")
    bar: _Bar | None = None
    latest: Any = None
    with closing(engine.watch(lens, model, image, timeout=timeout, **options)) as results:
        for result in results:
            latest = latest if result is None else result
            share = 0.0 if latest is None else float(latest.share)
            if share < 1.0:
                bar = bar or _Bar(line, key, question)
                bar.show(share, latest)  # also where Streamlit ends this script after a click
            if result is not None:
                with place.container():
                    draw(result)
    line.empty()
    st.session_state.pop(f"{key}.latest", None)
    return latest


class _Bar:
    """How far it is, and the button that ends it."""

    def __init__(self, line: Any, key: str, question: str) -> None:
        self._key = key
        self._question = question
        with line.container(horizontal=True, vertical_alignment="center"):
            self._bar = st.empty()
            st.button(
                "Stop", icon=":material/stop:", key=f"{key}.stop", type="tertiary",
                on_click=_stop, args=(key,),
            )  # fmt: skip

    def show(self, share: float, latest: Any) -> None:
        """Draw the share, and remember what there is in case Stop is pressed next."""
        self._bar.progress(share, f"{100 * share:.0f} %" if share else "Computing…")
        st.session_state[f"{self._key}.latest"] = self._question, latest


def _stop(key: str) -> None:
    latest = st.session_state.pop(f"{key}.latest", None)
    if latest is not None:
        st.session_state.setdefault(_KEPT, {})[key] = latest


def _rest(key: str, latest: Any, place: Any, line: Any, draw: Callable[[Any], None]) -> Any:
    """What was there when Stop was pressed, and the way on."""
    if latest is not None:
        with place.container():
            draw(latest)
    with line.container(horizontal=True, vertical_alignment="center"):
        done = f"Stopped at {100 * latest.share:.0f} %." if latest is not None else "Stopped."
        st.caption(done)
        st.button(
            "Compute it all", icon=":material/play_arrow:", key=f"{key}.all", type="tertiary",
            on_click=lambda: st.session_state[_KEPT].pop(key, None),
        )  # fmt: skip
    return latest
