"""The process that looks into networks: one request after the other, each answered with a pickle.

The pickle is made here and opened by the page that asked, so the engine in between needs neither
torch nor the classes of the results.
"""

from __future__ import annotations

import logging
import os
import pickle
import pkgutil
import sys
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import torch

from engine.people import sentence_of

log = logging.getLogger(__name__)


def work(run: str, pipe: Connection[Any, Any]) -> None:
    """Answer (lens, model, image, options) with (True, pickle) or (False, sentence), one by one.

    Args:
        run: `module:function` that takes the four and returns the result.
    """
    torch.set_num_threads(1)
    look = pkgutil.resolve_name(run)
    while True:
        try:
            lens, model, image, options = pipe.recv()
        except EOFError:
            _end()
        try:
            pipe.send((True, pickle.dumps(look(lens, model, image, options), protocol=5)))
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                log.exception("lens %s of %s failed", lens, model)
                sentence = (
                    f"The view {lens!r} could not be computed ({type(error).__name__}): "
                    "the server's log has the details."
                )
            pipe.send((False, sentence))


def _end() -> NoReturn:
    """End without tidying up: there is nothing to tidy, and the libraries an export loads complain at
    length about whatever is left when an interpreter shuts down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
