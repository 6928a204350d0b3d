"""The process that looks into networks: one request after the other, each answered with a pickle.

A lens may be a generator: what it yields is what is known so far, and is sent on a few times a
second; the last is the answer. The pickle is made here and opened by the page that asked, so the
engine in between needs neither torch nor the classes of the results.
"""

from __future__ import annotations

import logging
import os
import pickle
import pkgutil
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

import torch

from engine.people import sentence_of
from engine.words import ANSWER, ERROR, PARTIAL

log = logging.getLogger(__name__)

_PARTIAL_SECONDS: Final = 0.1  # between two of them: nobody sees more


def work(run: str, pipe: Connection[Any, Any]) -> None:
    """Answer (lens, model, image, options) with (ANSWER, pickle) or (ERROR, sentence), one by one;
    before the answer may come any number of (PARTIAL, pickle).

    Args:
        run: `module:function` that takes the four and returns the result, or an iterator of results
            of which the last counts.
    """
    torch.set_num_threads(1)
    look = pkgutil.resolve_name(run)
    while True:
        try:
            lens, model, image, options = pipe.recv()
        except EOFError:
            _end()
        try:
            found = look(lens, model, image, options)
            if isinstance(found, Iterator):
                found = _follow(found, pipe)
            pipe.send((ANSWER, _pack(found)))
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                log.exception("lens %s of %s failed", lens, model)
                sentence = (
                    f"The view {lens!r} could not be computed ({type(error).__name__}): "
                    "the server's log has the details."
                )
            pipe.send((ERROR, sentence))


def _follow(results: Iterator[Any], pipe: Connection[Any, Any]) -> Any:
    """The last of the results; some of those before it go out at once."""
    latest, sent = None, -_PARTIAL_SECONDS
    for latest in results:
        now = time.monotonic()
        if now - sent >= _PARTIAL_SECONDS and getattr(latest, "share", 0.0) < 1.0:
            pipe.send((PARTIAL, _pack(latest)))
            sent = now
    return latest


def _pack(result: Any) -> bytes:
    return pickle.dumps(result, protocol=5)


def _end() -> NoReturn:
    """End without tidying up: there is nothing to tidy, and the libraries an export loads complain at
    length about whatever is left when an interpreter shuts down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
