"""The saliency page's views of many maps: all methods, many images, over training, layers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from tests.app.saliency import FIRST, LAYERED, SALIENCY, SIGNED, Open, linked, pictures, said
from tests.app.test_pages import errors, html
from ui import runtime
from ui.saliency import series
from ui.subject import kept
from viz.attribution.table import METHODS


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def test_all_methods(open_page: Open) -> None:
    app = open_page(SALIENCY, view="methods")
    assert errors(app) == []
    tiles = [str(one.key) for one in app.button if str(one.key).startswith("saliency-open-")]
    assert len(tiles) >= 10
    assert pictures(app) == len(tiles) + 1
    app.button(key=f"saliency-open-{SIGNED}").click().run()
    assert errors(app) == []
    assert linked(app, "method") == SIGNED
    assert linked(app, "view") is None
    assert pictures(app) == 3


@pytest.mark.parametrize("images", ["random", "class", "mistakes", "cell", "nosuch"])
def test_many_images(open_page: Open, images: str) -> None:
    app = open_page(SALIENCY, view="images", images=images)
    assert errors(app) == []
    tiles = [str(one.key) for one in app.button if str(one.key).startswith("saliency-open-")]
    assert 1 <= len(tiles) <= 12
    assert pictures(app) == 2 * len(tiles)
    assert "says <b>" in html(app)
    if images == "nosuch":
        assert "no set of images" in said(app)


def test_another_sample_and_the_way_to_one_image(open_page: Open) -> None:
    app = open_page(SALIENCY, view="images", each="truth")
    app.button(key="saliency.others").click().run()
    assert linked(app, "seed") == "1"
    app.button(key="saliency-open-image-3").click().run()
    assert errors(app) == []
    assert str(linked(app, "image")).startswith("digits/test/")
    assert pictures(app) == 3


def test_over_training(open_page: Open) -> None:
    app = open_page(SALIENCY, view="training")
    assert errors(app) == []
    tiles = [str(one.key) for one in app.button if str(one.key).startswith("saliency-open-step-")]
    assert 3 <= len(tiles) <= 12
    assert pictures(app) == len(tiles)
    assert len(app.get("bidi_component")) >= 1  # the player
    app.button(key=tiles[0]).click().run()
    assert errors(app) == []
    assert linked(app, "step") == tiles[0].rsplit("-", 1)[1]


def test_networks_without_a_past(open_page: Open) -> None:
    app = open_page(SALIENCY, model="random:small_local", data="digits", view="training")
    assert errors(app) == []
    assert "not trained here" in said(app)


def test_layers(open_page: Open) -> None:
    app = open_page(SALIENCY, model="shipped:shapes_resnet8", view="layers")
    assert errors(app) == []
    tiles = [one for one in app.button if str(one.key).startswith("saliency-open-layer-")]
    assert 3 <= len(tiles) <= 12
    assert "looks at the whole network" in said(app)
    assert pictures(app) == len(tiles)
    tiles[0].click().run()
    assert errors(app) == []
    assert linked(app, "method") == LAYERED
    assert linked(app, "layer") is not None


class HalfWay:
    """The engine; during the third map somebody presses Stop."""

    def __init__(self, press: Callable[[], None]) -> None:
        self._engine = runtime.engine()
        self._press = press
        self.asked = 0
        self.closed = 0

    def capacity(self) -> Any:
        return self._engine.capacity()

    def watch(self, *arguments: Any, **options: Any) -> Generator[Any]:
        self.asked += 1
        third = self.asked == 3
        try:
            for result in self._engine.watch(*arguments, **options):
                if third and result is not None:
                    yield replace(result, share=0.4)
                    self._press()
                yield result
        finally:
            self.closed += 1


def test_stop_ends_all_maps_and_keeps_what_is_there(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press() -> None:
        series._stop("layers")
        st.rerun()

    engine = HalfWay(press)
    monkeypatch.setattr(series, "runtime", SimpleNamespace(engine=lambda: engine))
    app = open_page(SALIENCY, model="shipped:shapes_resnet8", view="layers", method=LAYERED)
    assert errors(app) == []
    tiles = [one for one in app.button if str(one.key).startswith("saliency-open-layer-")]
    assert (engine.asked, engine.closed) == (3, 3)
    assert f"Stopped: 2 of {len(tiles)} are complete." in said(app)
    assert pictures(app) == 3  # the unfinished map, too
    assert html(app).count("Not computed") == len(tiles) - 3
    app.session_state["saliency.show"] = "map"
    app.query_params["show"] = "map"
    app.run()
    assert engine.asked == 3  # another look at what is there
    assert pictures(app) == 3
    app.query_params["class"] = "1"
    app.run()
    assert engine.asked == 3 + len(tiles)  # another question
    assert "Stopped" not in said(app)
    assert pictures(app) == len(tiles)


def test_the_rest_is_computed_when_it_is_asked_for(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press() -> None:
        series._stop("layers")
        st.rerun()

    engine = HalfWay(press)
    monkeypatch.setattr(series, "runtime", SimpleNamespace(engine=lambda: engine))
    app = open_page(SALIENCY, model="shipped:shapes_resnet8", view="layers", method=LAYERED)
    app.button(key="saliency.layers.all").click().run()
    assert errors(app) == []
    tiles = [one for one in app.button if str(one.key).startswith("saliency-open-layer-")]
    assert pictures(app) == len(tiles)
    assert "Stopped" not in said(app)
    assert "saliency.series.layers" not in app.session_state  # nothing is kept


def test_layers_offer_only_methods_that_look_at_one(open_page: Open) -> None:
    app = open_page(SALIENCY, view="layers")
    assert errors(app) == []
    box = app.selectbox(key="saliency.method")
    assert box.value == LAYERED
    assert len(box.options) == sum(method.layered for method in METHODS.values())
    assert METHODS[LAYERED].what.split("'")[0] in html(app)  # the card is of what is shown
    assert METHODS[FIRST].what not in html(app)
    assert "subject.layer" not in [one.key for one in app.selectbox]


def test_one_timeline_over_training(open_page: Open) -> None:
    one = open_page(SALIENCY, step="0")
    assert [each for each in one.get("slider") if str(each.key).startswith("subject")] or one.get(
        "select_slider"
    )
    app = open_page(SALIENCY, view="training", step="0")
    assert errors(app) == []
    assert not app.get("select_slider")
    assert not [each for each in app.slider if str(each.key).startswith("subject")]
    assert "After the last update" in said(app)


def test_equal_maps_are_told_behind_global_pooling(open_page: Open) -> None:
    app = open_page(SALIENCY, model="shipped:shapes_resnet8", view="methods")
    assert errors(app) == []
    assert "HiResCAM and XGrad-CAM are the same map here" in said(app).replace("\\", "")
    assert "are the same map" not in said(open_page(SALIENCY, view="methods"))  # laid out flat
