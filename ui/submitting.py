"""From a form to the queue: a click that is repeated, by a person or by a rerun, makes no second run.

A form keeps one nonce in the session until all it asked for is queued; the engine answers the same
nonce with the same run. The settings are part of it, so a changed form asks for another run.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import streamlit as st

from engine.protocol import EngineError
from training.spec import TrainSpec
from ui import runtime


class PartlyQueuedError(EngineError):
    """Some of the runs were queued before one was refused; `runs` are their ids."""

    def __init__(self, message: str, runs: list[str]) -> None:
        super().__init__(message)
        self.runs = runs


def submit(specs: Sequence[TrainSpec], *, form: str) -> list[str]:
    """Queue the runs one shown form asks for; their ids.

    Raises:
        PartlyQueuedError: one was refused after others were queued, and the rest was not tried.
            Submitting the same again queues only what is missing.
        EngineError: none was queued.
    """
    key = f"{form}.nonce"
    nonce = st.session_state.setdefault(key, secrets.token_hex(8))
    runs: list[str] = []
    for index, spec in enumerate(specs):
        digest = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:16]
        try:
            runs.append(runtime.engine().submit(spec, nonce=f"{nonce}.{index}.{digest}"))
        except EngineError as error:
            if not runs:
                raise
            raise PartlyQueuedError(_partly(len(runs), len(specs), error), runs) from error
    del st.session_state[key]
    return runs


def _partly(queued: int, total: int, reason: EngineError) -> str:
    return f"{queued} of {total} runs are queued, {total - queued} refused: {reason}"
