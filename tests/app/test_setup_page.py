"""The setup page keeps what people chose: links, duplicates, hidden widgets, repeated clicks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from data.archives import store_upload
from engine.protocol import Capacity, Engine, EngineError
from training.presets import get_preset
from training.spec import OptimizerSpec, ScheduleSpec, TrainSpec
from ui import runtime, setup
from ui.range_test import sweep_of

Open = Callable[..., AppTest]
LIVE = "pages/train/live.py"
RUNS = "pages/train/runs.py"
MISSING = "20260101-000000-aaaa"


class Recorder:
    """An engine that answers as the real one does and only notes what is to be trained."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.specs: list[TrainSpec] = []
        self.nonces: list[str | None] = []
        self.room = 100

    def submit(self, spec: TrainSpec, *, nonce: str | None = None) -> str:
        """Queue while there is room."""
        if nonce in self.nonces:
            return f"20260101-000000-{self.nonces.index(nonce):04d}".replace("0", "a")
        if len(self.specs) == self.room:
            raise EngineError("The *queue* is full: wait.")
        self.specs.append(spec)
        self.nonces.append(nonce)
        return MISSING

    def capacity(self) -> Capacity:
        """Of the real engine."""
        return self._engine.capacity()

    def look(self, *arguments: Any, **options: Any) -> Any:
        """By the real engine."""
        return self._engine.look(*arguments, **options)


