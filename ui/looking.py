"""How pages look into networks: never while the engine warms up, never at the price of the curves.

`look` waits for its answer and suits what has no picture on the screen, such as a download. `glance`
is for pages: the question is asked in a thread of its own, so a live page can go on after a moment
and take the answer at a later tick, and a page that does wait shows that it does and lets a click
end the waiting. Giving up early must not end the computation: asked again from the start at every
tick, a slow one would never be done.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import runtime

TICK_PATIENCE: Final = 0.5
"""Seconds that a live page waits for a picture before it goes on."""
_SLICE_SECONDS: Final = 0.2
_KEPT_SECONDS: Final = 5.0  # that an answer nobody took is worth showing


class NotYetError(EngineError):
    """There will be a picture in a moment; asking again is all there is to do."""


def is_warm() -> bool:
    """Whether the engine can answer; true also when there is none, which looking then says."""
    try:
        return runtime.engine().capacity().ready
    except EngineError:
        return True


def look(
    lens: str,
    model: str | None = None,
    image: str | None = None,
    *,
    timeout: float = 30.0,
    **options: Any,
) -> Any:
    """`Engine.look`, but refused at once while the engine warms up.

    Raises:
        NotYetError: it warms up.
        EngineError: what `Engine.look` raises.
    """
    engine = runtime.engine()
    if not engine.capacity().ready:
        raise NotYetError("The engine is warming up; pictures come in a few seconds.")
    return engine.look(lens, model, image, timeout=timeout, **options)


def glance(
    lens: str,
    model: str | None = None,
    image: str | None = None,
    *,
    patience: float | None = None,
    timeout: float = 30.0,
    **options: Any,
) -> Any:
    """`look` from a script run.

    Args:
        patience: seconds to wait before going on without; None waits to the end and shows for how
            long already.

    Raises:
        NotYetError: it warms up, or patience has ended; the answer is there for a later glance.
        EngineError: what `Engine.look` raises.
    """
    question = _ask(lens, model, image, timeout, options)
    if patience is None:
        _wait(question)
    elif not question.done.wait(patience):
        raise NotYetError("Still computing this picture…")
    return question.take()


class _Question:
    """One look under way in a thread of its own, for all who want its answer."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.done = threading.Event()
        self._arguments = arguments
        self._answer: Any = None
        self._error: EngineError | None = None
        self._at = 0.0

    @property
    def stale(self) -> bool:
        """Whether its answer is too old to be shown as what the network is now."""
        return self.done.is_set() and time.monotonic() - self._at > _KEPT_SECONDS

    def run(self) -> None:
        """Ask; what the engine refuses is kept for those who wait."""
        try:
            self._answer = look(**self._arguments)
        except EngineError as error:
            self._error = error
        finally:
            self._at = time.monotonic()
            self.done.set()

    def take(self) -> Any:
        """The answer; the next glance asks anew."""
        with _lock:
            for key, question in list(_questions.items()):
                if question is self or question.stale:
                    del _questions[key]
        if self._error is not None:
            raise self._error
        return self._answer


_lock = threading.Lock()
_questions: dict[str, _Question] = {}


def _ask(
    lens: str, model: str | None, image: str | None, timeout: float, options: dict[str, Any]
) -> _Question:
    """The question that is under way already, or a new one."""
    key = json.dumps([lens, model, image, options], sort_keys=True)
    with _lock:
        question = _questions.get(key)
        if question is None or question.stale:
            arguments = {"lens": lens, "model": model, "image": image, "timeout": timeout}
            question = _questions[key] = _Question({**arguments, **options})
            threading.Thread(target=question.run, name="look", daemon=True).start()
    return question


def _wait(question: _Question) -> None:
    if question.done.wait(_SLICE_SECONDS):
        return
    begin, line = time.monotonic(), st.empty()
    while not question.done.wait(_SLICE_SECONDS):
        # Drawing is also where Streamlit ends this script when the person has clicked elsewhere.
        line.caption(f"Computing… {time.monotonic() - begin:.0f} s")
    line.empty()
