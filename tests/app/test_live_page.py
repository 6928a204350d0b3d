"""The page of one run when something is not as usual: a cold or slow engine, a stopped or deleted run,
a data set or a network that is gone."""

from __future__ import annotations

import dataclasses
import functools
import math
import shutil
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from data.catalogue import DataError
from engine.client import LocalEngine
from engine.protocol import Capacity, Engine, EngineError
from tests.app.conftest import QUICK
from tests.app.test_pages import LIVE, errors, html
from tests.waiting import wait_until
from training.events import Control, Evaluated, Started
from training.follow import RunFollower
from training.run_store import EventWriter, RunStatus, RunStore
from training.spec import NamedNetwork
from ui import confusion, looking, run_controls, runtime
from ui.charts import setting_marks
from ui.looking import NotYetError, glance, look
from viz.results import Evaluation, ImageSet

Open = Callable[..., AppTest]


def captions(app: AppTest) -> str:
    return "\n".join(element.value for element in app.caption)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lenses that were asked for, by name."""
    asked: list[str] = []
    original = LocalEngine.look

    def record(self: LocalEngine, lens: str, *args: Any, **options: Any) -> Any:
        asked.append(lens)
        return original(self, lens, *args, **options)

    monkeypatch.setattr(LocalEngine, "look", record)
    return asked


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """An engine that is still warming up; call what this gives to end that."""
    original = LocalEngine.capacity
    warm = threading.Event()

    def capacity(self: LocalEngine) -> Capacity:
        return dataclasses.replace(original(self), ready=warm.is_set())

    monkeypatch.setattr(LocalEngine, "capacity", capacity)
    monkeypatch.setattr(looking, "_warm", (None, 0.0))  # what an earlier test knew
    return warm.set


@pytest.fixture
def stopped_run(engine: Engine) -> str:
    """A run stopped between two validations: its newest weights were never measured."""
    spec = QUICK.model_copy(update={"epochs": 500, "validate_every": 0})
    run_id = engine.submit(spec)
    store = RunStore()

    def trained() -> bool:
        follower = RunFollower(store, run_id)
        follower.refresh()
        return follower.validation is not None

    wait_until(trained, "it trained")
    engine.control(run_id, "pause")
    wait_until(lambda: engine.status(run_id).state == "paused", "it is paused")
    step = _step_of(store, run_id)
    steps_per_epoch = math.ceil(1257 / QUICK.batch_size)
    while True:  # one more, and on to where no epoch ends
        engine.control(run_id, "step")
        step += 1
        wait_until(functools.partial(_has_made, store, run_id, step), "the update is made")
        if step % steps_per_epoch:
            break
    engine.control(run_id, "stop")
    wait_until(lambda: not engine.status(run_id).active, "the run is over")
    return run_id


def _has_made(store: RunStore, run_id: str, step: int) -> bool:
    return _step_of(store, run_id) >= step


def _step_of(store: RunStore, run_id: str) -> int:
    follower = RunFollower(store, run_id)
    follower.refresh()
    return 0 if follower.progress is None else follower.progress.step


def test_a_cold_engine_holds_no_page_up(
    open_page: Open, finished_run: str, looks: list[str], cold: Callable[[], None]
) -> None:
    app = open_page(LIVE, run=finished_run, view="predictions")
    assert errors(app) == []
    assert "warming up" in captions(app)
    assert len(app.get("plotly_chart")) == 2
    assert looks == []
    with pytest.raises(NotYetError, match="warming up"):
        look("filters", f"run:{finished_run}")
    cold()
    app.run()
    assert "✓" in html(app)
    assert "warming up" not in captions(app)


def test_a_slow_picture_is_asked_once_and_taken_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving early must not end the computation, or a slow one would never be done."""
    go, asked = threading.Event(), []

    def slow(*args: Any, **options: Any) -> str:
        asked.append(args)
        go.wait(30)
        return "picture"

    monkeypatch.setattr(looking, "look", slow)
    for _ in range(3):
        with pytest.raises(NotYetError):
            glance("filters", "run:x", patience=0.0)
    go.set()
    assert glance("filters", "run:x", patience=30.0) == "picture"
    assert len(asked) == 1
    assert glance("filters", "run:x") == "picture"
    assert len(asked) == 2  # what is taken is not shown again as new where nothing is live


