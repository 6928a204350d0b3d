"""The time machine's page: links, a run that grows, and everything that can be missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import Engine, EngineError
from tests.app.test_pages import errors
from tests.ui.test_player import unpack
from tests.waiting import wait_until
from training.run_store import RunStore
from training.spec import NamedNetwork, TrainSpec
from ui import runtime
from ui.time import page as module
from ui.time import past
from viz.results.fields import FieldTable
from viz.results.history import choose_moments
from viz.results.network import LayerInfo, NetworkMap

PAGE = "pages/look/time.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _forget() -> None:
    past.forget()


def player_data(app: AppTest) -> Any:
    """What the player was sent."""
    assert errors(app) == []
    for element in app.get("bidi_component"):
        data = json.loads(element.proto.json)
        if "frames" in data:
            return data
    raise AssertionError("there is no player on the page")


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.caption, *app.error, *app.info])


def test_an_empty_link_plays_the_network_that_comes_along(open_page: Open) -> None:
    app = open_page(PAGE)
    data = player_data(app)
    assert [one["title"] for one in data["panels"]] == [
        "Image",
        "Prediction",
        "Filters of conv1",
        "Feature maps of relu1",
        "Effective field of pool2",
        "Confusion",
    ]
    assert data["start"] == {"at": None, "pinned": None, "own": False}
    assert data["frames"][0]["at"] == 0
    assert not data["live"]
    assert {line["name"] for line in data["lines"]} == {
        "training loss",
        "validation loss",
        "validation accuracy",
    }
    assert re.search(r"accuracy goes from [\d.]+ % to 9\d\.\d %", said(app))
    assert app.query_params == {}


def test_a_link_restores_the_moment_the_layers_and_the_comparison(
    open_page: Open, finished_run: str
) -> None:
    steps = runtime.store().snapshot_steps(finished_run)
    app = open_page(
        PAGE, model=f"run:{finished_run}", step=str(steps[3]), pin="0", scale="own",
        layer="conv2", field="conv1", image="digits/test/7",
    )  # fmt: skip
    data = player_data(app)
    assert data["start"] == {"at": steps[3], "pinned": 0, "own": True}
    assert [frame["at"] for frame in data["frames"]] == list(choose_moments(steps))
    titles = {one["title"] for one in data["panels"]}
    assert {"Filters of conv2", "Feature maps of conv2", "Effective field of conv1"} <= titles


def test_the_reference_itself_may_name_the_moment(open_page: Open, finished_run: str) -> None:
    app = open_page(PAGE, model=f"run:{finished_run}@0")
    assert player_data(app)["start"]["at"] == 0


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"step": "x"}, "no number of updates"),
        ({"step": "999999"}, "the nearest"),
        ({"pin": "-3"}, "nothing is compared"),
        ({"pin": "9" * 30}, "nothing is compared"),
        ({"layer": "conv99"}, "no layer"),
        ({"field": "<b>"}, "no layer"),
    ],
)
def test_what_a_link_says_wrongly_is_left_out_with_a_sentence(
    open_page: Open, link: dict[str, str], words: str
) -> None:
    app = open_page(PAGE, **link)
    player_data(app)
    assert words in said(app)


def test_a_network_without_a_past_says_so(open_page: Open) -> None:
    app = open_page(PAGE, model="random:lenet5")
    assert errors(app) == []
    assert "no earlier moments" in said(app)
    assert not [one for one in app.get("bidi_component") if "frames" in one.proto.json]


def test_a_snapshot_that_vanishes_between_two_looks_is_a_sentence(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise EngineError("Run x keeps no weights of update 5: choose one of its 3 moments.")

    monkeypatch.setattr(past, "glance", refuse)
    app = open_page(PAGE)
    assert errors(app) == []
    assert "keeps no weights of update 5" in said(app).replace("\\", "")


def test_a_run_of_a_network_without_maps(open_page: Open, engine: Engine) -> None:
    run_id = engine.submit(TrainSpec(network=NamedNetwork(name="small_fc"), epochs=1))
    wait_until(lambda: not engine.status(run_id).active, "the run is over")
    data = player_data(open_page(PAGE, model=f"run:{run_id}"))
    assert [one["title"] for one in data["panels"]] == ["Image", "Prediction", "Confusion"]


def test_the_range_grows_while_a_run_is_live(open_page: Open, engine: Engine) -> None:
    spec = TrainSpec(network=NamedNetwork(name="lenet5"), epochs=10_000)
    run_id = engine.submit(spec)
    store = RunStore()
    try:
        wait_until(lambda: len(store.snapshot_steps(run_id)) > 3, "there are snapshots")
        app = open_page(PAGE, model=f"run:{run_id}")
        first = player_data(app)
        assert first["live"]
        seen = [frame["at"] for frame in first["frames"]]
        wait_until(lambda: store.snapshot_steps(run_id)[-1] > seen[-1], "it goes on")
        second = player_data(app.run())
        assert second["frames"][-1]["at"] > seen[-1]
        assert second["version"] != first["version"]
        assert "still training" in said(app)
        # what was looked at stays where it is, whatever comes after it
        assert second["start"] == first["start"]
    finally:
        engine.control(run_id, "stop")
        wait_until(lambda: not engine.status(run_id).active, "the run is over")
    assert not player_data(app.run())["live"]


def test_the_same_moment_gives_what_the_lenses_give(
    open_page: Open, engine: Engine, finished_run: str
) -> None:
    """The player's numbers are those every other page shows of that snapshot."""
    steps = choose_moments(runtime.store().snapshot_steps(finished_run))
    data = player_data(open_page(PAGE, model=f"run:{finished_run}", layer="conv1"))
    panels = {one["title"]: one for one in data["panels"]}
    step = steps[len(steps) // 2]
    at = steps.index(step)
    filters = engine.look("filters", f"run:{finished_run}@{step}", layer="conv1").weights
    shown = panels["Filters of conv1"]
    numbers = unpack(shown["data"][at], shown["limit"])
    np.testing.assert_allclose(numbers, filters.ravel(), atol=shown["limit"] / 6e4)
    said_so = engine.look("classify", f"run:{finished_run}@{step}", "digits/test/0")
    np.testing.assert_allclose(panels["Prediction"]["data"][at], said_so.probs, atol=1e-5)


def test_a_locked_link_hides_what_chooses(open_page: Open) -> None:
    app = open_page(PAGE, lock="1")
    player_data(app)
    assert [box.label for box in app.selectbox if "of" in box.label] == []


def test_downloads_are_offered(open_page: Open) -> None:
    app = open_page(PAGE)
    names = [button.proto.label for button in app.get("download_button")]
    assert names == [
        "GIF",
        "Animated PNG",
        "Animated WebP",
        "Losses, accuracies, probabilities (CSV)",
        "Filters, maps, confusion (NumPy)",
    ]


# -- which layers are looked at first ------------------------------------------------------------


def network_of(*layers: tuple[str, str, tuple[int, ...]]) -> NetworkMap:
    infos = tuple(LayerInfo(n, kind, True, shape, shape, 0, 0, ()) for n, kind, shape in layers)
    return NetworkMap("", (1, 8, 8), ("a", "b"), infos, 0, 0, None)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([("c", "Conv2d"), ("n", "BatchNorm2d"), ("r", "ReLU"), ("p", "MaxPool2d")], "r"),
        ([("c", "Conv2d"), ("p", "MaxPool2d"), ("r", "ReLU")], "c"),
        ([("c", "Conv2d"), ("d", "Conv2d"), ("r", "ReLU")], "c"),
        ([("i", "Identity"), ("p", "MaxPool2d")], "i"),
        ([], None),
    ],
)
def test_the_first_layer_shown(layers: list[tuple[str, str]], expected: str | None) -> None:
    network = network_of(*((name, kind, (4, 8, 8)) for name, kind in layers))
    assert module.default_layer(network) == expected


def test_fields_are_offered_of_layers_that_have_one() -> None:
    network = network_of(("c", "Conv2d", (4, 8, 8)), ("g", "AdaptiveAvgPool2d", (4, 1, 1)))
    empty = FieldTable("", (8, 8), ())
    assert module.field_layers(empty, network) == ["c", "g"]
