"""Glances: one question at a time, each answer shown once, and dear ones longer on a live page."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from engine.protocol import Capacity, EngineError
from tests.waiting import wait_until
from ui import looking, runtime
from ui.looking import NotYetError, glance


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(looking, "time", clock)
    monkeypatch.setattr(looking, "_questions", {})
    return clock


@pytest.fixture
def answers(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the next answers take; they are 0, 1, 2, …"""
    seconds: list[float] = []
    count = itertools.count()

    def look(*_: Any, **__: Any) -> int:
        clock.now += seconds.pop(0)
        return next(count)

    monkeypatch.setattr(looking, "look", look)
    return seconds


def test_a_cheap_answer_is_asked_for_at_every_tick(clock: Clock, answers: list[float]) -> None:
    answers += [0.02, 0.02]
    assert glance("x", patience=5) == 0
    clock.now += 1
    assert glance("x", patience=5) == 1


def test_a_dear_answer_is_shown_for_longer(clock: Clock, answers: list[float]) -> None:
    answers += [0.09, 0.09]
    assert glance("x", patience=5) == 0
    clock.now += 2.9  # 0.09 s are 3 % of 3 s
    assert glance("x", patience=5) == 0
    clock.now += 0.2
    assert glance("x", patience=5) == 1


def test_however_dear_it_is_not_kept_for_ever(clock: Clock, answers: list[float]) -> None:
    answers += [60, 0.1]
    assert glance("x", patience=5) == 0
    clock.now += 5.1
    assert glance("x", patience=5) == 1


def test_a_page_that_waits_gets_a_new_answer(clock: Clock, answers: list[float]) -> None:
    answers += [0.09, 0.09]
    assert glance("x", patience=5) == 0
    assert glance("x") == 1


def test_an_answer_that_came_too_late_is_taken_later(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    done = threading.Event()

    def look(*_: Any, **__: Any) -> str:
        go.wait(30)
        done.set()
        return "late"

    monkeypatch.setattr(looking, "look", look)
    with pytest.raises(NotYetError):
        glance("x", patience=0.01)
    go.set()
    assert done.wait(30)
    assert glance("x", patience=30) == "late"


def test_a_refusal_is_said_once_and_asked_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise EngineError("no")

    monkeypatch.setattr(looking, "look", refuse)
    with pytest.raises(EngineError, match="no"):
        glance("x", patience=5)
    monkeypatch.setattr(looking, "look", lambda *_, **__: "yes")
    assert glance("x", patience=5) == "yes"


def test_one_question_after_the_other_is_asked_by_one_thread(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by: set[int] = set()
    monkeypatch.setattr(looking, "look", lambda *_, **__: asked_by.add(threading.get_ident()))
    glance("x")
    wait_until(lambda: looking._idle > 0, "the thread waits again")
    before = looking._idle
    for _ in range(5):
        glance("x")
        wait_until(lambda: looking._idle == before, "the thread waits again")
    assert len(asked_by) <= before


def test_questions_do_not_wait_for_each_other(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of ten can only be answered when all have been asked; the threads do not all stay."""
    together = threading.Barrier(10, timeout=30)
    monkeypatch.setattr(looking, "look", lambda lens, **_: together.wait())
    askers = [threading.Thread(target=glance, args=(f"x{n}",)) for n in range(10)]
    monkeypatch.setattr(looking, "_wait", lambda question: question.done.wait(30))
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not together.broken
    wait_until(lambda: 0 < looking._idle <= looking._MAX_IDLE, "the others have gone")


class Warming:
    """An engine that counts how often it is asked whether it is ready."""

    def __init__(self) -> None:
        self.ready, self.asked = False, 0

    def capacity(self) -> Capacity:
        """As it is set."""
        self.asked += 1
        return Capacity(ready=self.ready, slots=1, running=0, queued=0, device="", pid=0)

    def look(self, lens: str, *_: Any, **__: Any) -> str:
        """Its name."""
        return lens


def test_a_warm_engine_is_taken_to_be_warm_for_a_while(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Warming()
    monkeypatch.setattr(runtime, "engine", lambda: engine)
    for _ in range(2):
        with pytest.raises(NotYetError):
            looking.look("x")
    assert engine.asked == 2  # a cold one may be warm at any moment
    engine.ready = True
    assert [looking.look("x"), looking.look("y"), looking.is_warm()] == ["x", "y", True]
    assert engine.asked == 3
    clock.now += looking._WARM_SECONDS + 1
    looking.look("x")
    assert engine.asked == 4
    other = Warming()
    monkeypatch.setattr(runtime, "engine", lambda: other)
    assert not looking.is_warm()
