"""The time machine of a run that is being trained: it grows, is dragged, compared and taken away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.app_server import AppServer
from engine.client import connect
from tests.waiting import wait_until
from training.run_store import RunStore
from training.spec import NamedNetwork, OptimizerSpec, TrainSpec
from viz.results.history import choose_moments

pytestmark = pytest.mark.browser

# It goes on for as long as the test looks at it.
SPEC = TrainSpec(
    network=NamedNetwork(name="lenet5"), optimizer=OptimizerSpec(lr=0.02), epochs=10_000
)


def test_a_run_under_way_is_scrubbed(
    page: Page, app: AppServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    monkeypatch.setenv("CONVSCOPE_RUNS", str(app.runs))
    engine, store = connect(), RunStore(app.runs)
    wait_until(lambda: engine.capacity().ready, "the engine is warm")
    run_id = engine.submit(SPEC)
    try:
        wait_until(lambda: len(store.snapshot_steps(run_id)) > 4, "there are snapshots")
        page.goto(f"{app.url}/time?model=run:{run_id}")
        slider = page.get_by_role("slider", name="Moment of the training")
        slider.wait_for()
        label = page.locator(".moment.b .label")

        # the newest moment is looked at, and followed as the run goes on
        first = label.inner_text()
        # For a moment the old panel stands beside the new one.
        wait_until(lambda: label.all_inner_texts() not in ([], [first]), "it moves on")
        expect(label).to_have_count(1)

        # drag to the beginning: from now on that moment stays
        strip = page.locator(".strip")
        box = strip.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 2, box["y"] + 10, steps=8)
        page.mouse.up()
        expect(label).to_have_text("Update 0")
        page.wait_for_url(re.compile(r"step=0"))
        before = page.locator(".ticks span").last.inner_text()
        expect(page.locator(".ticks span").last).not_to_have_text(before, timeout=60_000)
        expect(label).to_have_text("Update 0")
    finally:
        engine.control(run_id, "stop")
    wait_until(lambda: not engine.status(run_id).active, "the run is over")
    steps = choose_moments(store.snapshot_steps(run_id))
    expect(page.locator(".ticks span").last).to_have_text(f"{steps[-1]:,}", timeout=60_000)

    # two moments side by side; the link holds both
    page.get_by_role("button", name="Compare with this").click()
    slider.focus()
    slider.press("End")
    expect(page.locator('.panel[data-title="Confusion"] canvas:visible')).to_have_count(3)
    page.wait_for_url(re.compile(r"pin=0"))
    page.reload()
    expect(page.locator(".moment.a .label")).to_have_text("Update 0")
    expect(label).to_have_text(f"Update {steps[-1]:,}")

    # the animation
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="GIF", exact=True).click()
    file = tmp_path / "history.gif"
    download.value.save_as(file)
    with Image.open(file) as animation:
        assert getattr(animation, "n_frames", 1) == len(steps)
    assert problems == []
