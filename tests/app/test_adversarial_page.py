"""The Adversarial page with a real engine: one image, a set, targets, odd links."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.test_pages import errors, html
from ui.subject import kept

ADVERSARIAL = "pages/explain/adversarial.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def said(app: AppTest) -> str:
    found = " ".join(one.value for one in [*app.caption, *app.error, *app.info])
    return found.replace("\\", "")


def test_first_look(open_page: Open) -> None:
    app = open_page(ADVERSARIAL)
    assert errors(app) == []
    shown = html(app)
    assert "A change of at most 12/255 a value turns" in shown  # the least round one that does
    assert "Random noise of the same size changes the answer in" in shown
    assert "As much random noise" in shown
    assert "Noise first changed it at" in shown
    assert len(app.get("plotly_chart")) == 1
    assert app.query_params == {}


def test_strength_0_changes_nothing(open_page: Open) -> None:
    app = open_page(ADVERSARIAL, eps="0")
    assert errors(app) == []
    assert "No change" in html(app)
    assert "is not enough" in html(app)


def test_a_link_names_attack_strength_target_and_steps(open_page: Open) -> None:
    app = open_page(
        ADVERSARIAL, model="shipped:shapes_cnn", image="shapes/test/4", attack="pgd", eps="24",
        target="2", steps="7", start="image", stepsize="4",
    )  # fmt: skip
    assert errors(app) == []
    assert "24/255" in html(app)
    assert "7 + 7" in html(app)
    assert "the answer becomes triangle" in html(app)
    app.slider(key="saliency.eps").set_value(30.5).run()
    assert errors(app) == []
    assert "".join(app.query_params["eps"]) == "30.5"


def test_a_set_of_images(open_page: Open) -> None:
    app = open_page(ADVERSARIAL, view="set", count="50", steps="3")
    assert errors(app) == []
    assert app.error.values == []
    shown = html(app)
    assert "Right at ε = 8/255: random noise" in shown
    assert "50 validation images" in shown
    offered = [one for one in app.get("button_group") if one.key == "saliency.count"]
    assert [option.content for option in offered[0].proto.options] == ["50", "All 180"]
    assert "<td>PGD</td>" in shown


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(ADVERSARIAL, attack="cw", eps="99", target="10", steps="-1", stepsize="x")
    assert errors(app) == []
    for part in ("no attack 'cw'", "eps='99'", "target='10'", "stepsize='x'", "steps='-1'"):
        assert part in said(app)
    assert "12/255" in html(app)
    odd = open_page(ADVERSARIAL, view="set", count="7", split="train", steps="2")
    assert errors(odd) == []
    assert "no number of images '7'" in said(odd)
    assert "no set of held-out images 'train'" in said(odd)


def test_networks_without_convolutions_can_be_attacked(open_page: Open) -> None:
    app = open_page(ADVERSARIAL, model="random:small_fc", data="digits")
    assert errors(app) == []
    assert app.error.values == []
    assert "A change of" in html(app)
