"""The Filters page: every view, with each kind of network, from links right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import EngineError
from tests.app.test_pages import errors, html
from ui.filters import consequences, scene
from ui.looking import TICK_PATIENCE, NotYetError, glance

Open = Callable[..., AppTest]
FILTERS = "pages/look/filters.py"
VIEWS = ("filters", "one", "edit", "lesion")


def said(app: AppTest) -> str:
    """All captions and boxes."""
    boxes = [*app.caption, *app.info, *app.warning, *app.error]
    return " ".join(element.value for element in boxes).replace("\\", "")


def linked(app: AppTest, key: str) -> str:
    """What the address says."""
    return "".join(app.query_params[key])


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "link", [{}, {"layer": "conv2", "filter": "3"}, {"model": "random:lenet5_1998"}]
)
def test_every_view_of_a_network(open_page: Open, view: str, link: dict[str, str]) -> None:
    app = open_page(FILTERS, view=view, **link)
    assert errors(app) == []
    assert not app.error
    assert not app.warning
    assert charts(app) >= 1
    assert app.number_input(key="filters.link.filter").value == int(link.get("filter", "0"))


def test_the_overview_tells_numbers_and_how_they_were_measured(open_page: Open) -> None:
    app = open_page(FILTERS, filter="2")
    assert "6 filters of 5×5 weights on one input channel" in html(app)
    assert "cs-filters-numbers" in html(app)
    assert "Dead: after the ReLU" in said(app)
    assert "cosine similarity" in said(app)
    app = open_page(FILTERS, layer="conv2", filter="2", channel="5")
    assert "16 filters of 5×5 weights on each of 6 input channels" in html(app)
    assert "input channel 5" in html(app)


def test_gradient_and_momentum(open_page: Open, finished_run: str) -> None:
    shipped = open_page(FILTERS, show="momentum")
    assert errors(shipped) == []
    assert "runs of this server" in said(shipped)
    gradient = open_page(FILTERS, show="gradient", scale="filter")
    assert errors(gradient) == []
    assert "256 training images" in html(gradient)
    own = open_page(FILTERS, model=f"run:{finished_run}", show="momentum")
    assert errors(own) == []
    assert "velocity of SGD" in html(own)
    beside = open_page(FILTERS, model=f"run:{finished_run}", view="one")
    assert errors(beside) == []
    for word in ("Weights", "Gradient", "Momentum"):
        assert f"<h4>{word}" in html(beside)


def test_edits_change_the_answer_and_can_be_undone(open_page: Open) -> None:
    app = open_page(FILTERS, view="edit", edits="conv1,0,zero;conv1,1,scale,-1")
    assert errors(app) == []
    assert "conv1, filter 1: times" in "".join(one.value for one in app.markdown).replace("\\", "")
    assert "percentage points" in said(app)
    assert "validation images" in said(app)
    app.button(key="filters.undo").click().run()
    assert linked(app, "edits") == "conv1,0,zero"
    app.button(key="filters.do.rotate90.None").click().run()
    assert errors(app) == []
    assert linked(app, "edits") == "conv1,0,zero;conv1,0,rotate90"
    app.number_input(key="filters.bias.conv1.0").set_value(0.5).run()
    assert linked(app, "edits").endswith("conv1,0,bias,0.5")
    app.button(key="filters.clear").click().run()
    assert errors(app) == []
    assert "edits" not in app.query_params
    assert "Nothing is edited yet" in said(app)


def test_maps_of_a_deeper_layer(open_page: Open) -> None:
    app = open_page(FILTERS, view="edit", edits="conv1,0,zero", maps="relu2")
    assert errors(app) == []
    assert "16 of 16 maps of relu2" in html(app)


def test_lesions_of_filters_and_of_layers(open_page: Open) -> None:
    app = open_page(FILTERS, view="lesion")
    assert errors(app) == []
    assert "With everything in place" in html(app)
    assert html(app).count("filter ") >= 6
    assert "cs-filters-damage" in html(app)
    layers = open_page(FILTERS, view="lesion", parts="layers")
    assert errors(layers) == []
    assert "<td>conv1</td>" in html(layers)
    assert "<td>fc1</td>" in html(layers)


def test_controls_write_the_link(open_page: Open) -> None:
    app = open_page(FILTERS)
    app.number_input(key="filters.link.filter").set_value(4).run()
    assert linked(app, "filter") == "4"
    app.number_input(key="filters.link.filter").set_value(0).run()
    assert "filter" not in app.query_params
    assert errors(app) == []


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"filter": "99"}, "The link's filter='99' is left out"),
        ({"filter": "-1"}, "left out"),
        ({"filter": "<b>"}, "left out"),
        ({"layer": "nosuch"}, "no layer"),
        ({"view": "nosuch", "scale": "x", "show": "y"}, "Dead"),
        ({"view": "one", "layer": "conv2", "channel": "77"}, "left out"),
        ({"layer": "conv2", "channel": "0" * 5000}, "This layer's input channels: 0 to 5."),
        ({"layer": "conv2", "channel": "00000009999"}, "This layer's input channels: 0 to 5."),
        ({"view": "edit", "edits": "conv1,0,explode"}, "cannot be read"),
        ({"view": "edit", "edits": "conv1,77,zero"}, "no filter 77"),
        ({"view": "edit", "edits": "conv9,0,zero"}, "no convolution"),
        ({"view": "edit", "edits": "conv1,0,set,0:9:9:1"}, "has none at"),
        ({"model": "random:small_fc"}, "no convolution"),
    ],
)
def test_wrong_links_are_a_sentence(open_page: Open, link: dict[str, str], sentence: str) -> None:
    app = open_page(FILTERS, **link)
    assert errors(app) == []
    assert sentence in said(app)


def test_a_layer_of_many_filters_is_shown_in_parts(open_page: Open) -> None:
    app = open_page(FILTERS, model="random:fast_resnet", layer="conv4", **{"from": "30"})
    assert errors(app) == []
    assert app.selectbox(key="filters.link.from").value == 24
    assert "512 filters (shown: 24)" in html(app)
    assert "256 input channels (shown: 32)" in html(app)


def test_a_link_that_changes_changes_the_view_at_once(open_page: Open) -> None:
    """Lesion draws no image picker: the view must be known before its control is drawn."""
    app = open_page(FILTERS, view="filters")
    app.query_params["view"] = "one"
    one = html(app.run())
    assert errors(app) == []
    assert one == html(open_page(FILTERS, view="one"))


def test_the_overview_does_not_wait_for_dead_filters(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else is drawn while they are looked for, and drawn once more when they are known."""
    asked: list[float | None] = []

    def slow(lens: str, *args: Any, **options: Any) -> Any:
        if lens == "filter_activity":
            asked.append(options.get("patience"))
            if options.get("patience") is not None:
                raise NotYetError("Still computing this picture…")
        return glance(lens, *args, **options)

    monkeypatch.setattr(scene, "glance", slow)
    app = open_page(FILTERS, filter="2")
    assert errors(app) == []
    assert asked == [TICK_PATIENCE, None]
    assert "Dead: after the ReLU" in said(app)
    assert "Active on" in html(app)
    assert "Being measured" not in html(app)
    assert charts(app) == 2


def test_what_cannot_be_measured_leaves_the_pictures(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(lens: str, *args: Any, **options: Any) -> Any:
        if lens in {"filter_activity", "edit_accuracy"}:
            raise EngineError("It has gone: try again.")
        return glance(lens, *args, **options)

    monkeypatch.setattr(scene, "glance", refuse)
    monkeypatch.setattr(consequences, "glance", refuse)
    for view in ("filters", "edit"):
        app = open_page(FILTERS, view=view)
        assert errors(app) == []
        assert "It has gone: try again." in said(app)
        assert charts(app) >= 1