def test_what_the_engine_refuses_reaches_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise EngineError("No.")

    monkeypatch.setattr(looking, "look", refuse)
    with pytest.raises(EngineError, match="No"):
        glance("filters", "run:y", patience=30.0)


def test_the_last_picture_stays_while_the_next_is_computed(
    open_page: Open, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = engine.submit(QUICK.model_copy(update={"epochs": 5000}))
    try:
        wait_until(lambda: _step_of(RunStore(), run_id) > 0, "it trains")
        engine.control(run_id, "pause")
        wait_until(lambda: engine.status(run_id).state == "paused", "it is paused")
        look("predictions", f"run:{run_id}", count=18)  # the worker is warm from here on
        app = open_page(LIVE, run=run_id, view="predictions")
        assert "✓" in html(app)

        def slow(*args: Any, **options: Any) -> None:
            raise NotYetError("Still computing this picture…")

        monkeypatch.setattr("ui.views.glance", slow)
        app.run()
        assert errors(app) == []
        assert "✓" in html(app)
        assert "Still computing" in captions(app)
    finally:
        engine.control(run_id, "stop")
        wait_until(lambda: not engine.status(run_id).active, "the run is over")


def test_opening_confusion_classifies_nothing_until_asked(
    open_page: Open, finished_run: str, looks: list[str]
) -> None:
    app = open_page(LIVE, run=finished_run, view="confusion")
    assert "evaluation" not in looks
    app.button(key="live.mistakes").click().run()
    assert errors(app) == []
    assert "evaluation" in looks


@pytest.mark.parametrize("which", ["finished_run", "stopped_run"])
def test_every_confusion_cell_counts_its_images(
    engine: Engine,
    which: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = request.getfixturevalue(which)
    follower = RunFollower(RunStore(), run_id)
    follower.refresh()
    drawn: list[Any] = []
    session: dict[str, Any] = {confusion.ALL_MISTAKES: True}
    monkeypatch.setattr("streamlit.session_state", session)
    monkeypatch.setattr(confusion, "_draw", lambda matrix, *args, **kwargs: drawn.append(matrix))
    found: list[tuple[str, Evaluation]] = []
    monkeypatch.setattr(
        confusion, "render_images", lambda model, scores, cell: found.append((model, scores))
    )
    confusion.view_confusion(follower, engine.status(run_id))
    [(model, scores)], [matrix] = found, drawn
    for true in range(10):
        for predicted in range(10):
            images = scores.cell(true, predicted)
            assert len(images) == matrix.counts[true, predicted]
    measured = follower.test or follower.validation
    assert measured is not None
    if which == "finished_run":
        assert np.array_equal(np.array(measured.confusion), matrix.counts)
    else:
        assert follower.snapshots[-1] == scores.step
        assert measured.step < follower.snapshots[-1]
        assert f"Update {scores.step:,}" in matrix.words
    some = scores.cell(1, 1)
    pictures: ImageSet = look("images", model, split=scores.split, indices=some.tolist())
    assert len(pictures.images) == matrix.counts[1, 1]


def test_a_run_deleted_while_watched_is_a_sentence(open_page: Open, engine: Engine) -> None:
    run_id = RunStore().new_run(QUICK)
    RunStore().write_status(run_id, RunStatus(state="stopped", message="Stopped."))
    app = open_page(LIVE, run=run_id)
    assert errors(app) == []
    with pytest.MonkeyPatch.context() as patch:
        spec = RunStore().spec(run_id)
        shutil.rmtree(RunStore().path(run_id))
        # the page saw it a moment ago: only what comes later finds it gone
        patch.setattr(RunStore, "spec", lambda self, name: spec)
        app.run()
    assert errors(app) == []
    assert "deleted" in app.error[0].value


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (RunStatus(state="unreadable", message="It cannot be read."), "error"),
        (RunStatus(state="failed", reason="worker_crash", message="Lost twice."), "error"),
        (RunStatus(state="stopped", reason="killed", message="It did not answer."), "caption"),
        (RunStatus(state="running", message="The worker was lost; it went on."), "caption"),
        (RunStatus(state="done", reason="done", message="All 9 steps done."), ""),
    ],
)
def test_what_happened_is_said(
    open_page: Open, engine: Engine, status: RunStatus, shown: str
) -> None:
    run_id = RunStore().new_run(QUICK)
    RunStore().write_status(run_id, status)
    app = open_page(LIVE, run=run_id)
    words = status.message.replace(".", "\\.")
    assert errors(app) == []
    assert (words in "".join(element.value for element in app.error)) == (shown == "error")
    assert (words in captions(app)) == (shown == "caption")


