"""Networks that a check needs and nobody has trained yet: a button that trains one, the wait for it,
and its reference once it is done. Which run it is stands in the link.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from engine.protocol import EngineError
from models.references import RunRef, ShippedRef, parse_reference
from training.history import find_history
from training.run_store import RunError, RunStatus
from training.spec import TrainSpec
from ui import html, runtime
from ui.run_names import state_badge
from ui.submitting import submit
from ui.text import sentence_safe

_TICK: Final = 1.0  # seconds between looks at a run that trains


def linked_network(key: str) -> str | None:
    """The trained network that the link names as `?key=`, None for none or one that is not there."""
    text = st.query_params.get(key)
    if text is None:
        return None
    try:
        reference = parse_reference(text)
        if not isinstance(reference, RunRef | ShippedRef):
            raise ValueError(f"{text[:60]} was not trained here.")
        find_history(reference, runtime.store())
    except ValueError as error:
        st.caption(f":material/info: The link's {key} is left out. {sentence_safe(error)}")
        return None
    return text


def train_button(label: str, spec: TrainSpec, *, key: str, help: str = "") -> None:
    """A button that queues a run and puts it into the link as `?key=`."""
    if not st.button(
        label, icon=":material/play_arrow:", type="primary", key=f"trust.{key}.train", help=help
    ):
        return
    try:
        [run_id] = submit([spec], form=f"trust.{key}")
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/block:")
        return
    st.query_params[key] = str(RunRef(run_id))
    st.rerun()


def trained(reference: str, *, key: str) -> bool:
    """Whether a network can be looked at; while it trains how far it is and the way to watch it.

    The page goes on by itself when the training ends.
    """
    found = parse_reference(reference)
    if not isinstance(found, RunRef):
        return True
    try:
        status = runtime.store().status(found.run_id)
    except RunError as error:
        st.error(sentence_safe(error), icon=":material/error:")
        return False
    if status.active:
        st.fragment(_wait, run_every=_TICK)(found.run_id, key)
        return False
    if status.state == "done" or runtime.store().snapshot_steps(found.run_id):
        if status.state != "done":
            st.html(
                html.caption("This training ended early: what it had learned by then is measured.")
            )
        return True
    st.error(
        f"This network was not trained: {sentence_safe(status.message or status.state)}",
        icon=":material/error:",
    )
    return False


def _wait(run_id: str, key: str) -> None:
    """State and progress, once a second."""
    try:
        status = runtime.store().status(run_id)
        follower = runtime.follower(run_id)
        follower.refresh()
    except RunError as error:
        st.error(sentence_safe(error), icon=":material/error:")
        return
    if not status.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(state_badge(status))
        st.page_link(
            "pages/train/live.py", label="Watch it train", icon=":material/monitoring:",
            query_params={"run": run_id},
        )  # fmt: skip
    st.progress(_share(run_id, status), _words(run_id))


def _share(run_id: str, status: RunStatus) -> float:
    follower = runtime.follower(run_id)
    if status.state == "queued" or follower.progress is None or follower.started is None:
        return 0.0
    return min(1.0, follower.progress.step / max(follower.started.total_steps, 1))


def _words(run_id: str) -> str:
    progress = runtime.follower(run_id).progress
    if progress is None:
        return "Waiting for the first update…"
    return (
        f"Update {progress.step:,}: {html.percent(progress.accuracy)} of the training images right"
    )
