"""Networks that a check needs and nobody has trained yet: a button that trains one, the wait for it,
and its reference once it is done. Which run it is stands in the link; those trained before on this
server are offered again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from models.references import RunRef, ShippedRef, parse_reference
from training.follow import RunFollower
from training.history import find_history
from training.run_store import RunError, RunStatus
from training.spec import TrainSpec
from ui import html, runtime
from ui.run_names import ago, duration, run_title, state_badge
from ui.submitting import submit
from ui.text import sentence_safe

_TICK: Final = 1.0  # seconds between looks at a run that trains
_MOST: Final = 12  # earlier runs that are offered
_LOOKED: Final = 100  # runs looked through for them, the newest first


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


def earlier_runs(fits: Callable[[TrainSpec], bool]) -> dict[str, str]:
    """References of runs of this server that fit, with what to call each, the newest first."""
    store, found = runtime.store(), dict[str, str]()
    for run_id in store.run_ids()[:_LOOKED]:
        try:
            spec, status = store.spec(run_id), store.status(run_id)
        except RunError:
            continue
        if fits(spec) and (status.active or store.snapshot_steps(run_id)):
            state = "" if status.state == "done" else f", {status.state}"
            found[str(RunRef(run_id))] = f"{run_title(spec)}, {ago(status.created)}{state}"
        if len(found) == _MOST:
            break
    return found


def earlier_picker(label: str, runs: dict[str, str], *, key: str) -> None:
    """Choose one of the runs that were trained before; it goes into the link as `?key=`."""
    if not runs:
        return
    name = f"trust.{key}.earlier"
    linked = st.query_params.get(key)
    st.session_state[name] = linked if linked in runs else None

    def take() -> None:
        if st.session_state[name] is not None:
            st.query_params[key] = st.session_state[name]

    st.selectbox(
        label, list(runs), key=name, on_change=take, format_func=lambda each: runs[each],
        placeholder=f"{len(runs)} trained before on this server",
    )  # fmt: skip


def is_active(reference: str) -> bool:
    """Whether it is a run that may still learn."""
    found = parse_reference(reference)
    if not isinstance(found, RunRef):
        return False
    try:
        return runtime.store().status(found.run_id).active
    except RunError:
        return False


def trained(reference: str, *, key: str, by_heart: int = 0) -> bool:
    """Whether a network can be looked at; while it trains how far it is, and how to end it now.

    The page goes on by itself when the training ends.

    Args:
        reference: of the network.
        key: of this place in the link.
        by_heart: images that it is to learn by heart: it ends when it has; 0: it is not meant to.
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
        st.fragment(_wait, run_every=_TICK)(found.run_id, key, by_heart)
        return False
    if status.state == "done" or runtime.store().snapshot_steps(found.run_id):
        if status.state != "done" and not by_heart:
            st.html(
                html.caption("This training ended early: what it had learned by then is measured.")
            )
        return True
    st.error(
        f"This network was not trained: {sentence_safe(status.message or status.state)}",
        icon=":material/error:",
    )
    return False


def knows_all(follower: RunFollower, images: int) -> bool:
    """Whether the updates of the last whole epoch answered every one of `images` rightly."""
    progress, started = follower.progress, follower.started
    if progress is None or started is None or not images:
        return False
    curve = follower.curve("train_accuracy")
    last = curve.values[curve.steps > progress.step - started.steps_per_epoch]
    return bool(progress.epoch > 1 and len(last) and np.min(last) >= 1.0)


def _wait(run_id: str, key: str, by_heart: int) -> None:
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
    if knows_all(follower, by_heart):
        _end(run_id)  # more updates would teach it nothing
    st.progress(_share(run_id, status), _words(run_id, by_heart))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(state_badge(status))
        if follower.progress is not None:
            st.button(
                "Use it now", icon=":material/check:", key=f"trust.{key}.now", on_click=_end,
                args=(run_id,), help="Ends the training; what it has learned by now is measured",
            )  # fmt: skip
        st.button(
            "Stop", icon=":material/stop:", key=f"trust.{key}.stop", type="tertiary",
            on_click=_drop, args=(run_id, key), help="Ends the training and measures nothing",
        )  # fmt: skip
        st.page_link(
            "pages/train/live.py", label="Watch it train", icon=":material/monitoring:",
            query_params={"run": run_id},
        )  # fmt: skip


def _end(run_id: str) -> None:
    try:
        runtime.engine().control(run_id, "stop")
    except EngineError as error:
        st.toast(sentence_safe(error), icon=":material/block:")


def _drop(run_id: str, key: str) -> None:
    _end(run_id)
    st.query_params.pop(key, None)


def _share(run_id: str, status: RunStatus) -> float:
    follower = runtime.follower(run_id)
    if status.state == "queued" or follower.progress is None or follower.started is None:
        return 0.0
    return min(1.0, follower.progress.step / max(follower.started.total_steps, 1))


def _words(run_id: str, by_heart: int) -> str:
    follower = runtime.follower(run_id)
    progress, started = follower.progress, follower.started
    if progress is None or started is None:
        return "Waiting for the first update…"
    right = f"{html.percent(progress.accuracy)} of the training images right"
    if by_heart:
        right = f"about {progress.accuracy * by_heart:.0f} of {by_heart} images learned by heart"
    left = f"at most {duration(progress.seconds_left)} left" if progress.seconds_left > 0 else ""
    end = "; ends when it knows all" if by_heart else ""
    return " · ".join(
        part
        for part in (f"Update {progress.step:,} of {started.total_steps:,}", right, left + end)
        if part
    )
