"""The real app, served for the tests of a module, and a page in the browser that drives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.app_server import AppServer, serve


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    home = tmp_path_factory.mktemp("browser")
    with serve(home / "runs", log=Path(home / "app.log")) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """A page on a phone, in the theme asked for."""
    contexts = []

    def opened(theme: Any) -> Page:
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        return page

    yield opened
    for context in contexts:
        context.close()
