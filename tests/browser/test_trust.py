"""A person asks how far maps can be believed: ground truth on a network that comes with the program."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from benchmarks.app_server import AppServer

pytestmark = pytest.mark.browser
LINK = "trust?model=shipped:shapes_cnn&view=truth&methods=saliency,grad_cam&n=16"


def test_maps_mark_the_object_and_the_page_says_by_how_much(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/{LINK}")
    grid = page.locator(".cs-trust-grid")
    grid.wait_for()
    expect(page.get_by_text("Measured on 16 test images")).to_be_visible()
    assert grid.locator("td img").count() == 4 * (1 + 2 + 3)  # image, methods, controls
    told = page.locator(".cs-trust-said").first
    expect(told).to_contain_text("times what chance would")
    times = re.search(r"([\d.]+) times", told.inner_text())
    assert times is not None
    assert float(times[1]) > 1.5
    points = page.locator(".js-plotly-plot .scatterlayer .point")
    expect(points.nth(2 * 5 - 1)).to_be_attached()  # two charts of two methods and three controls

    # the link restores the same; another view is a click away
    page.get_by_role("radio", name="Randomisation").click()
    page.wait_for_url(re.compile(r"view=randomisation"))
    page.locator(".cs-trust-example").wait_for()


def test_the_page_fits_a_phone(phone: Callable[[str], Page], app: AppServer) -> None:
    page = phone("dark")
    page.goto(f"{app.url}/{LINK}")
    page.locator(".cs-trust-grid").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
