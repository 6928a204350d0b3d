"""The Unit and Network views of the feature map page, as their links open them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui import looking
from ui.maps import unit
from ui.subject import kept

Open = Callable[..., AppTest]
PAGE = "pages/look/maps.py"


def html_of(app: AppTest) -> str:
    """All HTML on the page; none of it may come with an exception or an error."""
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    bodies = [element.proto.body for element in app.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style"))


def components(app: AppTest) -> list[dict[str, Any]]:
    """The data of every component on the page."""
    return [json.loads(element.proto.json) for element in app.get("bidi_component")]


def link(app: AppTest, name: str) -> str:
    """A part of the address: AppTest gives lists, or what the page wrote."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


@pytest.mark.parametrize(
    ("layer", "unit", "words"),
    [
        ("conv1", "0,0,0", ["running sum", "(bias)"]),
        ("conv2", "3,2,2", ["running sum", "bias", "patch"]),
        ("relu1", "1,4,4", ["max(0, x)"]),
        ("pool1", "2,1,1", ["The largest of 4 numbers wins"]),
        ("fc1", "7,0,0", ["unit of pool2", "more inputs together"]),
        ("softmax", "2,0,0", ["exp(z", "share"]),
    ],
)
def test_a_link_shows_the_sum_of_a_unit_with_its_tick(
    open_page: Open, layer: str, unit: str, words: list[str]
) -> None:
    app = open_page(PAGE, view="unit", layer=layer, unit=unit)
    text = html_of(app)
    assert "cs-unit-yes" in text
    assert "cs-unit-no" not in text
    assert f"of {layer}" in text
    for word in words:
        assert word in text
    assert link(app, "unit") == unit


def test_without_anything_in_the_link_the_first_convolution_is_shown(open_page: Open) -> None:
    text = html_of(open_page(PAGE, view="unit"))
    assert "of conv1" in text
    assert "cs-unit-yes" in text


@pytest.mark.parametrize(
    "query",
    [
        {"layer": "nosuch"},
        {"layer": "conv2", "unit": "99,0,0"},
        {"layer": "conv2", "unit": "a,b"},
        {"rows": "-3"},
        {"layer": "softmax", "unit": "3,1,1"},
    ],
)
def test_what_a_link_has_wrong_is_left_out_with_a_sentence(
    open_page: Open, query: dict[str, str]
) -> None:
    app = open_page(PAGE, view="unit", **query)
    assert "cs-unit-yes" in html_of(app)
    if "rows" not in query:
        captions = " ".join(caption.value for caption in app.caption)
        assert ":material/info:" in captions


def test_arrows_lead_to_the_neighbours_and_back_to_what_it_is_made_of(open_page: Open) -> None:
    app = open_page(PAGE, view="unit", layer="pool1", unit="2,1,1")
    app.button(key="unit.move.Right").click().run()
    assert link(app, "unit") == "2,1,2"
    app.button(key="unit.move.PageDown").click().run()
    assert link(app, "unit") == "3,1,2"
    (back,) = [button for button in app.button if str(button.key).startswith("unit.back.")]
    back.click().run()
    assert link(app, "layer") == "relu1"
    channel, row, column = map(int, link(app, "unit").split(","))
    assert (channel, row // 2, column // 2) == (3, 1, 2)
    assert "of relu1" in html_of(app)


def test_at_the_border_no_arrow_leads_out(open_page: Open) -> None:
    app = open_page(PAGE, view="unit", layer="pool1", unit="0,0,0")
    disabled = {key for key in ("Left", "Up", "PageUp", "Right", "Down", "PageDown")
                if app.button(key=f"unit.move.{key}").disabled}  # fmt: skip
    assert disabled == {"Left", "Up", "PageUp"}


def test_a_block_in_the_link_is_its_last_step(open_page: Open) -> None:
    app = open_page(PAGE, view="unit", model="random:resnet8", layer="block1", unit="0,1,1")
    assert "of block1.relu2" in html_of(app)
    app = open_page(PAGE, view="unit", model="random:resnet8", layer="block2.add", unit="0,1,1")
    assert "Numbers at the same place are added" in html_of(app)


def test_the_network_view_holds_every_layer_and_the_probabilities(open_page: Open) -> None:
    app = open_page(PAGE, view="network")
    assert not app.exception
    (data,) = [one for one in components(app) if "links" in one]
    names = [column["name"] for column in data["columns"]]
    assert names[0] == "conv1"
    assert names[-1] == "softmax"
    assert len(data["columns"][-1]["names"]) == 10
    assert len(json.dumps(data)) < 200_000


def test_opened_blocks_stand_in_the_link(open_page: Open) -> None:
    app = open_page(PAGE, view="network", model="random:resnet20", open="block3,nosuch")
    (data,) = [one for one in components(app) if "links" in one]
    names = [column["name"] for column in data["columns"]]
    assert "block3.add" in names
    assert "block2" in names
    assert data["foldable"] == ["block3"]
    assert "nosuch" in html_of(app)


def test_more_channels_are_told_apart_on_request_and_only_where_there_are_more(
    open_page: Open,
) -> None:
    app = open_page(PAGE, view="unit", layer="fc1", unit="3,0,0", rows="128")
    assert "more inputs together" not in html_of(app)
    fewer = open_page(PAGE, view="unit", layer="fc1", unit="3,0,0")
    assert "more inputs together" in html_of(fewer)
    few = open_page(PAGE, view="unit", layer="conv2", unit="3,0,0")
    assert not [group for group in few.button_group if group.key == "rows"]


def test_the_steps_of_a_network_are_asked_for_once(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At another moment the weights are others, and the steps the same."""
    asked: list[tuple[str, str | None]] = []

    def glance(lens: str, model: str | None, *rest: Any, **options: Any) -> Any:
        asked.append((lens, model))
        return looking.glance(lens, model, *rest, **options)

    for module in (kept, unit):
        monkeypatch.setattr(module, "glance", glance)
    kept.forget()
    app = open_page(PAGE, view="unit", model="shipped:digits_lenet5", step="0")
    first = html_of(app)
    app.query_params["step"] = "120"
    assert html_of(app.run()) != first
    assert [model for lens, model in asked if lens == "steps"] == ["shipped:digits_lenet5"]
    assert len({model for lens, model in asked if lens == "unit"}) == 2
