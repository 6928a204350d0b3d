"""What all tests share: the browser, and how the test process ends, which is with pytest's summary as
the last thing it says."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

_STATUS = pytest.StashKey[int]()
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.fixture(scope="module")  # only one Playwright may be open at a time in a process
def browser() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on the path: install Debian's package chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", *_QUIET]
    expect.set_options(timeout=60_000)  # CI is a small machine that does other things as well
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how it went."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without taking the interpreter apart, as the lens workers do.

    After pages have run in this process something of Streamlit keeps modules alive, and the bindings
    of triton, which torch imports, then write pages about every one of their types.
    """
    status = config.stash.get(_STATUS, None)
    if status is None:
        return
    logging.disable()  # whatever still runs may find its helpers gone
    warnings.simplefilter("ignore")  # no test is left that a warning could fail
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
