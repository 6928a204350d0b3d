"""A person asks what in an image spoke for an answer, and for another class, and sends the link."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from benchmarks.app_server import AppServer

pytestmark = pytest.mark.browser


def test_click_a_class_and_send_the_link(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/saliency")
    pictures = page.locator(".cs-saliency-stage img")
    expect(pictures).to_have_count(3)
    for at in range(3):  # all of the main picture is seen without scrolling
        box = pictures.nth(at).bounding_box()
        assert box is not None
        assert box["width"] >= 300
        assert box["y"] + box["height"] <= 900
    before = pictures.nth(1).get_attribute("src")
    head = page.locator(".cs-saliency-head").nth(1)
    words = head.inner_text()
    page.locator(".st-key-cs-saliency-bars button:visible").nth(1).click()
    page.wait_for_url(re.compile(r"class=\d+"))
    expect(head).not_to_have_text(words)
    expect(pictures.nth(1)).not_to_have_attribute("src", str(before))

    explained = head.inner_text()
    page.goto(page.url)  # as whoever gets the link
    expect(page.locator(".cs-saliency-head").nth(1)).to_have_text(explained)


def test_a_tile_opens_its_method(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/saliency?view=methods")
    tiles = page.locator("[class*='st-key-saliency-cell-']")
    expect(tiles.nth(2).locator("img")).to_be_visible()
    title = tiles.nth(2).locator("button:visible").first.inner_text()
    box = tiles.nth(2).locator("img").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".cs-saliency-head").nth(1)).to_contain_text(title)
    expect(page.locator(".cs-saliency-stage img")).to_have_count(3)
    assert "method=" in page.url


@pytest.mark.parametrize("view", ["one", "methods", "images", "training", "layers"])
def test_a_phone_shows_the_picture_first_and_all_of_it(
    phone: Callable[[str], Page], app: AppServer, view: str
) -> None:
    page = phone("light" if view in ("one", "images") else "dark")
    page.goto(f"{app.url}/saliency?view={view}")
    page.locator(".cs-saliency-picture").last.wait_for()
    picture = page.locator(".cs-saliency-picture").first.bounding_box()
    controls = page.locator(".st-key-cs-saliency-controls").bounding_box()
    assert picture is not None
    assert controls is not None
    assert picture["y"] < controls["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
