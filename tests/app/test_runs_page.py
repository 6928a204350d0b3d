"""The Runs page with more runs than it can tell apart, seeds as bands, stray entries and deletion."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import Engine
from tests.app.conftest import QUICK
from tests.app.test_pages import RUNS, errors, html
from training.run_store import RunError, RunStatus, RunStore
from training.spec import TrainSpec
from ui import run_list
from ui.run_list import read_row
from ui.run_table import MAX_COMPARED, difference_table, differences

Open = Callable[..., AppTest]


@pytest.fixture
def make_runs(engine: Engine) -> Iterator[Callable[..., list[str]]]:
    """Make runs that have ended; they are gone after the test."""
    made: list[str] = []

    def make(*specs: TrainSpec) -> list[str]:
        ids = [RunStore().new_run(spec) for spec in specs]
        for run_id in ids:
            RunStore().write_status(run_id, RunStatus(state="stopped", message="*Stopped*"))
        made.extend(ids)
        return ids

    yield make
    for run_id in made:
        shutil.rmtree(RunStore().root / run_id, ignore_errors=True)


def test_more_runs_than_can_be_told_apart(
    open_page: Open, make_runs: Callable[..., list[str]]
) -> None:
    ids = make_runs(*[QUICK.model_copy(update={"seed": seed}) for seed in range(MAX_COMPARED + 1)])
    app = open_page(RUNS, ids=",".join(ids))
    assert errors(app) == []
    assert str(len(ids)) in app.warning[0].value
    assert app.checkbox(key=f"runs.tick.{ids[-1]}").disabled
    assert not app.checkbox(key=f"runs.tick.{ids[0]}").disabled
    app.checkbox(key=f"runs.tick.{ids[0]}").uncheck().run()
    assert errors(app) == []
    assert len(app.warning) == 0
    assert ids[-1] in "".join(app.query_params["ids"])


def test_a_stray_entry_and_a_vanishing_run_hide_no_other(
    open_page: Open, make_runs: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, vanishing = make_runs(QUICK, QUICK)
    stray = RunStore().root / "20260101-000000-aaaa"
    stray.write_text("")
    try:
        for page in (None, RUNS):
            assert errors(open_page(page)) == []
    finally:
        stray.unlink()

    def read(run_id: str) -> run_list.RunRow:
        if run_id == vanishing:
            raise RunError("It is gone.")
        return read_row(run_id)

    monkeypatch.setattr(run_list, "read_row", read)
    listed = [row.run_id for row in run_list.list_rows()]
    assert kept in listed
    assert vanishing not in listed


def test_a_band_and_its_runs_share_a_style(
    open_page: Open, make_runs: Callable[..., list[str]]
) -> None:
    other = QUICK.model_copy(update={"batch_size": 7})
    specs = [QUICK, other, QUICK.model_copy(update={"seed": 5})]
    rows = [read_row(run_id) for run_id in make_runs(*specs)]
    colors = re.findall(r"solid (#\w+)", difference_table(rows, differences(specs), [0, 1, 0]))
    assert colors[0] == colors[2] != colors[1]
    app = open_page(RUNS, ids=",".join(row.run_id for row in rows), band="true")
    assert errors(app) == []
    app.toggle(key="band").set_value(True).run()
    assert errors(app) == []
    shown = re.findall(r"cs-line[^>]*solid (#\w+)", html(app))
    assert shown[0] == shown[2] != shown[1]


def test_a_run_deleted_while_compared_is_a_sentence(
    open_page: Open, make_runs: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = make_runs(QUICK, QUICK)
    row = read_row(run_id)
    monkeypatch.setattr("ui.run_table._chosen", lambda: [row])
    shutil.rmtree(RunStore().path(run_id))
    app = open_page(RUNS, ids=run_id)
    assert errors(app) == []
    assert "deleted" in app.error[0].value


def test_deleting_takes_two_clicks(open_page: Open, make_runs: Callable[..., list[str]]) -> None:
    [run_id] = make_runs(QUICK)
    app = open_page(RUNS)
    app.button(key=f"runs.delete.{run_id}").click().run()
    assert run_id in RunStore().run_ids()
    app.button(key=f"runs.delete.sure.{run_id}").click().run()
    assert errors(app) == []
    assert run_id not in RunStore().run_ids()


def test_what_people_typed_is_no_markdown(
    open_page: Open, make_runs: Callable[..., list[str]]
) -> None:
    [run_id] = make_runs(QUICK)
    app = open_page(RUNS, ids="*x*")
    assert r"\*x\*" in app.warning[0].value
    assert any(r"\*Stopped\*" in element.value for element in app.caption)
    assert run_id in RunStore().run_ids()
