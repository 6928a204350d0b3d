"""The bar over every page that looks inside: the link decides, and a bad one is a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from engine.protocol import Capacity, EngineError
from tests.app.subject import SHIPPED, Open, held, query, said
from training.run_store import RunStatus
from training.spec import TrainSpec
from ui import runtime

# -- the link ----------------------------------------------------------------------------------


def test_an_empty_link_shows_a_trained_network_and_stays_empty(open_bar: Open) -> None:
    app = open_bar()
    shown = held(app)
    assert (shown["model"], shown["step"], shown["image"]) == (SHIPPED, None, "digits/test/0")
    assert shown["layer"] == "conv1"
    assert query(app) == {}


def test_a_link_restores_everything(open_bar: Open, finished_run: str) -> None:
    steps = runtime.store().snapshot_steps(finished_run)
    link = {
        "model": f"run:{finished_run}", "step": str(steps[3]), "image": "digits/val/7",
        "layer": "relu1", "unit": "2,3,4",
    }  # fmt: skip
    app = open_bar(**link)
    shown = held(app)
    assert shown["model"] == f"run:{finished_run}@{steps[3]}"
    assert (shown["image"], shown["layer"], shown["unit"]) == ("digits/val/7", "relu1", [2, 3, 4])
    assert query(app) == link


def test_a_reference_may_carry_its_step(open_bar: Open) -> None:
    app = open_bar(model=f"{SHIPPED}@10")
    assert held(app)["model"] == f"{SHIPPED}@10"
    app.select_slider(key="subject.moment").set_value(100).run()
    assert held(app)["model"] == f"{SHIPPED}@100"
    assert query(app) == {"model": SHIPPED, "step": "100"}


def test_untrained_weights_bring_their_data_set(open_bar: Open) -> None:
    shown = held(open_bar(model="random:lenet5", data="shapes"))
    assert shown["options"] == {"dataset": {"name": "shapes"}}
    assert shown["image"] == "shapes/test/0"


def test_a_page_from_the_menu_goes_on_with_what_was_looked_at(open_bar: Open) -> None:
    app = open_bar(model="shipped:shapes_cnn", step="10", image="sample:coffee")
    app.query_params.clear()  # as another page of the menu begins
    app.run()
    shown = held(app)
    assert (shown["model"], shown["image"]) == ("shipped:shapes_cnn@10", "sample:coffee")
    assert query(app)["model"] == "shipped:shapes_cnn"


@pytest.mark.parametrize(
    "model",
    ["run:20260101-000000-aaaa", "../../etc/passwd", "![a](http://x)", "x" * 5000, "shipped:none"],
)
def test_a_link_to_no_network_is_a_sentence_and_a_way_out(open_bar: Open, model: str) -> None:
    app = open_bar(model=model)
    assert held(app) == {}
    assert len(app.error) == 1
    assert "![a](" not in app.error[0].value
    app.button(key="subject.way_out").click().run()
    assert held(app)["model"] == SHIPPED
    assert query(app) == {}


@pytest.mark.parametrize(
    ("link", "word"),
    [
        ({"step": "37"}, "update 38, the nearest"),
        ({"step": "-1"}, "no number of updates"),
        ({"image": "digits/test/99999"}, "not there"),
        ({"image": "../../etc/passwd"}, "names no image"),
        ({"image": "upload:" + "0" * 64}, "upload it again"),
        ({"image": "sample:nobody"}, "no sample picture"),
        ({"layer": "nope.3"}, "no layer"),
        ({"unit": "1,2"}, "no unit"),
        ({"unit": "999,0,0"}, "not in this layer"),
        ({"model": "random:lenet5", "data": "nothing"}, "no data set"),
        ({"model": "random:lenet5", "step": "5"}, "no earlier moments"),
    ],
)
def test_what_a_link_cannot_hold_is_said_and_left_out(
    open_bar: Open, link: dict[str, str], word: str
) -> None:
    app = open_bar(**link)
    shown = held(app)
    assert word in said(app).replace("\\", "")
    assert shown["image"] == "digits/test/0"
    assert shown["layer"] == "conv1"
    assert shown["unit"] is None


def test_a_run_deleted_while_it_is_looked_at_is_a_sentence(open_bar: Open) -> None:
    store = runtime.store()
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state="interrupted"))
    app = open_bar(model=f"run:{run_id}")
    assert "no weights" in said(app)
    assert app.button(key="subject.way_out")
    store.delete(run_id)
    app.run()
    assert "deleted" in app.error[0].value


def test_a_run_without_weights_yet_is_waited_for(open_bar: Open) -> None:
    store = runtime.store()
    run_id = store.new_run(TrainSpec())
    store.write_status(run_id, RunStatus(state="queued"))
    app = open_bar(model=f"run:{run_id}")
    assert held(app) == {}
    assert app.error == []
    assert "no weights yet" in said(app)
    store.write_status(run_id, RunStatus(state="interrupted"))
    store.delete(run_id)


class Cold:
    """An engine that still warms up."""

    def capacity(self) -> Capacity:
        """Not ready."""
        return Capacity(ready=False, slots=1, running=0, queued=0, device="", pid=0)

    def look(self, *arguments: Any, **options: Any) -> Any:
        """Never asked."""
        raise EngineError("asked too early")


def test_while_the_engine_warms_up_the_bar_stands_and_says_so(
    open_bar: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = runtime.engine
    monkeypatch.setattr(runtime, "engine", lambda: Cold())
    app = open_bar(step="10")
    assert held(app) == {}
    assert "warming up" in said(app)
    assert app.select_slider(key="subject.moment").value == 10
    monkeypatch.setattr(runtime, "engine", real)
    assert held(app.run())["step"] == 10


# -- moments -----------------------------------------------------------------------------------


def test_the_slider_writes_the_link_and_its_end_is_the_newest(open_bar: Open) -> None:
    app = open_bar()
    app.select_slider(key="subject.moment").set_value(0).run()
    assert (held(app)["step"], query(app)) == (0, {"step": "0"})
    app.select_slider(key="subject.moment").set_value(-1).run()
    assert (held(app)["step"], query(app)) == (None, {})


def test_play_begins_at_the_first_moment_and_pauses_where_it_is(open_bar: Open) -> None:
    app = open_bar()
    app.button(key="subject.play").click().run()
    assert held(app)["step"] == 0
    assert app.button(key="subject.play").label == "Pause"
    app.button(key="subject.play").click().run()
    assert app.button(key="subject.play").label == "Play"
    assert held(app)["step"] == 0


def test_a_live_run_offers_its_snapshots_and_the_newest(open_bar: Open, finished_run: str) -> None:
    store = runtime.store()
    before = store.status(finished_run)
    try:
        store.write_status(finished_run, RunStatus(state="running"))
        live = open_bar(model=f"run:{finished_run}").select_slider(key="subject.moment")
    finally:
        store.write_status(finished_run, before)
    ended = open_bar(model=f"run:{finished_run}").select_slider(key="subject.moment")
    assert live.options[-1] == "newest"
    assert len(live.options) == len(store.snapshot_steps(finished_run)) + 1
    assert len(ended.options) == len(live.options) - 1  # its last snapshot is the newest


def test_a_page_without_moments_shows_the_newest_weights(open_bar: Open) -> None:
    app = open_bar(step="10", bar="image")
    assert held(app)["model"] == SHIPPED
    assert len(app.select_slider) == 0
    assert query(app)["step"] == "10", "the next page may want it"
