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
from queue import SimpleQueue
from typing import Any, Final

import streamlit as st

from engine.protocol import Engine, EngineError
from ui import runtime

TICK_PATIENCE: Final = 0.5
"""Seconds that a live page waits for a picture before it goes on."""
LIVE_SHARE: Final = 0.03
"""Of the time that a live page may spend on looking, whatever the network costs."""
_SLICE_SECONDS: Final = 0.2
_KEPT_SECONDS: Final = 5.0  # that an answer nobody took is worth showing
_WARM_SECONDS: Final = 10.0  # that an engine which was warm is taken to be warm
_MAX_IDLE: Final = 4  # threads that wait for the next question


class NotYetError(EngineError):
    """There will be a picture in a moment; asking again is all there is to do."""


def is_warm() -> bool:
    """Whether the engine can answer; true also when there is none, which looking then says."""
    try:
        return _ready(runtime.engine())
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
    if not _ready(engine):
        raise NotYetError("The engine is warming up; pictures come in a few seconds.")
    return engine.look(lens, model, image, timeout=timeout, **options)


def _ready(engine: Engine) -> bool:
    """Whether it has warmed up. What was so a moment ago is not asked again at every tick: it can
    only have changed if the engine died, and then the question itself waits for the new one."""
    global _warm
    warm, until = _warm
    if warm is engine and time.monotonic() < until:
        return True
    ready = engine.capacity().ready
    if ready:
        _warm = engine, time.monotonic() + _WARM_SECONDS
    return ready


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
        patience: seconds that a live page waits before it goes on without. What took t seconds is
            then shown for t / `LIVE_SHARE` (5 s at most) before it is asked for anew: on a small
            machine every look holds the training up. None waits to the end and shows for how long
            already.

    Raises:
        NotYetError: it warms up, or patience has ended; the answer is there for a later glance.
        EngineError: what `Engine.look` raises.
    """
    question = _ask(lens, model, image, timeout, options, live=patience is not None)
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
        self._seconds = 0.0  # that the answer took
        self._at = 0.0
        self._taken = False

    @property
    def stale(self) -> bool:
        """Whether its answer is too old to be shown as what the network is now."""
        return self.done.is_set() and time.monotonic() - self._at > _KEPT_SECONDS

    def serves(self, *, live: bool) -> bool:
        """Whether to wait for this one, or show its answer, instead of asking anew: each answer is
        shown once, and on a live page for as long as another would be too dear."""
        if self.stale:
            return False
        dear = time.monotonic() - self._at < self._seconds / LIVE_SHARE
        return not self._taken or (live and dear and self._error is None)

    def run(self) -> None:
        """Ask; what the engine refuses is kept for those who wait."""
        begin = time.monotonic()
        try:
            self._answer = look(**self._arguments)
        except EngineError as error:
            self._error = error
        finally:
            self._at = time.monotonic()
            self._seconds = self._at - begin
            self.done.set()

    def take(self) -> Any:
        """The answer, once it is there."""
        with _lock:
            self._taken = True
            for key, question in list(_questions.items()):
                if question.stale:
                    del _questions[key]
        if self._error is not None:
            raise self._error
        return self._answer


_lock = threading.Lock()
_questions: dict[str, _Question] = {}
_waiting: SimpleQueue[_Question] = SimpleQueue()
_idle = 0  # threads that wait for a question, less the questions that wait for them
_warm: tuple[Engine | None, float] = (
    None,
    0.0,
)  # the engine found warm last, until when that holds


def _start(question: _Question) -> None:
    """Have it asked, by a thread that has just asked another if there is one: a tick has one look,
    and starting a thread for it costs more than the rest of asking. Call with the lock held."""
    global _idle
    _waiting.put(question)
    _idle -= 1
    if _idle < 0:
        threading.Thread(target=_answer, name="look", daemon=True).start()
        _idle += 1


def _answer() -> None:
    global _idle
    while True:
        _waiting.get().run()
        with _lock:
            if _idle >= _MAX_IDLE:
                return
            _idle += 1


def _ask(
    lens: str,
    model: str | None,
    image: str | None,
    timeout: float,
    options: dict[str, Any],
    *,
    live: bool,
) -> _Question:
    """The question that is under way already, or a new one."""
    key = json.dumps([lens, model, image, options], sort_keys=True)
    with _lock:
        question = _questions.get(key)
        if question is None or not question.serves(live=live):
            arguments = {"lens": lens, "model": model, "image": image, "timeout": timeout}
            question = _questions[key] = _Question({**arguments, **options})
            _start(question)
    return question


def _wait(question: _Question) -> None:
    if question.done.wait(_SLICE_SECONDS):
        return
    begin, line = time.monotonic(), st.empty()
    while not question.done.wait(_SLICE_SECONDS):
        # Drawing is also where Streamlit ends this script when the person has clicked elsewhere.
        line.caption(f"Computing… {time.monotonic() - begin:.0f} s")
    line.empty()
