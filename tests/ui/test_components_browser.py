"""The two components in Debian's chromium: what a visitor does arrives in Python, and only that.

Each test opens a page of its own on one server and waits for states, never for time to pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from benchmarks.app_server import serve

PAGE = Path(__file__).with_name("component_page.py")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("components")
    with serve(home / "runs", log=home / "log", script=str(PAGE)) as server:
        yield server.url


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.locator("li.layer").first.wait_for()
    page.locator("canvas.ink").wait_for()
    yield page
    context.close()
    assert errors == []


def held(page: Any, name: str) -> Any:
    return json.loads(page.locator(f"#held-{name}").text_content())


def until_held(page: Any, name: str, test: str) -> Any:
    """What Python holds once `test`, JavaScript on `held`, is true of it."""
    page.wait_for_function(
        f"""() => {{
          const text = document.querySelector("#held-{name}")?.textContent;
          if (!text) return false;
          const held = JSON.parse(text);
          return {test};
        }}"""
    )
    return held(page, name)


def row(page: Any, number: int) -> Any:
    return page.locator("li.layer").nth(number - 1)


def kinds(net: dict[str, Any]) -> list[str]:
    return [layer["kind"] for layer in net["layers"]]


# -- layer editor ------------------------------------------------------------------------------


def test_rows_show_what_python_computes(page: Any) -> None:
    # 6·(1·5·5 + 1) = 156 parameters; 24·24·6·25 = 86,400 MACs; 10·(6·12·12 + 1) = 8,650
    expect(row(page, 1).locator(".c-shape")).to_have_text("6 × 24 × 24")
    expect(row(page, 1).locator(".c-params b")).to_have_text("156")
    expect(row(page, 1).locator(".c-macs b")).to_have_text("86,400")
    expect(row(page, 5).locator(".c-params b")).to_have_text("8,650")
    expect(page.locator(".sum-params")).to_have_text("8,806")
    expect(page.locator(".sum-output")).to_contain_text("10 = classes")


def test_fast_typing_keeps_focus_cursor_and_last_value(page: Any) -> None:
    box = row(page, 1).get_by_role("textbox", name="out_channels")
    box.click()
    box.press("ControlOrMeta+a")
    node = box.element_handle()
    for text in "1", "2", "3":
        box.press_sequentially(text)
        # each answer arrives while the field is being edited
        until_held(page, "net", f"String(held.layers[0].out_channels).endsWith({text!r})")
    box.press("ArrowLeft")
    box.press_sequentially("9")
    net = until_held(page, "net", "held.layers[0].out_channels === 1293")
    assert net["problem"] is None
    assert box.input_value() == "1293"
    assert node.evaluate("node => node.isConnected && node.getRootNode().activeElement === node")
    assert node.evaluate("node => node.selectionStart") == 3


def test_text_that_is_no_number_is_marked_and_never_sent(page: Any) -> None:
    box = row(page, 1).get_by_role("textbox", name="kernel_size")
    box.press_sequentially("x")
    assert box.get_attribute("aria-invalid") == "true"
    expect(row(page, 1).locator(".note")).to_contain_text("kernel_size needs a whole number")
    # an edit elsewhere is sent meanwhile, with the last good value of this field; the answer leaves
    # the text alone until the visitor turns away from it
    row(page, 2).get_by_label("function").select_option("tanh")
    net = until_held(page, "net", "held.layers[1].function === 'tanh'")
    assert net["layers"][0]["kernel_size"] == 5
    assert box.input_value() == "x5"
    box.press("Tab")
    assert box.input_value() == "5"
    expect(row(page, 1).locator(".note")).to_be_hidden()


def test_a_layer_that_does_not_fit_says_why_and_greys_the_rest(page: Any) -> None:
    row(page, 1).get_by_role("textbox", name="kernel_size").fill("40")
    net = until_held(page, "net", "held.problem !== null")
    assert net["problem"].startswith("Layer 1")
    expect(row(page, 1).locator(".note")).to_contain_text("40")
    note = row(page, 1).locator(".note").get_attribute("id")
    assert row(page, 1).locator("select").first.get_attribute("aria-describedby") == note
    assert "beyond" not in row(page, 1).get_attribute("class")
    assert all("beyond" in row(page, number).get_attribute("class") for number in range(2, 6))
    page.get_by_role("button", name="Undo").first.click()
    until_held(page, "net", "held.problem === null && held.layers[0].kernel_size === 5")
    expect(row(page, 1).get_by_role("textbox", name="kernel_size")).to_have_value("5")


def test_rows_are_added_copied_moved_and_deleted(page: Any) -> None:
    row(page, 1).get_by_role("button", name="Add a layer after this one").click()
    net = until_held(page, "net", "held.layers.length === 6")
    assert kinds(net)[:3] == ["conv", "activation", "activation"]
    kind = row(page, 2).get_by_label("Kind of layer 2")
    expect(kind).to_be_focused()
    kind.select_option("norm")
    until_held(page, "net", "held.layers[1].kind === 'norm' && held.layers[1].mode === 'batch'")

    row(page, 1).get_by_role("button", name="Move down").click()
    net = until_held(page, "net", "held.layers[0].kind === 'norm'")
    assert net["layers"][1]["kernel_size"] == 5
    expect(row(page, 2).get_by_role("button", name="Move down")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    until_held(page, "net", "held.layers[0].kind === 'conv'")

    row(page, 1).get_by_role("button", name="Duplicate").click()
    net = until_held(page, "net", "held.layers.length === 7")
    assert net["layers"][0] == net["layers"][1]
    row(page, 2).get_by_role("button", name="Delete").click()
    net = until_held(page, "net", "held.layers.length === 6")
    assert kinds(net) == ["conv", "norm", "activation", "pool", "flatten", "linear"]


def test_a_row_can_be_dragged(page: Any) -> None:
    grip, target = row(page, 3).locator(".grip"), row(page, 1)
    start, end = grip.bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 5, steps=5)
    page.mouse.up()
    net = until_held(page, "net", "held.layers[0].kind === 'pool'")
    assert kinds(net) == ["pool", "conv", "activation", "flatten", "linear"]


def test_classes_is_a_word_that_can_be_switched(page: Any) -> None:
    word = row(page, 5).get_by_role("button", name="classes", exact=True)
    assert word.get_attribute("aria-pressed") == "true"
    word.click()
    until_held(page, "net", "held.layers[4].out_features === 10 && held.problem === null")
    row(page, 5).get_by_role("textbox", name="out_features").fill("12")
    until_held(page, "net", "held.problem !== null")
    word.click()
    until_held(page, "net", "held.layers[4].out_features === 'classes' && held.problem === null")


def test_the_page_can_set_another_network_and_other_images(page: Any) -> None:
    row(page, 1).get_by_role("textbox", name="out_channels").fill("9")
    until_held(page, "net", "held.layers[0].out_channels === 9")
    page.get_by_text("Colour images").click()
    expect(page.locator(".input .c-shape")).to_have_text("3 × 32 × 32")
    expect(row(page, 1).locator(".c-params b")).to_have_text("684")  # 9·(3·25 + 1)
    page.get_by_role("button", name="Another network").click()
    net = until_held(page, "net", "held.layers.length === 2")
    assert kinds(net) == ["flatten", "linear"]
    expect(page.locator("li.layer")).to_have_count(2)
    row(page, 1).get_by_role("button", name="Add a layer after this one").click()
    until_held(page, "net", "held.layers.length === 3")


# -- draw pad ----------------------------------------------------------------------------------


def stroke(page: Any, *points: tuple[float, float]) -> None:
    canvas = page.locator("canvas.ink")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def drawn(page: Any, test: str = "held !== null") -> NDArray[np.uint8]:
    return np.array(until_held(page, "drawing", test), dtype=np.uint8)


def test_a_stroke_arrives_where_it_was_drawn(page: Any) -> None:
    assert held(page, "drawing") is None
    stroke(page, (0.25, 0.5), (0.75, 0.5))
    picture = drawn(page)
    assert picture.shape == (28, 28)
    assert picture.max() > 240
    rows, columns = np.nonzero(picture)
    # the middle line from a quarter to three quarters, half a brush more on every side
    assert 12 <= rows.min() <= rows.max() <= 15
    assert 4 <= columns.min() <= 6
    assert 21 <= columns.max() <= 23
    np.testing.assert_allclose(picture.astype(float), picture[::-1].astype(float), atol=40)
    edge = picture[rows.min(), 10:18]
    assert np.all((edge > 0) & (edge < 200)), "the edge of a stroke is soft"


def test_undo_and_clear(page: Any) -> None:
    stroke(page, (0.2, 0.2), (0.8, 0.2))
    first = drawn(page)
    stroke(page, (0.2, 0.8), (0.8, 0.8))
    drawn(page, "held?.flat().reduce((a, b) => a + b) > 1.5 * " + str(int(first.sum())))
    page.locator(".pad .undo").click()
    np.testing.assert_array_equal(
        drawn(page, f"held?.flat().reduce((a, b) => a + b) === {int(first.sum())}"), first
    )
    page.locator(".pad .clear").click()
    until_held(page, "drawing", "held === null")
    page.locator(".pad .undo").click()
    np.testing.assert_array_equal(drawn(page), first)


def shown_on_pad(page: Any) -> NDArray[np.uint8]:
    values = page.locator("canvas.preview").evaluate(
        """node => [...node.getContext("2d").getImageData(0, 0, 28, 28).data]"""
    )
    return np.array(values, dtype=np.uint8).reshape(28, 28, 4)[:, :, 0]


def test_a_pad_made_anew_shows_what_python_has(page: Any) -> None:
    stroke(page, (0.3, 0.3), (0.7, 0.7))
    picture = drawn(page)
    page.locator(".pad").evaluate("node => { node.dataset.old = 'yes'; }")
    page.get_by_text("Move the pad").click()
    page.locator(".pad:not([data-old]).drawn").wait_for()
    page.locator(".pad[data-old]").wait_for(
        state="detached"
    )  # both are there until the script ends
    np.testing.assert_array_equal(shown_on_pad(page), picture)
    assert held(page, "drawing") == picture.tolist()

    page.get_by_text("Show the pad").click()
    page.locator("canvas.ink").wait_for(state="detached")
    page.get_by_text("Show the pad").click()
    page.locator("canvas.ink").wait_for()
    assert held(page, "drawing") is None
    assert not shown_on_pad(page).any()


def test_another_size_resamples_the_drawing(page: Any) -> None:
    stroke(page, (0.25, 0.5), (0.75, 0.5))
    drawn(page)
    page.get_by_role("radio", name="16").click()
    picture = drawn(page, "held?.length === 16")
    assert picture.max() > 150
    assert set(np.nonzero(picture)[0]) <= {7, 8}


def test_the_pad_works_from_the_keyboard(page: Any) -> None:
    canvas = page.locator("canvas.ink")
    canvas.focus()
    canvas.press("Space")
    for _ in range(8):
        canvas.press("ArrowRight")
    canvas.press("Space")
    picture = drawn(page)
    columns = np.nonzero(picture)[1]
    assert 12 <= columns.min() <= 13
    assert 22 <= columns.max() <= 23
    canvas.press("Delete")
    until_held(page, "drawing", "held === null")
