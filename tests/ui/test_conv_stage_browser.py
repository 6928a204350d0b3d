"""The stage in Debian's chromium: what plays, scrubs, is pointed at and pinned says the right sums."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.app_server import serve

PAGE = Path(__file__).with_name("conv_stage_page.py")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("stage")
    with serve(home / "runs", log=home / "log", script=str(PAGE)) as server:
        yield server.url


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def show(page: Any, url: str, preset: str = "padded_strided", **query: str) -> dict[str, Any]:
    """Open a preset and wait until its stage stands; what Python holds."""
    pairs = "&".join(f"{name}={value}" for name, value in query.items())
    page.goto(f"{url}/?preset={preset}&{pairs}")
    page.locator(".cstage .running").wait_for()
    held: dict[str, Any] = json.loads(page.locator("#held").text_content())
    assert held["preset"] == preset
    return held


def slide(page: Any, name: str, value: int) -> None:
    page.locator(f"input.{name}").evaluate(
        """(node, value) => {
          node.value = value;
          node.dispatchEvent(new Event("input", { bubbles: true }));
          node.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        value,
    )


def reads(page: Any, pattern: str) -> None:
    expect(page.locator(".sum")).to_contain_text(re.compile(pattern))


def cell(
    page: Any, panel: str, row: int, column: int, rows: int, columns: int
) -> tuple[float, float]:
    """Middle of a cell of a panel with one channel, in pixels from the canvas's corner."""
    box = page.locator(f"[data-panel={panel}] canvas").bounding_box()
    return (column + 0.5) * (box["width"] - 3) / columns + 1, (row + 0.5) * (
        box["height"] - 3
    ) / rows + 1


def canvas(page: Any, panel: str) -> Any:
    return page.locator(f"[data-panel={panel}] canvas")


def test_scrubbing_shows_the_running_sum(page: Any, url: str) -> None:
    show(page, url)
    # output cell 4, the middle: 1·2 + 3·0 + 0·1 + 3·1 + 0·0 + 1·0 + 3·0 + 2·1 + 1·1 = 8
    slide(page, "cell", 4)
    reads(
        page,
        r"output\[1, 1\] =1·2 \+ 3·0 \+ 0·1 \+ 3·1 \+ 0·0 \+ 1·0 \+ 3·0 \+ 2·1 \+ 1·1= 8✓ equal to the output",
    )
    for products, running in ((1, "2"), (3, "2"), (4, "5"), (8, "7")):
        slide(page, "term", products)
        reads(page, rf"Running sum after {products} of 9: {running}$")
    slide(page, "term", 0)
    reads(page, "nothing yet")
    assert "at=4" in page.url


@pytest.mark.parametrize(
    ("preset", "last"),
    [
        ("cs231n", 17), ("volume", 26), ("transposed_odd", 35), ("grouped", 15), ("lp", 8), ("adaptive", 8),
        ("causal", 13),
    ],
)  # fmt: skip
def test_the_browser_sums_what_python_computed(page: Any, url: str, preset: str, last: int) -> None:
    show(page, url, preset)
    assert page.locator("input.cell").get_attribute("max") == str(last)
    for at in {0, last // 2, last - 1, last}:
        slide(page, "cell", at)
        reads(page, "✓ equal to the output")
        expect(page.locator(".at-cell")).to_have_text(f"{at + 1} of {last + 1}")
        reads(page, "✓ equal to the output")


def test_a_separable_convolution_has_two_steps(page: Any, url: str) -> None:
    show(page, url, "separable", at="1.4")
    expect(page.get_by_role("radio", name="Second")).to_have_attribute("aria-checked", "true")
    expect(page.locator(".at-cell")).to_have_text("5 of 50")
    reads(page, "channel 2")
    page.get_by_role("radio", name="First").click()
    expect(page.locator(".at-cell")).to_have_text("1 of 75")


def test_play_goes_to_the_end_without_the_server(page: Any, url: str) -> None:
    show(page, url)
    slide(page, "rate", 5)
    page.context.set_offline(True)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".at-cell")).to_have_text("9 of 9")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    reads(page, r"output\[2, 2\].*= 4✓")
    page.get_by_role("button", name="One back").click()
    expect(page.locator(".at-cell")).to_have_text("8 of 9")
    page.locator(".each input").check()
    page.get_by_role("button", name="One back").click()
    reads(page, "after 8 of 9")
    page.get_by_role("button", name="One on").click()
    page.get_by_role("button", name="One on").click()
    reads(page, r"output\[2, 2\].*after 1 of 9")
    page.context.set_offline(False)


