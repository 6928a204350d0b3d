"""Pictures that grow while they are computed: what is known so far, a bar, and a button that stops.

A long lens yields better and better results; the page draws each into the same place. Whoever has
seen enough presses Stop and keeps what is there; whoever clicks elsewhere leaves, and the engine
ends what nobody waits for. Answers that are complete come back at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import runtime
from ui.looking import NotYetError

_KEPT: Final = "streaming.stopped"
"""Session key of what was there when its visitor pressed Stop, by key."""
_LINK: Final = "stopped"
"""In the link the key of what was stopped: a page that is loaded anew does not start it by itself."""


@dataclass(frozen=True)
class Asked:
    """One of the questions of `watch_all`."""

    lens: str
    title: str  # for the bar
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Together:
    """What several questions have given so far."""

    share: float  # of all
    found: dict[str, Any] = field(default_factory=dict)  # latest result by lens
    problems: dict[str, str] = field(default_factory=dict)  # why one gave none, by lens


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
    place, line = st.empty(), st.empty()
    stopped, kept = _stopped(key, question)
    if stopped:
        return _rest(key, kept, place, line, draw)
    engine = runtime.engine()
    _check_warm(engine)
    bar: _Bar | None = None
    latest: Any = None
    try:
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
    except EngineError:
        line.empty()  # there is nothing left to stop
        raise
    line.empty()
    st.session_state.pop(f"{key}.latest", None)
    return latest


def watch_all(
    asked: Sequence[Asked],
    model: str | None,
    /,
    *,
    key: str,
    draw: Callable[[Together], None],
    timeout: float = 300.0,
) -> Together:
    """Several questions one after the other under one bar with one Stop, which ends them all.

    The bar stands above what is drawn. A question that cannot be answered leaves its sentence in
    `problems`, and the next one is asked.

    Args:
        asked: in their order; a lens once.
        model: of all.
        key: of this place on the page.
        draw: fills one place with what there is; called anew for each result.
        timeout: seconds for each question.

    Raises:
        NotYetError: the engine warms up.
    """
    question = json.dumps([model, [[one.lens, dict(one.options)] for one in asked]], sort_keys=True)
    line, place = st.empty(), st.empty()
    stopped, kept = _stopped(key, question)
    if stopped:
        rest = _rest(key, kept, place, line, draw, "Compute the rest")
        return Together(0.0) if rest is None else rest
    engine = runtime.engine()
    _check_warm(engine)
    bar: _Bar | None = None
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    latest = Together(0.0 if asked else 1.0)
    for done, one in enumerate(asked):
        try:
            with closing(engine.watch(one.lens, model, timeout=timeout, **one.options)) as results:
                for result in results:
                    if result is not None:
                        found[one.lens] = result
                    share = float(found[one.lens].share) if one.lens in found else 0.0
                    latest = Together((done + share) / len(asked), dict(found), dict(problems))
                    if share < 1.0 or bar is not None:
                        bar = bar or _Bar(line, key, question)
                        bar.show(latest.share, latest, f"{one.title}, {done + 1} of {len(asked)}")
                    if result is not None:
                        with place.container():
                            draw(latest)
        except EngineError as error:
            problems[one.lens] = str(error)
            latest = Together((done + 1) / len(asked), dict(found), dict(problems))
            with place.container():
                draw(latest)
    line.empty()
    st.session_state.pop(f"{key}.latest", None)
    return latest


def _check_warm(engine: Any) -> None:
    if not engine.capacity().ready:
        raise NotYetError("The engine is warming up; pictures come in a few seconds.")


def _stopped(key: str, question: str) -> tuple[bool, Any]:
    """Whether this question was stopped, and what there was then (None: nothing, or forgotten)."""
    stopped: dict[str, tuple[str, Any]] = st.session_state.setdefault(_KEPT, {})
    if key not in stopped:
        return st.query_params.get(_LINK) == key, None
    if stopped[key][0] == question:
        return True, stopped[key][1]
    _go_on(key)
    return False, None


class _Bar:
    """How far it is, and the button that ends it."""

    def __init__(self, line: Any, key: str, question: str) -> None:
        self._key = key
        self._question = question
        self._begin = time.monotonic()
        with line.container(horizontal=True, vertical_alignment="center"):
            self._bar = st.empty()
            st.button(
                "Stop", icon=":material/stop:", key=f"{key}.stop", type="tertiary",
                on_click=_stop, args=(key,),
            )  # fmt: skip

    def show(self, share: float, latest: Any, what: str = "") -> None:
        """Draw the share, and remember what there is in case Stop is pressed next."""
        waited = f"Computing… {time.monotonic() - self._begin:.0f} s"
        words = f"{100 * share:.0f} %" if share else waited
        self._bar.progress(share, f"{words} · {what}" if what else words)
        st.session_state[f"{self._key}.latest"] = self._question, latest


def _stop(key: str) -> None:
    latest = st.session_state.pop(f"{key}.latest", None)
    if latest is not None:
        st.session_state.setdefault(_KEPT, {})[key] = latest
    st.query_params[_LINK] = key


def _go_on(key: str) -> None:
    st.session_state.setdefault(_KEPT, {}).pop(key, None)
    if st.query_params.get(_LINK) == key:
        st.query_params.pop(_LINK)


def _rest(
    key: str,
    latest: Any,
    place: Any,
    line: Any,
    draw: Callable[[Any], None],
    words: str = "Compute it all",
) -> Any:
    """What was there when Stop was pressed, and the way on."""
    if latest is not None:
        with place.container():
            draw(latest)
    with line.container(horizontal=True, vertical_alignment="center"):
        done = (
            f"Stopped at {100 * latest.share:.0f} %."
            if latest is not None
            else "Stopped; nothing is kept of it."
        )
        st.caption(done)
        st.button(
            words, icon=":material/play_arrow:", key=f"{key}.all", type="tertiary",
            on_click=_go_on, args=(key,),
        )  # fmt: skip
    return latest
