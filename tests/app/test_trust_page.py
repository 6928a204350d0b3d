"""The Trust page with a real engine: every view, odd links, networks that a check needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import Engine, EngineError
from tests.app.conftest import QUICK
from tests.app.test_pages import errors, html
from tests.waiting import wait_until
from training.spec import TrainSpec
from training.twin import TWIN_IMAGES
from ui import runtime
from ui.subject import kept
from ui.trust.picks import start_methods

TRUST = "pages/explain/trust.py"
SHAPES = "shipped:shapes_cnn"
FEW = {"methods": "saliency,grad_cam", "n": "8"}
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def said(app: AppTest) -> str:
    every = [*app.caption, *app.info, *app.error, *app.warning]
    return " ".join(one.value for one in every) + html(app)


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def linked(app: AppTest, key: str) -> str | None:
    value = app.query_params.get(key)
    return None if value is None else "".join(value)


def test_the_table_ranks_the_methods_with_the_evidence(open_page: Open) -> None:
    app = open_page(TRUST, model=SHAPES, measures="ground_truth,faithfulness", **FEW)
    assert errors(app) == []
    shown = html(app)
    for word in ("Inside the object", "Pointing game", "Deletion", "Insertion", "won : lost"):
        assert word in shown
    for title in ("Saliency", "Grad-CAM", "Random map", "Centre Gaussian", "Edge detector"):
        assert f"<b>{title}</b>" in shown
    assert "Not computed yet" not in said(app)
    assert "8 test images" in shown
    assert "n = 8<" in shown
    assert "paired bootstrap" in said(app)
    assert [one.proto.label for one in app.get("download_button")] == [
        "The table (CSV)",
        "All measures (CSV)",
    ]


def test_the_table_says_what_has_no_numbers(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runtime.engine()

    class Refusing:
        """The engine, which ends one of the measures."""

        def watch(self, lens: str, *arguments: Any, **options: Any) -> Any:
            if lens == "road":
                raise EngineError("This view was ended from outside.")
            return real.watch(lens, *arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(runtime, "engine", Refusing)
    app = open_page(TRUST, measures="road,randomisation", **FEW)
    assert errors(app) == []
    assert "ROAD: This view was ended from outside" in said(app)
    assert "Left after randomisation" in html(app)
    assert "follows the weights" in html(app)


def test_ground_truth_shows_the_maps_and_says_by_how_much(open_page: Open) -> None:
    app = open_page(TRUST, model=SHAPES, view="truth", **FEW)
    assert errors(app) == []
    shown = html(app)
    assert shown.count("map of shapes/test/") >= 4 * 5  # images × methods and controls
    assert "times what chance would" in shown
    assert "Outlined: the object" in shown
    assert charts(app) == 2
    assert "Arras" in said(app)


def test_ground_truth_needs_known_objects_and_shows_the_way(open_page: Open) -> None:
    app = open_page(TRUST, view="truth")
    assert errors(app) == []
    assert "Nobody has drawn" in said(app)
    app.button(key="trust.shapes").click().run()
    assert errors(app) == []
    assert linked(app, "model") == SHAPES


@pytest.mark.parametrize(
    ("view", "words", "number"),
    [
        ("deletion", ("probability of the answer", "Petsiuk"), 4),
        ("road", ("MoRF", "LeRF", "Rong"), 3),
        ("robustness", ("perfectly stable", "Yeh"), 2),
    ],
)
def test_measures_come_with_curves_words_and_sources(
    open_page: Open, view: str, words: tuple[str, ...], number: int
) -> None:
    app = open_page(TRUST, view=view, **FEW)
    assert errors(app) == []
    assert app.error == []
    for word in words:
        assert word in said(app)
    assert charts(app) == number
    assert "95 % intervals" in html(app)


@pytest.mark.parametrize("check", ["cascading", "independent"])
def test_randomisation_of_weights(open_page: Open, check: str) -> None:
    app = open_page(TRUST, view="randomisation", check=check, alike="similarity", **FEW)
    assert errors(app) == []
    shown = html(app)
    assert charts(app) == 1
    assert shown.count("Saliency, stage") == 5  # before, and four layers
    assert "follows the weights" in shown
    assert "a random map passes, too" in said(app)
    before = linked(app, "example")
    app.button(key="trust.example").click().run()
    assert errors(app) == []
    assert (before, linked(app, "example")) == (None, "1")


def test_a_twin_is_trained_then_compared(
    open_page: Open, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainSpec] = []

    class Quick:
        """The engine, which trains one epoch of whatever is asked, so that the test is short."""

        def submit(self, spec: TrainSpec, *, nonce: str | None = None) -> str:
            asked.append(spec)
            return engine.submit(spec.model_copy(update={"epochs": 1}), nonce=nonce)

        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

    app = open_page(TRUST, view="randomisation", check="labels", **FEW)
    assert errors(app) == []
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "engine", Quick)
        app.button(key="trust.twin.train").click().run()
    assert errors(app) == []
    [spec] = asked
    assert spec.dataset.label_noise == pytest.approx(0.9)
    assert spec.dataset.train_limit == TWIN_IMAGES
    twin = linked(app, "twin")
    assert twin is not None
    run_id = twin.removeprefix("run:")
    wait_until(lambda: not engine.status(run_id).active, "the twin is trained")
    app = open_page(TRUST, view="randomisation", check="labels", twin=twin, **FEW)
    assert errors(app) == []
    shown = html(app)
    assert "the twin&#x27;s own labels" in shown or "the twin's own labels" in shown
    assert "this says little yet" in shown  # after one epoch
    assert "Saliency, the twin" in shown


def test_networks_trained_elsewhere_have_no_twin(open_page: Open) -> None:
    app = open_page(TRUST, model="random:lenet5", view="randomisation", check="labels")
    assert errors(app) == []
    assert "was not trained here" in said(app)


def test_the_trap_is_offered_and_shows_what_was_learned(open_page: Open, engine: Engine) -> None:
    app = open_page(TRUST, view="shortcut", **FEW)
    assert errors(app) == []
    assert app.button(key="trust.trap.train").label == "Train a network with the patch"
    assert html(app).count("with a patch in the corner") == 8
    assert "3 epochs on Shapes" in html(app)
    # Any network on shapes can be asked; this one never saw a patch.
    app = open_page(TRUST, view="shortcut", trap=SHAPES, **FEW)
    assert errors(app) == []
    shown = html(app)
    assert "the patch tells nothing" in shown
    assert "does not rely on the patch" in shown
    assert shown.count("map of shapes/test/") >= 3 * 5


def test_a_run_that_trains_is_waited_for(open_page: Open, engine: Engine) -> None:
    run_id = engine.submit(QUICK.model_copy(update={"epochs": 400, "seed": 77}))
    try:
        app = open_page(TRUST, view="randomisation", check="labels", twin=f"run:{run_id}")
        assert errors(app) == []
        assert any("live" in link.proto.page for link in app.get("page_link"))
        assert not app.get("plotly_chart")
    finally:
        engine.control(run_id, "stop")
        wait_until(lambda: not engine.status(run_id).active, "the run is over")


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(
        TRUST, view="randomisation", check="sideways", alike="x", methods="nosuch,saliency,bar", n="7",
        part="attic", example="9",
    )  # fmt: skip
    assert errors(app) == []
    words = said(app)
    assert "no methods" in words
    assert "nosuch" in words
    assert "bar" in words
    assert "part" in words
    assert "Example: 0 to 2" in words
    assert "n=7 becomes 8" in words
    app = open_page(TRUST, measures="nosuch,road", methods="saliency", n="8")
    assert errors(app) == []
    assert "no measure" in said(app)
    app = open_page(TRUST, view="nonsense", measures="road", methods="foo,bar", n="8")
    assert errors(app) == []
    assert "no view" in said(app)
    assert "names no method that exists" in said(app)
    app = open_page(TRUST, view="randomisation", check="labels", twin="run:x")
    assert errors(app) == []
    assert "twin is left out" in said(app)


def test_methods_and_images_stand_in_the_link(open_page: Open) -> None:
    app = open_page(TRUST, view="truth")  # digits: nothing is measured, the pickers are not drawn
    assert errors(app) == []
    app = open_page(TRUST, view="road", methods="saliency", n="8")
    assert app.multiselect(key="trust.methods").value == ["saliency"]
    app.multiselect(key="trust.methods").set_value(["grad_cam"]).run()
    assert linked(app, "methods") == "grad_cam"
    app.selectbox(key="trust.n").select("16").run()
    assert errors(app) == []
    assert linked(app, "n") == "16"
    assert "16 test images" in html(app)
    assert start_methods()[0] == "saliency"
