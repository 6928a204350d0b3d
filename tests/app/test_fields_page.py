"""The Receptive fields page with a real engine: numbers, units, moments, odd links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.test_pages import errors, html
from ui.fields import effective, growth, page, unit_view
from ui.subject import kept

FIELDS = "pages/look/fields.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()
    growth.forget()


def test_first_look(open_page: Open) -> None:
    app = open_page(FIELDS)
    assert errors(app) == []
    shown = html(app)
    assert "14×14 px" in shown  # the second convolution of the digits network
    assert "✓ theory = gradient" in shown
    assert "✓ 100.0 %" in shown  # of the gradient inside the box
    assert "Before: update 0" in shown
    assert "cs-fields-ellipse" in shown
    assert app.query_params == {}


def test_a_link_names_layer_unit_channel_and_moment(open_page: Open) -> None:
    app = open_page(
        FIELDS, model="shipped:shapes_resnet8", step="10", layer="block2.conv2", unit="0,1,14",
        channel="3",
    )  # fmt: skip
    assert errors(app) == []
    shown = html(app)
    assert "Unit 1, 14 of block2.conv2 sees rows −4 to 8 and columns 22 to 34" in shown
    assert "Hatched: padding" in shown
    assert "What it does see, update 10" in shown
    assert "channel 3, over" in shown
    assert "✓ theory = gradient" in shown
    assert app.selectbox(key="fields.channel").value == 3


def test_choosing_all_channels_clears_the_link(open_page: Open) -> None:
    app = open_page(FIELDS, channel="3")
    app.selectbox(key="fields.channel").select(-1).run()
    assert errors(app) == []
    assert "channel" not in app.query_params
    app.selectbox(key="fields.channel").select(5).run()
    assert "".join(app.query_params["channel"]) == "5"


def test_another_layer_leaves_its_unit_behind(open_page: Open) -> None:
    app = open_page(FIELDS, layer="conv1", unit="0,15,15")
    assert "Unit 15, 15 of conv1" in html(app)
    app.selectbox(key="subject.layer").select("pool2").run()
    assert errors(app) == []
    assert "".join(app.query_params["layer"]) == "pool2"
    assert "unit" not in app.query_params
    assert "Unit 1, 1 of pool2" in html(app)


@pytest.mark.parametrize("layer", ["flatten1", "fc1", "fc2"])
def test_layers_without_a_place(open_page: Open, layer: str) -> None:
    app = open_page(FIELDS, layer=layer)
    assert errors(app) == []
    assert "the whole image" in html(app)
    assert "no place in the image" in html(app)


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(FIELDS, layer="nosuch", unit="a,b", channel="99", channels="0", stack="9")
    assert errors(app) == []
    said = " ".join(caption.value for caption in app.caption)
    assert "no layer nosuch" in said
    assert "names no unit" in said
    assert "no channel" in said
    assert "number of channels is left out" in said
    assert "14×14 px" in html(app)


def test_a_unit_outside_the_map_is_said(open_page: Open) -> None:
    app = open_page(FIELDS, layer="conv2", unit="0,4,0")
    assert errors(app) == []
    assert any("not in this layer" in caption.value for caption in app.caption)


def test_untrained_networks_have_no_growth(open_page: Open) -> None:
    app = open_page(FIELDS, model="random:small_local", data="digits")
    assert errors(app) == []
    assert any("no growth to show" in caption.value for caption in app.caption)
    assert "✓ theory = gradient" in html(app)


def test_stacks_follow_their_settings_and_the_link(open_page: Open) -> None:
    app = open_page(FIELDS, stack="3", channels="7")
    assert errors(app) == []
    assert "27C² = 1,323" in html(app)
    assert "49C² = 2,401" in html(app)
    app.number_input(key="fields.channels").set_value(10).run()
    assert "27C² = 2,700" in html(app)
    assert "".join(app.query_params["channels"]) == "10"
    app.number_input(key="fields.channels").set_value(64).run()
    assert "channels" not in app.query_params


def test_blocks_in_the_table(open_page: Open) -> None:
    app = open_page(FIELDS, model="shipped:shapes_resnet8")
    assert "<td>block1</td>" not in html(app)
    app.toggle(key="fields.blocks").set_value(True).run()
    assert errors(app) == []
    assert "<td>block1</td>" in html(app)


def test_the_gradient_check_is_asked_once_for_all_moments(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of the structure alone; every moment has a field of its own."""
    asked: list[str] = []
    for module in (kept, unit_view, effective):
        real = module.glance

        def count(lens: str, *arguments: Any, real: Any = real, **options: Any) -> Any:
            asked.append(lens)
            return real(lens, *arguments, **options)

        monkeypatch.setattr(module, "glance", count)
    app = open_page(FIELDS, step="0")
    before = asked.count("effective_field")
    app.query_params["step"] = "10"
    app.run()
    assert errors(app) == []
    assert "What it does see, update 10" in html(app)
    assert "✓ theory = gradient" in html(app)
    assert asked.count("effective_field") > before
    assert asked.count("gradient_support") == 1


def test_while_it_trains_the_last_moment_is_the_latest(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "After: update" in html(open_page(FIELDS))
    monkeypatch.setattr(page, "is_active", lambda history: True)
    shown = html(open_page(FIELDS))
    assert "Latest: update" in shown
    assert "after training" not in shown.lower()
    assert "After: " not in shown


def test_a_finished_run(open_page: Open, finished_run: str) -> None:
    app = open_page(FIELDS, model=f"run:{finished_run}")
    assert errors(app) == []
    assert "Before: update 0" in html(app)
    assert "After: update" in html(app)
