"""A person trains a network: the whole way through the real app, engine and workers included."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.app_server import AppServer
from training.events import Control, Evaluated
from training.run_store import RunStore

pytestmark = pytest.mark.browser

# Long enough that everything below happens while it runs; a LeNet-5 passes 90 % long before.
SETUP = "live?net=lenet5&epochs=2000&lr=0.01&opt=sgd&sched=constant&every=20"


def figure(page: Page, label: str) -> Locator:
    return page.locator(".cs-figure", has_text=label).locator("b")


def update(page: Page) -> int:
    """The number of updates the page shows."""
    text = figure(page, "Update").inner_text()
    return int(text.split(" of ")[0].replace(",", ""))


def wait_for_updates(page: Page, more_than: int, seconds: float = 60) -> int:
    deadline = time.monotonic() + seconds
    while (shown := update(page)) <= more_than:
        assert time.monotonic() < deadline, f"still at update {shown}"
        page.wait_for_timeout(100)
    return shown


def badge(page: Page, word: str) -> None:
    expect(page.locator(".cs-badge").first).to_have_text(word, timeout=60_000)


def test_train_watch_steer_share_and_try(page: Page, app: AppServer, browser: Browser) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{app.url}/{SETUP}")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile(r"run=\d{8}-\d{6}-[a-z2-7]{4}"))
    run_id = re.search(r"run=([\w-]+)", page.url).group(1)  # type: ignore[union-attr]
    link = page.url

    # the curve grows
    badge(page, "running")
    first = wait_for_updates(page, 0)
    wait_for_updates(page, first)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.locator(".cs-tile img").first).to_be_visible()

    # pause: the number stands still, and it is a real stop of the work
    page.get_by_role("button", name="Pause").click()
    badge(page, "paused")
    stopped = update(page)

    # one update at a time
    page.get_by_role("button", name="Step").click()
    wait_for_updates(page, stopped)

    # another learning rate, then on
    page.get_by_role("button", name="Change").click()
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("0.005")
    rate.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Resume").click()
    badge(page, "running")
    wait_for_updates(page, stopped + 1)
    expect(figure(page, "Learning rate")).to_have_text("0.005", timeout=30_000)

    # the link opens the same run in another browser and follows it
    other = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    other.set_default_timeout(60_000)
    other.goto(link)
    badge(other, "running")
    seen = wait_for_updates(other, 0)
    wait_for_updates(other, seen)
    other.context.close()

    # it learns
    deadline = time.monotonic() + 120
    accuracy = figure(page, "Validation accuracy")
    while float(accuracy.inner_text().split()[-2]) <= 90:
        assert time.monotonic() < deadline, accuracy.inner_text()
        page.wait_for_timeout(200)

    # draw a one, and the network names it
    pad = page.locator("canvas").first
    box = pad.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 0.85 * box["height"], steps=12)
    page.mouse.up()
    bars = page.locator(".cs-answer .cs-bar")
    expect(bars).to_have_count(5)
    expect(bars.first).to_contain_text("1")

    page.get_by_role("button", name="Stop").click()
    badge(page, "stopped")
    assert problems == []

    events, _ = RunStore(app.runs).events(run_id, 0)
    actions = [(event.action, event.field) for event in events if isinstance(event, Control)]
    assert ("set", "lr") in actions
    assert ("step", None) in actions
    assert max(e.accuracy for e in events if isinstance(e, Evaluated)) > 0.9


def test_a_wrong_link_is_a_sentence(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/live?run=../../etc/passwd")
    expect(page.get_by_role("alert")).to_contain_text("is not a run id")


@pytest.mark.parametrize("path", ["", "live", "runs"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_overflows_a_phone(
    phone: Callable[[str], Page], app: AppServer, path: str, theme: str
) -> None:
    page = phone(theme)
    page.goto(f"{app.url}/{path}")
    expect(page.get_by_test_id("stMainBlockContainer")).to_contain_text(re.compile(r"\w{4}"))
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
