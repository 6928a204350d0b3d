"""The player in Debian's chromium: scrub, play, keys, comparison, growth, and the numbers read out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.app_server import serve
from viz.figures.theme import to_rgb

PAGE = Path(__file__).with_name("player_page.py")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("player")
    with serve(home / "runs", log=home / "log", script=str(PAGE)) as server:
        yield server.url


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Any]:
    errors: list[str] = []
    contexts = []

    def open_page(query: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}/{query}")
        page.locator(".player .panel").first.wait_for()
        page.locator("#held").wait_for(state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(visit: Any) -> Any:
    return visit()


def label(page: Any, which: str = "b") -> Any:
    return page.locator(f".moment.{which} .label")


def until_held(page: Any, test: str) -> Any:
    page.wait_for_function(
        f"""() => {{ const text = document.querySelector("#held")?.textContent;
            if (!text) return false; const held = JSON.parse(text); return {test}; }}"""
    )
    return json.loads(page.locator("#held").text_content())


def panel(page: Any, title: str) -> Any:
    return page.locator(f'.panel[data-title="{title}"]')


def views(page: Any, title: str) -> Any:
    return panel(page, title).locator(".view:visible :is(canvas, img)")


def pixel(canvas: Any, tile: int, row: int, column: int) -> list[int]:
    """The colour in the middle of a value of the Maps panel: two tiles of 2×3."""
    return list(
        canvas.evaluate(
            """(node, [tile, row, column]) => {
            const zoom = node.height / 2, cell = 3 * zoom + 8;
            const x = tile * cell + (column + 0.5) * zoom, y = (row + 0.5) * zoom;
            return [...node.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3); }""",
            [tile, row, column],
        )
    )


def expected(value: float, limit: float) -> list[int]:
    return [int(c) for c in to_rgb(value, "diverging", vmin=-limit, vmax=limit)]


def test_it_begins_at_the_newest_moment_and_says_nothing(page: Any) -> None:
    expect(label(page)).to_have_text("Update 100")
    held = json.loads(page.locator("#held").text_content())
    assert held == {"at": None, "pinned": None, "own_scale": False, "runs": 1}
    assert page.get_by_role("slider", name="Moment").get_attribute("aria-valuetext") == (
        "Update 100. moment 3"
    )


def test_all_panels_move_together_and_the_server_hears_where_it_came_to_rest(page: Any) -> None:
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    slider.press("ArrowRight")
    expect(label(page)).to_have_text("Update 1")
    maps = views(page, "Maps")
    assert pixel(maps, 1, 1, 2) == expected(1.15, 10)
    bar = panel(page, "Chances").locator(".number").first
    expect(bar).to_have_text("36.7 %")
    shade = views(page, "Shade").evaluate(
        """node => { const c = document.createElement("canvas"); c.width = c.height = 1;
        const pen = c.getContext("2d"); pen.drawImage(node, 0, 0, 1, 1);
        return pen.getImageData(0, 0, 1, 1).data[0]; }"""
    )
    assert shade == 30
    expect(panel(page, "Maps").locator(".note")).to_have_text("note 1 All.")
    held = until_held(page, "held.at === 1")
    assert held["runs"] == 2  # two steps, one message
    slider.press("End")
    assert until_held(page, "held.at === null")["runs"] == 3
    assert pixel(maps, 1, 1, 2) == expected(3.15, 10)


def test_dragging_along_the_curves_scrubs(page: Any) -> None:
    strip = page.locator(".strip")
    box = strip.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.66, box["y"] + 20, steps=4)
    expect(label(page)).to_have_text("Update 10")
    page.mouse.move(box["x"] - 200, box["y"] + 20, steps=4)  # beyond the end is the end
    expect(label(page)).to_have_text("Update 0")
    page.mouse.up()
    until_held(page, "held.at === 0")
    # the cursor stands where the slider's knob is, and the legend says what the curves have there
    expect(page.locator(".legend b")).to_have_text(["2.00", "0.0 %"])


def test_play_goes_on_to_the_end_and_tells_python_once(page: Any) -> None:
    page.locator(".speed select").select_option("8")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()  # from the end it begins again
    expect(label(page)).to_have_text("Update 100")
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="One moment back").click()
    held = until_held(page, "held.at === 10")
    assert held["runs"] == 2


def test_two_moments_side_by_side_with_their_difference(page: Any) -> None:
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    page.get_by_role("button", name="Compare with this").click()
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(label(page, "a")).to_have_text("Update 0")
    expect(label(page)).to_have_text("Update 10")
    expect(views(page, "Maps")).to_have_count(3)
    expect(views(page, "Shade")).to_have_count(2)
    a, b, change = (views(page, "Maps").nth(at) for at in range(3))
    assert pixel(a, 0, 1, 0) == expected(0.03, 10)
    assert pixel(b, 0, 1, 0) == expected(2.03, 10)
    # B − A is 2 everywhere; its scale reaches to the largest change from A to any moment, 3
    assert pixel(change, 1, 0, 1) == expected(2.0, 3.0)
    expect(panel(page, "Chances").locator(".changed").first).to_have_text("+53.3")
    b.hover(position={"x": 5, "y": 5})
    expect(panel(page, "Maps").locator(".note")).to_have_text(
        "map 0 · row 0, column 0: A 0.000 → B 2.000 (+2.000)"
    )
    assert until_held(page, "held.pinned === 0")["at"] == 10
    page.get_by_role("button", name="End comparison").click()
    expect(views(page, "Maps")).to_have_count(1)
    until_held(page, "held.pinned === null")


def test_values_are_read_out_under_the_pointer(page: Any) -> None:
    table = views(page, "Table")
    box = table.bounding_box()
    table.hover(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})
    note = panel(page, "Table").locator(".note")
    expect(note).to_have_text("true cat, predicted dog: 30.1 %")
    page.mouse.move(2, 2)
    expect(note).to_have_text("")


def test_each_moment_its_own_scale(page: Any) -> None:
    assert pixel(views(page, "Maps"), 1, 1, 1) == expected(3.14, 10)
    page.get_by_label("Each moment its own scale").check()
    assert pixel(views(page, "Maps"), 0, 0, 0) == expected(3.0, 3.15)
    assert pixel(views(page, "Maps"), 1, 1, 2) == expected(3.15, 3.15)
    expect(panel(page, "Maps").locator(".scale:visible span").last).to_have_text("3.15")
    assert until_held(page, "held.own_scale")["at"] is None


def test_growth_keeps_the_moment_or_follows_the_newest(page: Any) -> None:
    page.get_by_text("Grow", exact=True).click()
    expect(label(page)).to_have_text("Update 2000")  # it was at the newest
    expect(page.locator(".live")).to_be_visible()
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    slider.press("ArrowRight")
    until_held(page, "held.at === 1")
    page.get_by_text("Grow", exact=True).click()
    expect(page.locator(".ticks span").last).to_have_text("4,000")
    expect(label(page)).to_have_text("Update 1")
    assert slider.get_attribute("max") == "7"


def test_a_player_built_anew_goes_on_where_it_was(page: Any) -> None:
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    page.get_by_role("button", name="Compare with this").click()
    slider.press("ArrowRight")
    until_held(page, "held.at === 1 && held.pinned === 0")
    page.locator(".player").evaluate("node => { node.dataset.old = 'yes'; }")
    page.get_by_text("Move the player").click()
    page.locator(".player:not([data-old])").wait_for()
    page.locator(".player[data-old]").wait_for(state="detached")
    expect(label(page)).to_have_text("Update 1")
    expect(label(page, "a")).to_have_text("Update 0")


def test_a_link_restores_it(visit: Any) -> None:
    page = visit("?at=10")
    expect(label(page)).to_have_text("Update 10")
    page = visit("?at=40")  # the nearest there is
    expect(label(page)).to_have_text("Update 10")


def test_pictures_alone_are_played_too(page: Any) -> None:
    page.get_by_text("Only pictures").click()
    page.locator(".view:visible img").wait_for()
    expect(page.locator(".panel h4")).to_have_count(0)
    expect(page.locator(".panel")).to_have_count(1)
    expect(page.locator(".own")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_a_finger_moves_it(visit: Any, theme: str) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=theme)
    page.get_by_role("button", name="Compare with this").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # the slider stays in sight while one looks at a panel further down
    box = page.locator(".strip").bounding_box()
    assert box["y"] + box["height"] <= 844
    page.touchscreen.tap(box["x"] + 1, box["y"] + 10)
    expect(label(page)).to_have_text("Update 0")
    until_held(page, "held.at === 0 && held.pinned === 100")


def test_less_motion_is_slower(visit: Any) -> None:
    page = visit(reduced_motion="reduce")
    assert page.locator(".speed select").input_value() == "1"
