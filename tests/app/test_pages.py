"""Every page runs without an exception: empty, with a run, with a hostile link."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import Engine
from tests.waiting import wait_until

Open = Callable[..., AppTest]
LIVE = "pages/train/live.py"
RUNS = "pages/train/runs.py"
VIEWS = ("predictions", "filters", "maps", "confusion", "health", "about")


def errors(app: AppTest) -> list[str]:
    """What the page shows as an exception, which must be nothing."""
    return [element.message for element in app.exception]


def html(app: AppTest) -> str:
    """All raw HTML on the page."""
    return "".join(element.proto.body for element in app.get("html"))


def test_home_offers_a_first_run(open_page: Open) -> None:
    app = open_page()
    assert errors(app) == []
    assert app.button[0].label == "Train a network now"


def test_home_starts_a_run_and_goes_to_it(open_page: Open, engine: Engine) -> None:
    app = open_page()
    app.button[0].click().run()
    assert errors(app) == []
    run_id = "".join(app.query_params["run"])
    assert engine.status(run_id).state in {"queued", "starting", "running", "done"}
    engine.control(run_id, "stop")
    wait_until(lambda: not engine.status(run_id).active, "the run is over")


def test_setup_shows_the_images_and_can_train(open_page: Open) -> None:
    app = open_page(LIVE)
    assert errors(app) == []
    assert not app.button(key="live.train").disabled
    assert html(app).count("data:image/png") >= 20


@pytest.mark.parametrize("look", ["images", "network", "schedule"])
def test_setup_looks(open_page: Open, look: str) -> None:
    assert errors(open_page(LIVE, show=look)) == []


def test_an_impossible_setting_is_said_before_anything_is_queued(
    open_page: Open, engine: Engine
) -> None:
    app = open_page(LIVE)
    app.number_input(key="batch").set_value(8192).run()
    assert errors(app) == []
    assert app.button(key="live.train").disabled
    assert "8192" in app.error[0].value or "8,192" in app.error[0].value


@pytest.mark.parametrize("view", VIEWS)
def test_a_finished_run_in_every_view(open_page: Open, finished_run: str, view: str) -> None:
    app = open_page(LIVE, run=finished_run, view=view)
    assert errors(app) == []
    assert "done" in html(app)
    assert len(app.get("plotly_chart")) >= 2


def test_predictions_tick_the_truth(open_page: Open, finished_run: str) -> None:
    assert "✓" in html(open_page(LIVE, run=finished_run, view="predictions"))


@pytest.mark.parametrize(
    "run", ["../../etc/passwd", "20260101-000000-aaaa", "", "x" * 5000, "<script>alert(1)</script>"]
)
def test_a_link_to_no_run_is_one_sentence(open_page: Open, run: str) -> None:
    app = open_page(LIVE, run=run)
    assert errors(app) == []
    if run:
        assert len(app.error) == 1
        assert app.error[0].value.count(".") >= 1


def test_setup_from_a_run_takes_its_settings(open_page: Open, finished_run: str) -> None:
    app = open_page(LIVE, **{"from": finished_run})
    assert errors(app) == []
    assert app.number_input(key="lr").value == 0.02
    assert app.number_input(key="epochs").value == 2


def test_runs_lists_and_compares(open_page: Open, finished_run: str) -> None:
    app = open_page(RUNS, ids=finished_run)
    assert errors(app) == []
    assert app.get("plotly_chart")
    assert app.checkbox(key=f"runs.tick.{finished_run}").value


def test_runs_with_unknown_ids_says_so(open_page: Open, finished_run: str) -> None:
    app = open_page(RUNS, ids=f"{finished_run},../../etc/passwd")
    assert errors(app) == []
    assert len(app.warning) == 1
