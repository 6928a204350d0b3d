"""The bar in Debian's chromium: a run that grows, playing its moments, drawing an image for it.

No run is trained here. Its directory is filled by hand with the moments of a network that comes
with the program, so that every test decides when something new appears.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.app_server import AppServer, serve
from tests.waiting import wait_until
from training.run_store import RunStatus, RunStore
from training.shipped import find_shipped, shipped_path

PAGE = Path(__file__).parents[1] / "app" / "subject_page.py"
NAME = "digits_lenet5"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    home = tmp_path_factory.mktemp("subject")
    with serve(home / "runs", log=home / "log", script=str(PAGE)) as server:
        yield server


@pytest.fixture
def page(browser: Any, app: AppServer) -> Iterator[Any]:
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(90_000)  # the engine warms up first
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def grow(app: AppServer, page: Any) -> Iterator[Callable[..., str]]:
    """Add moments to a run that seems to train; `state` ends it. Returns its id."""
    page.goto(app.url)  # the engine has looked through the runs it finds when it starts
    held(page)
    store = RunStore(app.runs)
    run_id = store.new_run(find_shipped(NAME).spec)

    def add(*steps: int, state: Any = "running") -> str:
        for step in steps:
            source = shipped_path(NAME, step)
            shutil.copyfile(source, store.weights_path(run_id))
            shutil.copyfile(source, store.snapshot_path(run_id, step))
        store.write_status(run_id, RunStatus(state=state))
        return run_id

    yield add
    store.write_status(run_id, RunStatus(state="interrupted"))


def held(page: Any, test: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
    """What the page was given, once `test` is true of it."""
    box = page.locator("#held-subject")
    box.wait_for(state="attached")

    def read() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(box.text_content())
        return found if test(found) else None

    return wait_until(read, "the page was given what the test waits for") or {}


def places(page: Any) -> str:
    text: str = page.get_by_test_id("stSlider").inner_text()
    return text


def test_the_slider_grows_and_the_page_follows_the_newest(
    page: Any, app: AppServer, grow: Callable[..., str]
) -> None:
    run_id = grow(0, 1, 2)
    page.goto(f"{app.url}/?model=run:{run_id}")
    assert held(page, lambda given: given["base"].endswith(run_id))["steps"] == [0, 1, 2]
    grow(5)
    given = held(page, lambda given: given["steps"] == [0, 1, 2, 5])  # nobody touched the page
    assert given["step"] is None
    page.get_by_role("slider").press("Home")
    runs = held(page, lambda given: given["step"] == 0)["runs"]
    grow(10)
    page.get_by_role("slider").press("End")
    given = held(page, lambda given: given["step"] is None)
    assert given["steps"][-1] == 10
    assert given["runs"] == runs + 1  # one who looks at the past is left alone
    grow(state="done")
    expect(page.get_by_text("run, done")).to_be_visible()
    assert "newest" not in places(page)


def test_play_goes_through_the_moments_to_the_end(
    page: Any, app: AppServer, grow: Callable[..., str]
) -> None:
    run_id = grow(0, 1, 2, 5, 10, state="done")
    page.goto(f"{app.url}/?model=run:{run_id}")
    held(page, lambda given: given["base"].endswith(run_id))
    page.get_by_role("button", name="Play").click()
    held(page, lambda given: given["step"] in {1, 2})
    held(page, lambda given: given["step"] is None)  # the end, which is the newest
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page).to_have_url(re.compile(f"model=run%3A{run_id}$|model=run:{run_id}$"))


def test_pause_keeps_the_moment_and_hands_the_slider_back(
    page: Any, app: AppServer, grow: Callable[..., str]
) -> None:
    run_id = grow(*find_shipped(NAME).steps[:-1], state="done")
    page.goto(f"{app.url}/?model=run:{run_id}")
    held(page, lambda given: given["base"].endswith(run_id))
    page.get_by_role("button", name="Play").click()
    held(page, lambda given: (given["step"] or 0) >= 7)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    step = held(page)["step"]
    assert step is not None
    page.wait_for_url(f"**step={step}")
    assert f"update {step}" in places(page)
    page.get_by_role("slider").press("Home")
    held(page, lambda given: given["step"] == 0)
    page.wait_for_url("**step=0")


def test_a_drawing_becomes_the_image_while_its_pad_stays(page: Any, app: AppServer) -> None:
    page.goto(app.url)
    held(page)
    page.get_by_role("button", name="Image", exact=True).click()
    page.get_by_role("radio", name="Draw").click()
    pad = page.locator("canvas.ink")
    pad.wait_for()
    page.locator(".pad").evaluate("node => { node.dataset.first = 'yes'; }")
    box = pad.bounding_box()
    images: set[str] = set()
    for height in (60, 200):
        page.mouse.move(box["x"] + 60, box["y"] + height)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + height, steps=6)
        page.mouse.up()
        given = held(page, lambda given: given["image"] not in {"digits/test/0", *images})
        assert given["image"].startswith("drawn:")
        images.add(given["image"])
    expect(page.locator(".pad[data-first]")).to_have_count(1)


def test_the_images_for_an_untrained_network_are_kept_while_it_is_chosen(
    page: Any, app: AppServer
) -> None:
    page.goto(app.url)
    held(page)  # a trained network
    page.locator(".st-key-subject-model button").first.click()
    page.get_by_role("radio", name="Untrained").click()
    images = page.get_by_role("combobox", name="For the images of")
    images.click()
    page.get_by_role("option", name="Shapes and textures").click()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(images).to_have_value("Shapes and textures")
    page.locator(".st-key-subject-choice").get_by_role("combobox").click()
    page.get_by_role("option", name="ResNet-20").click()
    given = held(page, lambda given: given["base"] == "random:resnet20")
    assert given["options"] == {"dataset": {"name": "shapes"}}
    expect(page).to_have_url(re.compile("data=shapes"))


def test_a_click_in_the_sheet_shows_that_image(page: Any, app: AppServer) -> None:
    page.goto(app.url)
    held(page)
    page.get_by_role("button", name="Image", exact=True).click()
    sheet = page.get_by_role("grid", name="Images of the data set")
    sheet.wait_for()
    box = sheet.bounding_box()
    sheet.click(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 1.5 / 4})
    assert held(page, lambda given: given["image"] != "digits/test/0")["image"] == "digits/test/10"
    expect(sheet).to_be_visible()
    page.get_by_role("button", name="Next image").click()
    held(page, lambda given: given["image"] == "digits/test/11")
