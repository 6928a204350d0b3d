"""What the time machine asks the engine for, and what it keeps."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.protocol import EngineError
from models.references import RunRef
from tests.ui.test_time_panels import make_moments
from training.events import Progress
from training.history import History
from training.run_store import EventWriter, RunStore
from training.spec import TrainSpec
from ui.time import past
from ui.time.past import (
    Question,
    filter_moves,
    gather,
    is_active,
    steps_now,
    training_loss,
)
from viz.results.history import MAX_MOMENTS, FilterMoves, Moments


class Engine:
    """Answers with moments made by hand and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.compared: list[list[int]] = []
        self.problem = ""

    def glance(self, lens: str, model: str, image: str = "", **options: Any) -> Any:
        if lens == "filter_moves":
            steps = tuple(options["steps"])
            self.compared.append(list(steps))
            norms = np.array([after - before for before, after in itertools.pairwise(steps)])
            return FilterMoves(options["layer"], steps, norms.astype(np.float32))
        assert lens == "history"
        if self.problem:
            raise EngineError(self.problem)
        self.asked.append(options["steps"])
        return make_moments(steps=tuple(options["steps"]))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine()
    monkeypatch.setattr(past, "glance", engine.glance)
    past.forget()
    yield engine
    past.forget()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(tmp_path))
    return RunStore(tmp_path)


@pytest.fixture
def run_id(store: RunStore) -> str:
    return store.new_run(TrainSpec())


def history_of(store: RunStore, run_id: str, steps: tuple[int, ...]) -> History:
    """A run whose snapshots exist, as far as anybody looks."""
    for step in steps:
        path = store.snapshot_path(run_id, step)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(b"")
    return History(RunRef(run_id), run_id, TrainSpec(), steps, store)


def gathered(question: Question, history: History) -> Moments:
    found = gather(question, history)
    assert found is not None
    return found


def shown(found: Moments | None) -> list[int]:
    assert found is not None
    return [one.step for one in found.moments]


def test_a_growing_run_is_asked_for_what_is_new(
    engine: Engine, store: RunStore, run_id: str
) -> None:
    question = Question(f"run:{run_id}", "digits/test/0", "conv1", "conv2")
    steps = (0, 1, 2)
    assert shown(gather(question, history_of(store, run_id, steps))) == [0, 1, 2]
    assert shown(gather(question, history_of(store, run_id, (*steps, 3)))) == [0, 1, 2, 3]
    assert shown(gather(question, history_of(store, run_id, (*steps, 3)))) == [0, 1, 2, 3]
    assert engine.asked == [[0, 1, 2], [3]]


def test_another_question_is_another_answer(engine: Engine, store: RunStore, run_id: str) -> None:
    history = history_of(store, run_id, (0, 1))
    first = Question(f"run:{run_id}", "digits/test/0", "conv1", "conv2")
    gather(first, history)
    gather(dataclasses.replace(first, image="digits/test/1"), history)
    gather(dataclasses.replace(first, layer="pool1"), history)
    gather(first, history)
    assert len(engine.asked) == 3


def test_many_moments_are_asked_for_in_parts_and_parts_are_kept(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "CHUNK", 4)
    question = Question(f"run:{run_id}", "digits/test/0", None, None)
    history = history_of(store, run_id, tuple(range(10)))
    ask = engine.glance

    def fail_later(*arguments: Any, **options: Any) -> Moments:
        found: Moments = ask(*arguments, **options)
        engine.problem = "A snapshot has gone."
        return found

    monkeypatch.setattr(past, "glance", fail_later)
    with pytest.raises(EngineError, match="has gone"):
        gather(question, history)
    engine.problem = ""
    monkeypatch.setattr(past, "glance", ask)
    assert shown(gather(question, history)) == list(range(10))
    assert engine.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_long_past_is_thinned(engine: Engine, store: RunStore, run_id: str) -> None:
    question = Question(f"run:{run_id}", "digits/test/0", None, None)
    found = gather(question, history_of(store, run_id, tuple(range(0, 400, 4))))
    assert 2 < len(shown(found)) <= MAX_MOMENTS
    assert (shown(found)[0], shown(found)[-1]) == (0, 396)


def test_a_moment_that_a_link_names_is_there(engine: Engine, store: RunStore, run_id: str) -> None:
    question = Question(f"run:{run_id}", "digits/test/0", None, None)
    history = history_of(store, run_id, tuple(range(0, 400, 4)))
    usual = shown(gather(question, history))
    left_out = next(step for step in history.steps if step not in usual)
    found = shown(gather(question, history, also=(left_out, None, 3)))
    assert found == sorted([*usual, left_out])
    assert engine.asked[-1] == [left_out]


