"""The Autopsy page with a real engine: the cell, the image, every view, odd links, other networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.test_pages import LIVE, errors, html
from ui.autopsy.page import VIEWS
from ui.subject import kept

AUTOPSY = "pages/explain/autopsy.py"
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    kept.forget()


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.caption, *app.error, *app.info])


def test_without_an_image_it_opens_the_most_confident_mistake(open_page: Open) -> None:
    app = open_page(AUTOPSY)
    assert errors(app) == []
    assert "".join(app.query_params["image"]).startswith("digits/val/")
    shown = html(app)
    assert "Taken for" in shown
    assert "the truth" in shown
    assert "rather than" in shown
    assert "All mistakes, the most confident first" in shown
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("model", ["shipped:digits_lenet5", "shipped:shapes_cnn"])
def test_every_view(open_page: Open, view: str, model: str) -> None:
    app = open_page(AUTOPSY, model=model, view=view)
    assert errors(app) == []
    assert app.error.values == []
    words = {
        "why": "The first two share one scale.", "paint": "Nothing is painted out yet",
        "near": "Nearest that are labelled", "labels": "Worth a look",
    }  # fmt: skip
    assert words[view] in html(app)


def test_each_of_the_three_maps_says_where_its_evidence_lies(open_page: Open) -> None:
    app = open_page(AUTOPSY, image="digits/val/171")
    shown = html(app)
    for what in ("“3” lies in", "“5” lies in", "“5” rather than “3” lies in"):
        assert f"of what speaks for {what}" in shown
    assert "Integrated Gradients is the method to begin with here" in shown
    links = [one.proto for one in app.get("page_link")]
    assert any("trust" in link.page and "171" in link.query_string for link in links)


def test_only_the_labels_worth_a_look_are_shown_first(open_page: Open) -> None:
    app = open_page(AUTOPSY, view="labels", image="digits/val/0")
    tiles = [one for one in app.button if "or" in one.label and "?" in one.label]
    assert [one.label for one in tiles] == ["“3” or “5”?"]
    assert "Score: how much more speaks for" in html(app)
    app.toggle(key="saliency.next").set_value(True).run()
    assert errors(app) == []
    tiles = [one for one in app.button if "or" in one.label and "?" in one.label]
    assert len(tiles) == 25
    tiles[0].click().run()
    assert errors(app) == []
    assert "".join(app.query_params["image"]) == "digits/val/171"
    assert "Nearest that are labelled" in html(app)


def test_a_cell_of_the_link_shows_its_images(open_page: Open) -> None:
    app = open_page(AUTOPSY, cell="9,5")
    assert "“9” taken for “5”, the most confident first" in html(app)
    assert "".join(app.query_params["image"]).startswith("digits/val/")
    app.button(key="autopsy.all").click().run()
    assert errors(app) == []
    assert "cell" not in app.query_params
    empty = open_page(AUTOPSY, cell="0,1", image="digits/test/0")
    assert "0 images" in html(empty)


def test_a_right_answer_is_held_against_the_second_guess(open_page: Open) -> None:
    app = open_page(AUTOPSY, image="digits/test/0")
    assert "Rightly taken for" in html(app)
    assert "the second guess" in html(app)


def test_patches_of_the_link_are_painted_out(open_page: Open) -> None:
    app = open_page(AUTOPSY, image="digits/val/171", view="paint", grid="4", paint="ffff")
    assert errors(app) == []
    assert "16 of 16 patches painted out" in html(app)
    assert "the answer becomes" in html(app)
    app.button(key="autopsy.clear").click().run()
    assert "paint" not in app.query_params
    assert "Nothing is painted out yet" in html(app)
    app.button(key="autopsy.strongest").click().run()
    assert errors(app) == []
    assert "1 of 16 patches painted out" in html(app)
    app.button(key="autopsy.swap").click().run()
    assert "15 of 16 patches painted out" in html(app)


def test_odd_links_are_said_and_left_out(open_page: Open) -> None:
    app = open_page(
        AUTOPSY, cell="77,1", truth="99", method="magic", view="why", image="digits/val/171",
    )  # fmt: skip
    assert errors(app) == []
    assert "cell='77,1' is left out" in said(app).replace("\\", "")
    assert "truth='99' is left out" in said(app).replace("\\", "")
    assert "no method 'magic'" in said(app).replace("\\", "")
    odd = open_page(AUTOPSY, view="paint", paint="zz", grid="5", fill="gold", image="digits/val/0")
    assert errors(odd) == []
    assert "do not fit this grid" in said(odd)
    assert "no filling" in said(odd)


def test_fully_connected_networks_fall_back_to_another_method(open_page: Open) -> None:
    app = open_page(AUTOPSY, model="random:small_fc", data="digits", image="digits/val/0")
    assert errors(app) == []
    assert app.error.values == []
    assert app.selectbox(key="saliency.method").value == "integrated_gradients"
    refused = open_page(
        AUTOPSY, model="random:small_fc", data="digits", image="digits/val/0", method="grad_cam"
    )
    assert errors(refused) == []
    assert "Grad" in said(refused)


def test_an_image_without_a_label_asks_what_it_is(open_page: Open) -> None:
    app = open_page(AUTOPSY, image="sample:chelsea")
    if "Chelsea" not in html(app):
        app = open_page(AUTOPSY, model="shipped:shapes_cnn", image="digits/val/3")
    assert errors(app) == []
    assert "nobody has said what it is" in html(app)
    app.selectbox(key="saliency.truth").select("2").run()
    assert errors(app) == []
    assert "".join(app.query_params["truth"]) == "2"
    assert "nobody has said" not in html(app)


def test_the_live_page_leads_here(open_page: Open, finished_run: str) -> None:
    app = open_page(LIVE, run=finished_run, view="confusion")
    app.button(key="live.mistakes").click().run()
    assert errors(app) == []
    if "No mistakes" not in said(app):
        links = [one.proto for one in app.get("page_link")]
        assert any("autopsy" in link.page for link in links)
    there = open_page(AUTOPSY, model=f"run:{finished_run}")
    assert errors(there) == []
    assert "Confusion" in str(there.get("plotly_chart")[0].proto.spec)
