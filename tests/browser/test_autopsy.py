"""A person paints out patches of an image and sees the answer change."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.app_server import AppServer

pytestmark = pytest.mark.browser


def click_patch(picture: Locator, page: Page, row: float, column: float) -> None:
    """Click at these shares of the picture's height and width."""
    box = picture.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + column * box["width"], box["y"] + row * box["height"])


def test_paint_out_a_patch_and_see_the_answer_change(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/autopsy?image=digits/val/15&view=paint&grid=4")
    picture = page.get_by_role("grid", name="The painted image")
    sentence = page.locator(".cs-autopsy-sentence")
    expect(sentence).to_contain_text("Nothing is painted out yet")
    click_patch(picture, page, 0.375, 0.625)
    expect(sentence).to_contain_text("1 of 16 patches painted out: “9” goes from")
    expect(sentence).to_contain_text("the answer becomes")
    page.wait_for_url(re.compile(r"paint=40\b"))  # bit 6: row 2, column 3
    click_patch(picture, page, 0.9, 0.9)
    expect(sentence).to_contain_text("2 of 16 patches painted out")
    page.get_by_role("button", name="Swap").click()
    expect(sentence).to_contain_text("14 of 16 patches painted out")

    # the link says what is painted out
    page.goto(page.url)
    expect(sentence).to_contain_text("14 of 16 patches painted out")
    page.get_by_role("button", name="Clear").click()
    expect(sentence).to_contain_text("Nothing is painted out yet")


def test_from_the_matrix_to_an_image(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/autopsy?image=digits/test/0")
    images = page.get_by_role("grid", name="Images of the cell")
    images.wait_for()
    expect(page.locator(".cs-autopsy-verdict")).to_contain_text("Rightly taken for")
    click_patch(images, page, 0.5, 0.1)
    page.wait_for_url(re.compile(r"image=digits(/|%2F)val"))
    expect(page.locator(".cs-autopsy-verdict")).to_contain_text("Taken for")
    expect(page.get_by_text("Orange speaks for")).to_be_visible()


@pytest.mark.parametrize("path", ["autopsy?view=paint", "adversarial"])
def test_no_page_overflows_a_phone(phone: Callable[[str], Page], app: AppServer, path: str) -> None:
    page = phone("light")
    page.goto(f"{app.url}/{path}")
    page.locator(".cs-autopsy-sentence, .cs-adversarial-sentence").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
