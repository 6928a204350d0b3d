"""A person looks inside a network trained a moment before: a unit's sum, the convolution, the past."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.app_server import AppServer
from engine.client import connect
from tests.waiting import wait_until
from training.run_store import RunStore
from training.spec import NamedNetwork, OptimizerSpec, TrainSpec

pytestmark = pytest.mark.browser
PAGES = {  # with what stands there once its picture does
    "filters": ".frame .picture",
    "maps": ".frame .picture",
    "fields": ".frame .picture",
    "time": ".player .panel",
    "convolution": ".cstage .running",
}


@pytest.fixture(scope="module")
def run_id(app: AppServer, monkeypatch_module: pytest.MonkeyPatch) -> str:
    """A LeNet-5 trained on digits in the app's own engine."""
    monkeypatch_module.setenv("CONVSCOPE_RUNS", str(app.runs))
    engine = connect()
    spec = TrainSpec(
        network=NamedNetwork(name="lenet5"), optimizer=OptimizerSpec(lr=0.02), epochs=3
    )
    run = engine.submit(spec)
    wait_until(lambda: not engine.status(run).active, "the run is over")
    return run


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_click_a_unit_and_read_the_sum(page: Page, app: AppServer, run_id: str) -> None:
    page.goto(f"{app.url}/maps?model=run:{run_id}&view=unit&layer=conv1")
    check = page.locator(".cs-unit-check")
    expect(check).to_contain_text("✓")
    unit_map = page.get_by_role("grid", name=re.compile("where the unit stands"))
    before = page.locator(".cs-unit-title").inner_text()
    box = unit_map.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_url(re.compile(r"unit=\d+(,|%2C)\d+(,|%2C)\d+"))
    expect(page.locator(".cs-unit-title")).not_to_have_text(before)
    expect(check).to_contain_text("✓")  # the sum is torch's number

    # what is written out adds up, by what the person can read
    written = page.locator(".cs-unit-formula").last.inner_text().replace("−", "-")
    total = float(written.rsplit("=", 1)[1])
    stated = re.search(r"torch[^\d-]*(-?[\d.]+(?:e-?\d+)?)", check.inner_text().replace("−", "-"))
    assert stated is not None
    assert float(stated[1]) == pytest.approx(total, rel=1e-2, abs=1e-3)


def test_scrub_the_convolution(page: Page, app: AppServer) -> None:
    page.goto(f"{app.url}/convolution")
    running = page.locator(".cstage .running")
    running.wait_for()
    cell = page.locator(".cstage input.cell")
    cell.focus()
    seen = []
    for _ in range(4):
        seen.append(running.inner_text())
        assert "✓" in seen[-1]
        cell.press("ArrowRight")
        expect(running).not_to_have_text(seen[-1])
    assert len(set(seen)) == 4


def test_drag_the_time_machine_of_the_run(page: Page, app: AppServer, run_id: str) -> None:
    page.goto(f"{app.url}/time?model=run:{run_id}")
    moment = page.locator(".moment.b .label")
    moment.wait_for()
    newest = RunStore(app.runs).snapshot_steps(run_id)[-1]
    expect(moment).to_contain_text(f"{newest:,}")
    picture = page.locator(".panel img, .panel canvas").first
    picture.wait_for()
    slider = page.locator("input.range")
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 6, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 3, middle, steps=15)
    page.mouse.up()
    expect(moment).to_have_text(re.compile(r"\b0\b"))
    page.wait_for_url(re.compile(r"step=0\b"))

    # the link restores the moment, on the other pages too
    page.goto(page.url)
    expect(moment).to_have_text(re.compile(r"\b0\b"))
    page.goto(f"{app.url}/filters?model=run:{run_id}&step=0")
    expect(page.get_by_text("update 0").first).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_overflows_a_phone(
    phone: Callable[[str], Page], app: AppServer, path: str, theme: str
) -> None:
    page = phone(theme)
    page.goto(f"{app.url}/{path}")
    page.locator(PAGES[path]).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
