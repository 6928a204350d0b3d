"""The clickable picture in Debian's chromium: pointer, finger and keys name the right cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.app_server import serve

PAGE = Path(__file__).with_name("clickable_page.py")
SCALE = 10  # CSS pixels of the page's picture to one of its own
SIZE = (46, 28)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("clickable")
    with serve(home / "runs", log=home / "log", script=str(PAGE)) as server:
        yield server.url


def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    errors: list[str] = []
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.locator(".frame").wait_for()
    page.locator("#held").wait_for(state="attached")
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    yield from opened(browser, url)


def held(page: Any) -> Any:
    return json.loads(page.locator("#held").text_content())


def until_clicked(page: Any, clicks: list[int]) -> None:
    page.wait_for_function(
        """clicks => {
          const text = document.querySelector("#held")?.textContent;
          return text && JSON.stringify(JSON.parse(text).clicks) === JSON.stringify(clicks);
        }""",
        arg=clicks,
    )


def at(x: float, y: float) -> dict[str, float]:
    """A place in the picture as the position of a pointer on it."""
    return {"x": x * SCALE, "y": y * SCALE}


def outlined(page: Any, group: str) -> list[float] | None:
    """The cell that a group of lines goes round: left, top, right, bottom in pixels of the picture."""
    cell: list[float] | None = page.locator(f".marks .{group}").evaluate(
        """node => {
          if (node.hasAttribute("hidden")) return null;
          const [x, y, width, height] = ["x", "y", "width", "height"]
            .map((name) => Number(node.lastElementChild.getAttribute(name)));
          return [x + 1, y + 1, x + width - 1, y + height - 1];
        }"""
    )
    return cell


def tip(page: Any) -> Any:
    return page.locator(".tip")


def test_the_picture_takes_the_width_asked_for_and_stays_sharp(page: Any) -> None:
    box = page.locator(".picture").bounding_box()
    assert (box["width"], box["height"]) == (SIZE[0] * SCALE, SIZE[1] * SCALE)
    assert page.locator(".picture").evaluate("node => getComputedStyle(node).imageRendering") == (
        "pixelated"
    )


def test_hover_outlines_a_cell_and_says_what_it_is(page: Any) -> None:
    page.locator(".frame").hover(position=at(12 + 5, 10 + 4))  # second column, second row
    expect(tip(page)).to_have_text("cell 5\nmean 2.5")
    expect(tip(page)).to_be_visible()
    assert outlined(page, "pointed") == [12, 10, 22, 18]
    assert outlined(page, "selected") is None
    page.locator(".frame").hover(position=at(5, 4))
    expect(tip(page)).to_contain_text("cell 0")
    page.mouse.move(2, 2)
    expect(tip(page)).to_be_hidden()
    assert outlined(page, "pointed") is None
    assert held(page)["clicks"] == []


def test_a_click_reaches_python_once_and_comes_back_as_the_selected_cell(page: Any) -> None:
    page.locator(".frame").click(position=at(36 + 5, 10 + 4))
    until_clicked(page, [7])
    assert "cell=7" in page.url
    assert outlined(page, "selected") == [36, 10, 46, 18]
    page.get_by_role("button", name="New picture").click()  # another rerun is no other click
    page.wait_for_function("JSON.parse(document.querySelector('#held').textContent).shade === 100")
    assert held(page)["clicks"] == [7]
    assert outlined(page, "selected") == [36, 10, 46, 18]
    page.locator(".frame").click(position=at(36 + 5, 10 + 4))  # the same cell again is one
    until_clicked(page, [7, 7])


def test_a_gap_belongs_to_the_nearer_tile_and_empty_places_to_none(page: Any) -> None:
    page.locator(".frame").click(position=at(10.5, 4))  # the gap is from 10 to 12
    until_clicked(page, [0])
    page.locator(".frame").click(position=at(11.5, 4))
    until_clicked(page, [0, 1])
    page.locator(".frame").click(position=at(30, 24))  # row 3 has two cells
    page.locator(".frame").click(position=at(17, 24))
    until_clicked(page, [0, 1, 9])


def test_a_new_picture_takes_the_place_of_the_old_one_while_it_is_pointed_at(page: Any) -> None:
    page.locator(".frame").evaluate("node => { node.dataset.first = 'yes'; }")
    before = page.locator(".picture").get_attribute("src")
    page.get_by_role("button", name="New picture").focus()
    page.locator(".frame").hover(position=at(17, 14))
    page.keyboard.press("Enter")
    page.wait_for_function("JSON.parse(document.querySelector('#held').textContent).shade === 100")
    expect(page.locator(".picture")).not_to_have_attribute("src", before)
    expect(page.locator(".frame[data-first]")).to_have_count(1)
    assert outlined(page, "pointed") == [12, 10, 22, 18]
    expect(tip(page)).to_be_visible()


def test_keys_move_between_the_cells_and_choose(page: Any) -> None:
    frame = page.get_by_role("grid", name="Ten maps")
    frame.focus()
    frame.press("ArrowRight")
    frame.press("ArrowDown")
    expect(page.locator("#cell")).to_have_attribute("aria-label", "cell 5\nmean 2.5")
    expect(page.get_by_role("gridcell")).to_have_attribute("aria-colindex", "2")
    expect(tip(page)).to_contain_text("cell 5")
    frame.press("Enter")
    until_clicked(page, [5])
    frame.press("ArrowUp")
    frame.press("ArrowUp")  # there is no row above: stays
    frame.press("ArrowLeft")
    frame.press("ArrowLeft")
    frame.press(" ")
    until_clicked(page, [5, 0])
    frame.press("End")
    frame.press("ArrowRight")  # nothing behind the last
    frame.press("Enter")
    until_clicked(page, [5, 0, 9])
    frame.press("Escape")
    expect(tip(page)).to_be_hidden()


def test_of_boxes_the_smallest_under_the_pointer_is_meant(page: Any) -> None:
    page.get_by_text("Boxes", exact=True).click()
    frame = page.locator(".frame")
    expect(frame).to_have_attribute("aria-colcount", "5")
    frame.click(position=at(8, 8))
    until_clicked(page, [1])
    frame.click(position=at(20, 20))  # only the large one is there
    until_clicked(page, [1, 0])
    frame.click(position=at(35, 20))
    until_clicked(page, [1, 0, 3])
    frame.press("ArrowUp")
    frame.press("Enter")
    until_clicked(page, [1, 0, 3, 2])
    frame.press("ArrowLeft")  # the middle of the large box is nearer than the other small one
    frame.press("Enter")
    until_clicked(page, [1, 0, 3, 2, 0])


def test_without_texts_a_cell_is_called_by_its_place(page: Any) -> None:
    page.get_by_text("Say something").click()
    page.locator(".frame").hover(position=at(17, 14))
    expect(tip(page)).to_have_text("row 2, column 2")


def test_a_tip_stays_within_the_window(page: Any) -> None:
    page.set_viewport_size({"width": 520, "height": 420})
    frame = page.locator(".frame")
    frame.scroll_into_view_if_needed()
    bounds = frame.bounding_box()
    page.mouse.move(bounds["x"] + bounds["width"] - 20, bounds["y"] + 60)
    expect(tip(page)).to_be_visible()
    box = tip(page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 520
    assert box["y"] + box["height"] <= 420


def test_a_tap_says_what_the_cell_is_and_chooses_it(browser: Any, url: str) -> None:
    for page in opened(browser, url, viewport={"width": 390, "height": 844}, has_touch=True):
        frame = page.locator(".frame")
        box = frame.bounding_box()
        assert box["width"] <= 390  # no wider than there is place
        scale = box["width"] / SIZE[0]
        frame.tap(position={"x": 17 * scale, "y": 14 * scale})
        expect(tip(page)).to_contain_text("cell 5")
        until_clicked(page, [5])