@pytest.fixture
def recorder(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder(engine)
    monkeypatch.setattr(runtime, "engine", lambda: found)
    return found


@pytest.fixture
def run_of(engine: Engine) -> Iterator[Callable[[TrainSpec], str]]:
    """Write a run with these settings, without training it."""
    made: list[str] = []

    def make(spec: TrainSpec) -> str:
        made.append(runtime.store().new_run(spec))
        return made[-1]

    yield make
    for run_id in made:
        runtime.store().delete(run_id)


def value(app: AppTest, key: str) -> Any:
    """What the widget shows."""
    assert [element.message for element in app.exception] == []
    return app.session_state[key]


def go(app: AppTest, path: str, **query: str) -> AppTest:
    """Follow a link within the session."""
    app.switch_page(path)
    app.query_params.clear()
    app.query_params.update(query)
    return app.run()


@pytest.mark.parametrize(
    "query",
    [
        {"smoothing": "0.8", "dropout": "0.95", "every": "200000", "momentum": "0.9995", "lr": "1e-09"},
        {"sched": "one_cycle", "warmup": "0.95", "limit": "5000000", "target": "0.005"},
        {"sched": "step", "gamma": "0.0001", "lr": "5e-324", "dropout": "0.9999999999999999"},
    ],
    ids=lambda query: ",".join(query),
)  # fmt: skip
def test_a_link_is_shown_as_it_is_written(open_page: Open, query: dict[str, str]) -> None:
    app = open_page(LIVE, show="network", **query)
    assert app.warning == []
    for key, text in query.items():
        shown = value(app, key)
        assert shown == (text if key == "sched" else float(text))
        if key != "sched":  # the first preset's own schedule needs no word in the link
            assert "".join(app.query_params[key]) == text


def test_what_a_link_cannot_hold_is_said_as_plain_text(open_page: Open) -> None:
    app = open_page(LIVE, show="network", net="![a](http://x)", sched="range_test", epochs="4")
    assert value(app, "epochs") == 4
    assert value(app, "net") == "lenet5"
    assert len(app.warning) == 2
    said = " ".join(warning.value for warning in app.warning)
    assert "![a](" not in said
    assert "Learning rate tab" in said


def test_a_link_to_no_run_is_plain_text(open_page: Open) -> None:
    assert "![a](" not in open_page(LIVE, run="![a](http://x)").error[0].value
    assert (
        "![a](" not in open_page(LIVE, show="network", **{"from": "![a](http://x)"}).error[0].value
    )


def test_the_link_wins_over_the_run_it_starts_from(open_page: Open, finished_run: str) -> None:
    app = open_page(LIVE, show="network", lr="0.3", **{"from": finished_run})
    assert value(app, "lr") == 0.3
    assert value(app, "epochs") == 2


def test_what_is_set_back_to_the_standard_stays_in_a_link_with_a_run(
    open_page: Open, finished_run: str
) -> None:
    app = open_page(LIVE, show="network", **{"from": finished_run})
    standard = get_preset(setup.START_PRESET).spec.optimizer.lr
    app.number_input(key="lr").set_value(standard).run()
    again = open_page(LIVE, **{name: "".join(texts) for name, texts in app.query_params.items()})
    assert value(again, "lr") == standard != 0.02


def test_duplicate_fills_the_form_each_time(
    open_page: Open, run_of: Callable[[TrainSpec], str]
) -> None:
    first, second = run_of(TrainSpec(epochs=3)), run_of(TrainSpec(epochs=4))
    app = open_page(LIVE, show="network", **{"from": first})
    app.number_input(key="epochs").set_value(77).run()
    go(app, RUNS)
    go(app, LIVE, show="network", **{"from": first})
    assert value(app, "epochs") == 3
    go(app, LIVE, show="network", **{"from": second})  # the form is alive this time
    assert value(app, "epochs") == 4


def test_the_form_outlives_its_run_in_the_link(
    open_page: Open, run_of: Callable[[TrainSpec], str]
) -> None:
    app = open_page(LIVE, show="network", **{"from": run_of(TrainSpec(epochs=3))})
    app.query_params.clear()
    app.run()
    assert value(app, "epochs") == 3
    assert "".join(app.query_params["epochs"]) == "3"


def test_a_duplicated_range_test_is_what_it_was_made_of(
    open_page: Open, run_of: Callable[[TrainSpec], str]
) -> None:
    spec = TrainSpec(
        epochs=5, schedule=ScheduleSpec(name="cosine"), optimizer=OptimizerSpec(lr=0.2)
    )
    app = open_page(LIVE, show="network", **{"from": run_of(sweep_of(spec))})
    assert [value(app, key) for key in ("epochs", "steps", "sched", "lr")] == [
        5,
        None,
        "cosine",
        0.2,
    ]


def test_the_rate_of_a_range_test_goes_into_its_own_settings(
    open_page: Open, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(LIVE, show="schedule", epochs="6", sched="step", gamma="0.3", momentum="0.8")
    [button] = [button for button in app.button if button.label.startswith("Find")]
    button.click().run()
    [sweep] = recorder.specs
    kept: dict[str, Any] = {setup.LAST_SPEC: TrainSpec(epochs=99)}  # of some other run
    monkeypatch.setattr("streamlit.session_state", kept)
    setup.use_rate(sweep, 0.0312)
    used: TrainSpec = kept[setup.LAST_SPEC]
    assert (used.epochs, used.max_steps, used.schedule.name, used.schedule.gamma) == (
        6,
        None,
        "step",
        0.3,
    )
    assert (used.optimizer.lr, used.optimizer.momentum) == (0.031, 0.8)
    assert used.before_sweep is None


def test_hidden_widgets_come_back_as_they_were(open_page: Open) -> None:
    app = open_page(LIVE, show="network", momentum="0.7")
    for name in ("adadelta", "sgd"):
        app.selectbox(key="opt").set_value(name).run()
    assert value(app, "momentum") == 0.7
    app.number_input(key="momentum").set_value(0.6).run()
    for name in ("one_cycle", "constant", "one_cycle"):
        app.selectbox(key="sched").set_value(name).run()
    assert value(app, "warmup") == ScheduleSpec().warmup
    for name in ("adadelta", "sgd"):
        app.selectbox(key="opt").set_value(name).run()
    assert value(app, "momentum") == 0.6


def test_a_form_has_one_nonce_until_it_is_queued(open_page: Open, recorder: Recorder) -> None:
    app = open_page(LIVE, show="network")
    recorder.room = 0
    app.button(key="live.train").click().run()
    assert "queue" in app.error[0].value
    assert "*queue*" not in app.error[0].value.replace(r"\*", "")
    nonce = app.session_state["live.nonce"]
    recorder.room = 100
    app.button(key="live.train").click().run()
    assert recorder.nonces[0] is not None
    assert recorder.nonces[0].startswith(nonce)
    assert "live.nonce" not in app.session_state


def test_home_submits_with_a_nonce(open_page: Open, recorder: Recorder) -> None:
    app = open_page()
    app.button[0].click().run()
    assert [type(nonce) for nonce in recorder.nonces] == [str]


def test_partly_refused_runs_are_said_and_only_the_rest_is_tried_again(
    open_page: Open, recorder: Recorder
) -> None:
    app = open_page(LIVE, show="network")
    recorder.room = 2
    app.button(key="live.train_several").click().run()
    assert value(app, "live.partly").runs == [MISSING, MISSING]
    assert "2 of 3 runs are queued, 1 refused" in app.error[0].value
    recorder.room = 100
    app.button(key="live.train_several").click().run()
    assert [spec.seed for spec in recorder.specs] == [0, 1, 2]
    assert "live.partly" not in app.session_state


def _zip_of_classes(level: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(24):
            picture = io.BytesIO()
            pixels = np.full((8, 8, 3), level + number, np.uint8)
            Image.fromarray(pixels).save(picture, "PNG")
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", picture.getvalue())
    return content.getvalue()


def test_a_zip_stays_in_the_list_when_another_set_is_chosen(open_page: Open) -> None:
    names = [store_upload(_zip_of_classes(level)) for level in (0, 100)]
    app = open_page(LIVE, show="network", data=names[0])
    app.session_state[setup.OWN_SETS] |= {"an upload": names[1]}
    app.selectbox(key="data").set_value("digits").run()
    app.selectbox(key="data").set_value(names[1]).run()
    app.selectbox(key="data").set_value(names[0]).run()
    assert value(app, "data") == names[0]


def test_a_set_that_is_gone_is_said_and_left(open_page: Open) -> None:
    app = open_page(LIVE, show="network", data="zip:" + "0" * 64)
    assert value(app, "data") == "digits"
    assert len(app.warning) == 1
    assert app.session_state[setup.OWN_SETS] == {}


def test_the_images_wait_for_the_engine_with_a_sentence(
    open_page: Open, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = Capacity(ready=False, slots=1, running=0, queued=0, device="", pid=1)
    monkeypatch.setattr(recorder, "capacity", lambda: cold)
    app = open_page(LIVE)
    assert app.exception == []
    assert any("warming up" in caption.value for caption in app.caption)
