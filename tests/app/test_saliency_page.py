"""The Saliency page with a real engine: views, targets, settings, odd links, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.app.saliency import (
    COMPLETE,
    FIRST,
    LAYERED,
    SALIENCY,
    SIGNED,
    Open,
    linked,
    pictures,
    said,
)
from tests.app.test_pages import errors, html
from ui.saliency import asking, page
from ui.saliency.method import fetch_support
from ui.streaming import watch
from ui.subject import kept
from viz.attribution.table import METHODS


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def test_first_look(open_page: Open) -> None:
    app = open_page(SALIENCY)
    assert errors(app) == []
    shown = html(app)
    assert pictures(app) == 3  # image, map, both
    assert "It says <b>" in shown
    assert "f(image)" in shown
    assert "1 forward, 1 backward" in shown
    assert METHODS[FIRST].citation.split(",")[0] in shown
    assert app.query_params == {}


def test_a_click_on_a_bar_explains_that_class(open_page: Open) -> None:
    app = open_page(SALIENCY)
    bars = [button for button in app.button if str(button.key).startswith("saliency-bar-")]
    assert len(bars) >= 5
    second = str(bars[1].key).rsplit("-", 1)[1]
    bars[1].click().run()
    assert errors(app) == []
    assert linked(app, "class") == second
    assert app.selectbox(key="saliency.class").value == second


def test_a_link_restores_everything(open_page: Open) -> None:
    app = open_page(
        SALIENCY, **{"method": SIGNED, "class": "3", "against": "5", "opacity": "40", "clip": "95"}
    )
    assert errors(app) == []
    shown = html(app)
    assert "3 rather than 5" in shown or "three rather than five" in shown
    assert app.selectbox(key="saliency.method").value == SIGNED
    assert app.selectbox(key="saliency.against").value == "5"
    assert app.slider(key="saliency.opacity").value == 40
    assert app.slider(key="saliency.clip").value == 95.0
    assert "speaks against" in shown
    assert "lie beyond the end of the scale" in shown


def test_settings_that_differ_stand_in_the_link(open_page: Open) -> None:
    name, option = next(
        (method.name, option)
        for method in METHODS.values()
        for option in method.options
        if not option.choices and isinstance(option.default, int)
    )
    low = int(option.low)
    app = open_page(SALIENCY, **{"method": name, f"set-{option.name}": str(low)})
    assert errors(app) == []
    slider = app.slider(key=f"saliency.set-{option.name}")
    assert slider.value == low
    slider.set_value(option.default).run()
    assert errors(app) == []
    assert linked(app, f"set-{option.name}") is None
    app.query_params[f"set-{option.name}"] = str(low)
    app.run()
    app.selectbox(key="saliency.method").select(FIRST).run()
    assert errors(app) == []
    assert linked(app, f"set-{option.name}") is None  # it belonged to the other method


def test_a_setting_of_a_wide_range_is_typed(open_page: Open) -> None:
    name, option = next(
        (method.name, option)
        for method in METHODS.values()
        for option in method.options
        if isinstance(option.default, int) and option.high - option.low > 5000
        and method.family != "perturbation"
    )  # fmt: skip
    app = open_page(SALIENCY, method=name)
    app.number_input(key=f"saliency.set-{option.name}").set_value(41).run()
    assert errors(app) == []
    assert linked(app, f"set-{option.name}") == "41"
    app.query_params[f"set-{option.name}"] = "1e9"
    app.run()
    assert errors(app) == []
    assert "is left out" in said(app)


def test_what_a_network_does_not_allow_is_listed(open_page: Open) -> None:
    """The real refusals: no map of a method that would be wrong here is ever shown."""
    app = open_page(SALIENCY, model="shipped:shapes_resnet8", view="methods")
    assert errors(app) == []
    refused = [one.value for one in app.markdown if one.value.startswith("Not for this network")]
    tiles = [str(one.key) for one in app.button if str(one.key).startswith("saliency-open-")]
    assert len(tiles) + (refused[0].count("- **") if refused else 0) == len(METHODS)
    for name in METHODS:
        if f"saliency-open-{name}" not in tiles:
            one = open_page(SALIENCY, model="shipped:shapes_resnet8", method=name)
            assert errors(one) == []
            assert pictures(one) == 1
            assert one.info


def test_a_constant_network_is_explained(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:

    def constant(*arguments: Any, draw: Callable[[Any], None], **options: Any) -> Any:
        found = watch(*arguments, draw=lambda found: None, **options)
        found = replace(found, values=np.zeros_like(found.values), note="")
        draw(found)
        return found

    monkeypatch.setattr(asking, "watch", constant)
    app = open_page(SALIENCY)
    assert errors(app) == []
    assert "0 everywhere: no pixel has any influence" in html(app)


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(
        SALIENCY,
        **{"method": "nosuch", "class": "99", "against": "x", "opacity": "900", "set-x": "1"},
    )
    assert errors(app) == []
    words = said(app)
    assert "no method" in words
    assert "class=" in words
    assert "against=" in words
    assert "opacity=" in words
    assert "no setting" in words
    assert pictures(app) == 3


def test_a_class_is_not_held_against_itself(open_page: Open) -> None:
    app = open_page(SALIENCY, **{"class": "4", "against": "4"})
    assert errors(app) == []
    assert "cannot be held against itself" in said(app)
    assert pictures(app) == 3


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("2", "channel 2 of conv2"),
        ("2,1,3", "channel 2 of conv2 at row 1, column 3"),
        ("99", "no channel 99"),
        ("2,99,0", "is not in this layer"),
        ("a", "names no unit"),
    ],
)
def test_units_and_channels(open_page: Open, unit: str, words: str) -> None:
    app = open_page(SALIENCY, explain="unit", of="conv2", unit=unit)
    assert errors(app) == []
    assert words in html(app).replace("\\", "") + said(app).replace("\\", "")
    assert pictures(app) == 3


def test_a_unit_of_a_layer_without_places(open_page: Open) -> None:
    app = open_page(SALIENCY, explain="unit", of="fc1", unit="5,0,0")
    assert errors(app) == []
    assert "is not in this layer" in said(app)
    assert "channel 5 of fc1" in html(app)


def test_layered_methods_name_their_layer_and_why(open_page: Open) -> None:
    app = open_page(SALIENCY, method=LAYERED)
    assert errors(app) == []
    assert "drawn as blocks" in html(app)
    app.toggle(key="saliency.smooth").set_value(True).run()
    assert errors(app) == []
    assert linked(app, "smooth") == "1"
    assert "blended between their middles" in html(app)
    default = app.selectbox(key="subject.layer").value
    other = next(
        one for one in app.selectbox(key="subject.layer").options if str(default) not in one
    )
    app.selectbox(key="subject.layer").select(other.split(" ")[0]).run()
    assert errors(app) == []
    assert linked(app, "layer") == other.split(" ")[0]


def test_a_layer_without_places_is_said(open_page: Open) -> None:
    app = open_page(SALIENCY, method=LAYERED, layer="fc1")
    assert errors(app) == []
    assert "no layer fc1" in said(app)
    assert pictures(app) == 3


def test_complete_methods_show_their_gap(open_page: Open) -> None:
    app = open_page(SALIENCY, method=COMPLETE)
    assert errors(app) == []
    assert "f(baseline)" in html(app)
    assert "gap" in html(app)


def test_the_mask(open_page: Open) -> None:
    app = open_page(SALIENCY, masked="1", top="10")
    assert errors(app) == []
    assert "The pixels that speak most" in html(app)
    assert "Shown: 26 of 256 pixels" in html(app)
    app.toggle(key="saliency.masked").set_value(False).run()
    assert "Map on the image" in html(app)


def test_display_is_no_question_for_the_engine(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def count(*arguments: Any, **options: Any) -> Any:
        asked.append((arguments, {k: v for k, v in options.items() if k not in ("draw",)}))
        return watch(*arguments, **options)

    monkeypatch.setattr(asking, "watch", count)
    app = open_page(SALIENCY)
    app.slider(key="saliency.opacity").set_value(10).run()
    assert errors(app) == []
    assert len(asked) == 2
    assert asked[0] == asked[1]  # the same question, so the engine has its answer already


def test_a_refused_method_shows_why_and_no_map(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        page,
        "fetch_support",
        lambda chosen: replace(fetch_support(chosen), refusals={FIRST: "No, because."}),
    )
    app = open_page(SALIENCY)
    assert errors(app) == []
    assert "No, because" in said(app)
    assert pictures(app) == 1  # the image alone
    grid = open_page(SALIENCY, view="methods")
    assert errors(grid) == []
    assert f"saliency-open-{FIRST}" not in [button.key for button in grid.button]
    assert any("No, because" in one.value for one in grid.markdown)


def test_yes_and_no_are_toggles_and_automatic_is_a_number(open_page: Open) -> None:
    app = open_page(SALIENCY, method="grad_cam")
    assert app.toggle(key="saliency.set-relu").value is True
    assert "most influence" in html(app)
    app.toggle(key="saliency.set-relu").set_value(False).run()
    assert errors(app) == []
    assert linked(app, "set-relu") == "no"
    assert "speaks against" in html(app)
    rise = open_page(SALIENCY, method="rise", **{"set-masks": "10"})
    assert errors(rise) == []
    assert rise.slider(key="saliency.set-grid").label == "Cells a side: auto (4)"
    rise.slider(key="saliency.set-grid").set_value(3).run()
    assert rise.slider(key="saliency.set-grid").label == "Cells a side"
    assert rise.slider(key="saliency.set-grid").value == 3


def test_an_image_that_is_not_there(open_page: Open) -> None:
    app = open_page(SALIENCY, image="upload:0123456789abcdef")
    assert errors(app) == []
    assert pictures(app) == 3  # of the standard image, which is said
    assert app.caption
