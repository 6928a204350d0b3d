"""A person watches a picture being made: it moves, the goal rises, Stop keeps what is there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.app_server import AppServer

pytestmark = pytest.mark.browser
LONG = "visualize?goal=class&class=3&steps=2048"


def number(place: Locator) -> float:
    """What a figure says."""
    return float(place.inner_text().replace("−", "-"))


def test_frames_move_the_goal_rises_and_stop_keeps_them(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/{LONG}")
    picture = page.locator(".cs-visualize-picture img")
    now = page.locator(".cs-figure").filter(has_text="activation now").locator("b")
    picture.wait_for()
    first, begin = picture.get_attribute("src"), number(now)
    expect(picture).not_to_have_attribute("src", str(first))
    page.wait_for_function(
        "low => parseFloat(document.querySelector('.cs-figure b')?.innerText.replace('−', '-')) > low",
        arg=begin + 1,
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped at \d+\s?%"))).to_be_visible()
    kept = page.locator(".player img, .cs-visualize-picture img").first
    kept.wait_for()
    assert number(now) > begin
    expect(page.get_by_text("Real images that excite it most")).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0


def test_it_can_be_played_and_a_sheet_opens_a_channel(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/visualize?goal=sheet&layer=conv1&steps=16")
    sheet = page.get_by_role("grid", name=re.compile("Pictures made for"))
    sheet.wait_for()
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.wait_for_url(re.compile(r"channel=\d"))
    slider = page.get_by_role("slider", name="Step of the optimisation")
    slider.wait_for()
    label = page.locator(".moment.b .label")
    expect(label).to_have_text("Step 16")
    slider.press("Home")
    expect(label).to_have_text("Step 0")


def test_another_tab_leaves_nothing_of_the_first_one(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/{LONG}&seed=5&dream-steps=100&dream-octaves=8")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped at \d+\s?%"))).to_be_visible()
    page.get_by_text("DeepDream", exact=True).click()
    # The dream is still being made, and what was there is gone already.
    page.locator(".st-key-visualize-dream-stop").wait_for()
    assert page.get_by_text(re.compile("Stopped at")).count() == 0
    assert page.get_by_role("button", name="Stop").count() == 1
    assert page.get_by_text("Whole layer", exact=True).count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_holds_it(phone: Callable[[str], Page], app: AppServer, theme: str) -> None:
    page = phone(theme)
    page.goto(f"{app.url}/visualize?steps=8&row=parts")
    page.get_by_text("Moved by up to").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_test_id("stException").count() == 0
