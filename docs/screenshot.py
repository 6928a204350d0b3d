"""Makes the README's picture from the running app: `python -m docs.screenshot`.

Trains the first preset in a real browser, draws a three while it learns, and keeps what is on the
screen. Needs chromium and the packages of requirements-dev.txt.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.app_server import serve

TARGET = Path(__file__).with_name("live.png")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def draw_three(page: Page) -> None:
    """Two arcs, as a hand would draw them."""
    box = page.locator("canvas").first.bounding_box()
    if box is None:
        raise RuntimeError("the drawing pad is not on the page")
    left, top, size = box["x"], box["y"], box["width"]
    page.mouse.move(left + 0.32 * size, top + 0.26 * size)
    page.mouse.down()
    for center in (0.33, 0.64):
        for step in range(17):
            angle = math.radians(-125 + 15 * step)
            x = 0.48 + 0.16 * math.cos(angle)
            y = center + 0.16 * math.sin(angle)
            page.mouse.move(left + x * size, top + y * size)
    page.mouse.up()


def main() -> None:
    """Take the picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("No chromium on the path: install Debian's package chromium.")
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder) / "runs", log=Path(folder) / "app.log") as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{app.url}/live")
        page.get_by_role("button", name="Start training").click()
        page.locator(".cs-tile").first.wait_for()
        draw_three(page)
        page.locator(".cs-answer").wait_for()
        page.wait_for_function(
            "[...document.querySelectorAll('.cs-figure')]"
            ".some(f => /Validation accuracy\\s*9[5-9]/.test(f.innerText))"
        )
        page.mouse.move(5, 880)
        page.wait_for_timeout(1500)  # plotly's fade-in
        page.screenshot(path=str(TARGET))
        browser.close()


if __name__ == "__main__":
    main()
