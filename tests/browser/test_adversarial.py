"""A person turns up the strength of an attack until the network says something else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from benchmarks.app_server import AppServer

pytestmark = pytest.mark.browser


def test_stronger_until_the_answer_flips_and_the_link_restores_it(
    page: Page, app: AppServer
) -> None:
    page.goto(f"{app.url}/adversarial?image=digits/test/0&eps=8")
    sentence = page.locator(".cs-adversarial-sentence")
    expect(sentence).to_contain_text("A change of at most 8/255 a value is not enough: “2” goes")
    strength = page.get_by_role("slider", name="Strength")
    strength.focus()
    for _ in range(2):
        strength.press("ArrowRight")
    page.wait_for_url(re.compile(r"eps=9\b"))
    expect(sentence).to_contain_text("A change of at most 9/255 a value turns “2” into “1”")
    expect(page.get_by_text("The least strength found at which the answer changes")).to_be_visible()

    page.goto(page.url)
    expect(sentence).to_contain_text("A change of at most 9/255 a value turns “2” into “1”")
    expect(strength).to_have_value("9")


def test_a_set_of_images_needs_no_image_and_leaves_no_ghost(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/adversarial?image=digits/test/0&steps=2")
    page.locator(".cs-adversarial-sentence").wait_for()
    page.get_by_role("radio", name="A set of images").click()
    expect(page.locator(".cs-adversarial-stage")).to_have_count(0)
    expect(page.get_by_text("Right at ε = 8/255")).to_be_visible()
    expect(page.get_by_role("radio", name="All 180")).to_be_visible()
    expect(page.get_by_text("Test 0 · class 2")).to_have_count(0)


@pytest.mark.parametrize("path", ["adversarial?image=digits/test/0", "autopsy?image=digits/test/0"])
def test_on_a_phone_nothing_lies_over_anything(
    phone: Callable[[str], Page], app: AppServer, path: str
) -> None:
    page = phone("dark")
    page.goto(f"{app.url}/{path}")
    page.locator(".cs-adversarial-sentence, .cs-saliency-picture").first.wait_for()
    controls = page.locator(
        "[class*='st-key-cs-adversarial-controls'] > *, [class*='st-key-cs-autopsy-controls'] > *"
    )
    boxes = [box for box in (one.bounding_box() for one in controls.all()) if box is not None]
    assert len(boxes) >= 2
    for at, one in enumerate(boxes):
        assert one["x"] + one["width"] <= 390
        for other in boxes[at + 1 :]:
            beside = (
                one["x"] + one["width"] <= other["x"] + 1
                or other["x"] + other["width"] <= one["x"] + 1
            )
            below = (
                one["y"] + one["height"] <= other["y"] + 1
                or other["y"] + other["height"] <= one["y"] + 1
            )
            assert beside or below