def test_after_a_rewind_the_same_number_is_another_moment(
    engine: Engine, store: RunStore, run_id: str
) -> None:
    question = Question(f"run:{run_id}", "digits/test/0", None, None)
    history = history_of(store, run_id, (0, 1))
    gather(question, history)
    os.utime(store.snapshot_path(run_id, 1), ns=(5, 5))
    gather(question, history)
    assert engine.asked == [[0, 1], [1]]


def test_what_is_kept_is_bounded(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = history_of(store, run_id, (0,))
    question = Question(f"run:{run_id}", "0", None, None)
    gather(question, history)
    one = past._size(make_moments(steps=(0,)).moments[0])
    monkeypatch.setattr(past, "MAX_KEPT_BYTES", 2 * one)
    for image in "123":
        gather(dataclasses.replace(question, image=image), history)
    assert len(past._kept) == 2
    gather(dataclasses.replace(question, image="3"), history)
    assert len(engine.asked) == 4
    gather(question, history)
    assert len(engine.asked) == 5


def test_two_questions_at_once_in_a_tiny_cache_both_get_all(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the parts of one question the other drops what was kept of it."""
    monkeypatch.setattr(past, "CHUNK", 2)
    monkeypatch.setattr(past, "MAX_KEPT_BYTES", 1)
    history = history_of(store, run_id, tuple(range(6)))
    one = Question(f"run:{run_id}", "digits/test/1", None, None)
    other = dataclasses.replace(one, image="digits/test/2")
    between: list[list[int]] = []

    def interrupted(lens: str, model: str, image: str, **options: Any) -> Any:
        if image == one.image:
            between.append(shown(gather(other, history)))
        return engine.glance(lens, model, image, **options)

    monkeypatch.setattr(past, "glance", interrupted)
    assert shown(gather(one, history)) == list(range(6))
    assert between == [list(range(6))] * 3
    assert shown(gather(one, history)) == list(range(6))


def test_a_growing_run_is_compared_with_the_last_moment_alone(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "CHUNK", 2)
    question = Question(f"run:{run_id}", "digits/test/0", "conv1", None)
    history = history_of(store, run_id, (0, 1, 3, 9))
    assert filter_moves(question, history, gathered(question, history)) == [1, 2, 6]
    history = history_of(store, run_id, (0, 1, 3, 9, 10))
    found = gathered(question, history)
    assert filter_moves(question, history, found) == [1, 2, 6, 1]
    assert engine.compared == [[0, 1, 3], [3, 9], [9, 10]]
    os.utime(store.snapshot_path(run_id, 10), ns=(5, 5))  # rewound
    assert filter_moves(question, history, found) == [1, 2, 6, 1]
    assert engine.compared[3:] == [[9, 10]]
    bare = dataclasses.replace(found, filter_layer="")
    assert filter_moves(question, history, bare) == []


def test_nothing_kept_yet_is_no_error(engine: Engine, store: RunStore, run_id: str) -> None:
    question = Question(f"run:{run_id}", "digits/test/0", None, None)
    assert gather(question, history_of(store, run_id, ())) is None


def test_the_curve_is_the_runs_own(store: RunStore, run_id: str) -> None:
    numbers: dict[str, Any] = {"epoch": 0.0, "accuracy": 0.1, "lr": 0.1, "images_per_second": 1.0}
    numbers |= {"forward_ms": 1.0, "backward_ms": 1.0, "seconds_left": 1.0}
    with EventWriter(store.events_path(run_id)) as writer:
        for step in (1, 2, 5):
            writer.write(Progress(step=step, loss=2.0 / step, **numbers))
    curve = training_loss(history_of(store, run_id, (0,)))
    assert curve.steps.tolist() == [1, 2, 5]
    assert curve.values.tolist() == [2.0, 1.0, 0.4]


def test_a_deleted_run_is_no_longer_active(store: RunStore, run_id: str) -> None:
    history = history_of(store, run_id, (0, 1))
    assert steps_now(history) == (0, 1)
    history_of(store, run_id, (0, 1, 2))
    assert steps_now(history) == (0, 1, 2)
    shutil.rmtree(store.path(run_id))
    assert not is_active(history)
    assert steps_now(history) == ()