def _write(run_id: str, events: list[Any]) -> None:
    with EventWriter(RunStore().events_path(run_id)) as writer:
        for event in events:
            writer.write(event)


STARTED = Started(
    step=0, device="cpu", num_train=9, num_val=9, num_test=9, total_steps=9, steps_per_epoch=3,
    num_params=5,
)  # fmt: skip


def test_inputs_show_the_last_change_whoever_made_it(open_page: Open, engine: Engine) -> None:
    run_id = RunStore().new_run(QUICK)
    RunStore().write_status(run_id, RunStatus(state="running"))
    _write(run_id, [STARTED])
    app = open_page(LIVE, run=run_id)
    rate = app.number_input(key=f"live.set.{run_id}.lr.0")
    assert rate.value == QUICK.optimizer.lr
    _write(run_id, [Control(step=1, time=7.5, action="set", field="lr", value=0.0)])
    app.run()
    assert errors(app) == []
    assert app.number_input(key=f"live.set.{run_id}.lr.7.5").value == 0.0


def test_marks_of_one_step_and_setting_are_one() -> None:
    changes = [
        Control(step=0, action="set", field="lr", value=0.5),
        Control(step=0, action="set", field="lr", value=0.25),
        Control(step=2, action="set", field="weight_decay", value=0.0),
        Control(step=3, action="pause"),
    ]
    marks = [(mark.step, mark.text) for mark in setting_marks(changes)]
    assert marks == [(0, "lr 0.25"), (2, "decay 0")]


def test_asking_for_health_is_silent_when_nothing_trains(engine: Engine, finished_run: str) -> None:
    with pytest.raises(EngineError):
        engine.control(finished_run, "watch", value=1.0)
    run_controls.ask_for_health(finished_run)


def test_a_lost_data_set_leaves_what_needs_none(
    open_page: Open, finished_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(spec: Any) -> None:
        raise DataError("Those images are not here any more.")

    monkeypatch.setattr(runtime, "dataset_info", gone)
    app = open_page(LIVE, run=finished_run, view="about")
    assert errors(app) == []
    labels = [button.proto.label for button in app.get("download_button")]
    assert "Weights, safetensors" in labels
    assert "Settings, JSON" in labels
    assert "All measurements, CSV" in labels
    assert not [label for label in labels if "script" in label]
    assert "not here any more" in captions(app)
    assert runtime.classes(finished_run) == tuple(map(str, range(10)))


def test_a_network_that_is_not_known_any_more_is_a_sentence(
    open_page: Open, engine: Engine
) -> None:
    run_id = RunStore().new_run(QUICK.model_copy(update={"network": NamedNetwork(name="gone_net")}))
    RunStore().write_status(run_id, RunStatus(state="stopped"))
    for view in ("about", "predictions"):
        app = open_page(LIVE, run=run_id, view=view)
        assert errors(app) == []
    app = open_page(LIVE, run=run_id, view="about")
    assert "gone" in captions(app)


def test_classes_fall_back_to_whatever_was_measured(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(spec: Any) -> None:
        raise DataError("Gone.")

    monkeypatch.setattr(runtime, "dataset_info", gone)
    run_id = RunStore().new_run(QUICK)
    scores = Evaluated(
        step=1, split="val", epoch=0.1, complete=False, loss=1.0, accuracy=0.5,
        confusion=((1, 0), (1, 0)),
    )  # fmt: skip
    _write(run_id, [STARTED, scores])
    runtime.follower(run_id).refresh()
    assert runtime.classes(run_id) == ("0", "1")
