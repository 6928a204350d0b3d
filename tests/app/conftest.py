"""A real engine with a run directory of its own, for every test that drives a page.

One engine serves the whole session: its forkserver takes seconds to warm up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.client import connect
from engine.protocol import Engine
from tests.waiting import wait_until
from training.spec import NamedNetwork, OptimizerSpec, TrainSpec
from ui.subject import kept

ROOT = Path(__file__).resolve().parents[2]
SUBJECT_PAGE = Path(__file__).with_name("subject_page.py")
QUICK = TrainSpec(
    network=NamedNetwork(name="lenet5"),
    optimizer=OptimizerSpec(lr=0.02),
    epochs=2,
    validate_every=10,
)


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of an environment that knows no runs of others and no data but what is embedded."""
    home = tmp_path_factory.mktemp("app")
    return {"CONVSCOPE_RUNS": str(home / "runs"), "CONVSCOPE_DATA": str(home / "data")}


@pytest.fixture(scope="session")
def engine(places: dict[str, str]) -> Engine:
    """The engine of that environment, ready to train."""
    with mock.patch.dict(os.environ, places):
        found = connect()
        wait_until(lambda: found.capacity().ready, "the engine is warm")
    return found


@pytest.fixture(autouse=True)
def _environment(places: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For the tests here alone: those of other folders need the real data, where it is."""
    for name, value in places.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def finished_run(engine: Engine) -> str:
    """The id of a run that has ended well."""
    run_id = engine.submit(QUICK)
    wait_until(lambda: not engine.status(run_id).active, "the run is over")
    assert engine.status(run_id).state == "done", engine.status(run_id)
    return run_id


@pytest.fixture(autouse=True)
def _no_caches() -> None:
    """Streamlit's caches outlive an AppTest, so a test would see what another one left."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(engine: Engine) -> Callable[..., AppTest]:
    """Run a page of the app, as a link with these query parameters would."""

    def run(path: str | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        if path is None:
            app.query_params.update(query)
            return app.run()
        app.run()
        app.switch_page(path)
        app.query_params.update(query)
        return app.run()

    return run


@pytest.fixture
def open_bar(engine: Engine) -> Callable[..., AppTest]:
    """The page of the bar, as a link with these query parameters opens it."""

    def run(**query: str) -> AppTest:
        kept.forget()
        app = AppTest.from_file(str(SUBJECT_PAGE), default_timeout=60)
        app.query_params.update(query)
        return app.run()

    return run