def test_pointing_links_inputs_outputs_and_weights(page: Any, url: str) -> None:
    show(page, url)
    where = page.locator(".where")
    x, y = cell(page, "input", 3, 3, 7, 7)  # the middle input: a corner of no window, inside of one
    canvas(page, "input").hover(position={"x": x, "y": y})
    expect(where).to_have_text("Input [2, 2] = 0 goes into 1 output cell of its filter.")
    x, y = cell(page, "input", 2, 2, 7, 7)
    canvas(page, "input").hover(position={"x": x, "y": y})
    expect(where).to_have_text("Input [1, 1] = 1 goes into 4 output cells of its filter.")
    x, y = cell(page, "input", 0, 0, 7, 7)
    canvas(page, "input").hover(position={"x": x, "y": y})
    expect(where).to_have_text("A padded cell goes into 1 output cell of its filter.")
    x, y = cell(page, "kernel", 0, 0, 3, 3)
    canvas(page, "kernel").hover(position={"x": x, "y": y})
    expect(where).to_contain_text("Weight [0, 0] = 2 is used 9 times")
    x, y = cell(page, "output", 2, 1, 3, 3)
    canvas(page, "output").hover(position={"x": x, "y": y})
    reads(page, r"output\[2, 1\].*= 10✓")
    page.locator(".sum").hover()
    reads(page, r"output\[0, 0\]")


def test_lost_cells_say_why(page: Any, url: str) -> None:
    show(page, url, "uneven")
    expect(page.locator("[data-panel=input] figcaption")).to_contain_text("9 hatched: never read")
    x, y = cell(page, "input", 4, 1, 5, 5)
    canvas(page, "input").hover(position={"x": x, "y": y})
    expect(page.locator(".where")).to_contain_text(
        "is never read: the floor in the size formula cuts it off"
    )


def test_a_pin_stays_and_its_number_can_be_changed(page: Any, url: str) -> None:
    show(page, url)
    x, y = cell(page, "kernel", 1, 2, 3, 3)
    canvas(page, "kernel").click(position={"x": x, "y": y})
    page.locator(".sum").hover()
    expect(page.locator(".where")).to_contain_text("Weight [1, 2] = 0")
    field = page.locator(".edit input")
    field.fill("seven")
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("-7,5")
    field.press("Enter")
    page.wait_for_function("""() => JSON.parse(document.querySelector("#held").textContent).edit""")
    edit = json.loads(page.locator("#held").text_content())["edit"]
    assert edit == {"what": "weight", "part": 0, "place": [0, 0, 1, 2], "value": -7.5}
    page.get_by_role("button", name="Unpin").click()
    expect(page.locator(".edit")).to_be_hidden()


def test_everything_works_from_the_keyboard(page: Any, url: str) -> None:
    show(page, url)
    output = canvas(page, "output")
    output.focus()
    output.press("ArrowRight")
    output.press("ArrowDown")
    expect(page.locator(".where")).to_have_text("Output [1, 1] reads 9 numbers.")
    output.press("Enter")
    expect(page.locator(".at-cell")).to_have_text("5 of 9")
    output.press("Escape")
    expect(page.get_by_role("button", name="Unpin")).to_be_hidden()


def test_it_fits_a_phone(page: Any, url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    show(page, url, "cs231n")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert canvas(page, "input").bounding_box()["width"] <= 390


@pytest.mark.parametrize("width", [1280, 390])
def test_volumes_stay_readable_and_scroll_to_the_cell(page: Any, url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    show(page, url, "own", op="transposed", dims="3", i="6", k="3", s="2", pad="any", p="1", at="0")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    expect(page.locator("[data-panel=output] figcaption")).to_contain_text(
        "scroll for all 11 slices"
    )
    box = page.locator("[data-panel=output] .scroll")
    measure = "node => [node.scrollWidth - node.clientWidth, node.scrollTop, node.scrollHeight, node.clientHeight]"
    beyond, top, full, _ = box.evaluate(measure)
    assert beyond <= 2  # no slice is cut off at the side
    assert top <= 2
    assert full / 11 > 11 * 22 / 3  # at least 22 pixels a cell, at most three slices in a row
    slide(page, "cell", 11**3 - 1)
    expect(page.locator(".at-cell")).to_have_text("1331 of 1331")
    _, top, full, high = box.evaluate(measure)  # drawn in the same frame as the words above
    assert top + high >= full - 12


def held_kernel(page: Any, test: str) -> Any:
    page.wait_for_function(
        f"""() => {{
          const held = JSON.parse(document.querySelector("#held").textContent).kernel;
          return held !== null && ({test});
        }}"""
    )
    return json.loads(page.locator("#held").text_content())["kernel"]


def test_a_kernel_is_painted_typed_and_replaced(page: Any, url: str) -> None:
    show(page, url)
    cells = page.locator(".kpad .grid input")
    page.get_by_role("radio", name="Paint 2").click()
    boxes = [cells.nth(index).bounding_box() for index in (0, 1, 2)]
    middles = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    page.mouse.move(*middles[0])
    page.mouse.down()
    page.mouse.move(*middles[1], steps=3)
    page.mouse.move(*middles[2], steps=3)
    page.mouse.up()
    assert held_kernel(page, "held[0][2] === 2") == [[2, 2, 2], [0, 0, 0], [0, 0, 0]]
    page.get_by_role("radio", name="Type numbers").click()
    cells.nth(4).fill("-0.5")
    assert held_kernel(page, "held[1][1] === -0.5")[0] == [2, 2, 2]
    cells.nth(5).fill("x")
    expect(cells.nth(5)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Another kernel").click()
    held_kernel(page, "held[2][2] === 1")
    expect(cells.nth(5)).to_have_value("1")
