"""How the test process ends: with pytest's summary as the last thing it says."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings

import pytest

_STATUS = pytest.StashKey[int]()


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
