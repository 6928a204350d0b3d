"""A run being watched: its state, its controls, its curves, and one look inside below them.

Everything that moves is in one fragment that the browser's timer reruns; the controls stand outside
it, because drawing widgets costs the server more than the whole picture. When what stands there
changes, the fragment asks for one full rerun, which redraws it. The curves come first: a picture
from inside the network may take its time and must not hold them up.
"""

from __future__ import annotations

from html import escape
from typing import Final

import streamlit as st

from data.catalogue import DataError, read_progress
from engine.protocol import EngineError
from training.events import Failed, Finished
from training.follow import RunFollower
from training.presets import preset_of
from training.run_store import RunError, RunStatus
from training.spec import TrainSpec
from ui import html, runtime, views
from ui.about import view_about
from ui.charts import draw_curves, suggested_lr
from ui.confusion import view_confusion
from ui.gone import say_gone
from ui.looking import NotYetError, is_warm
from ui.run_controls import ask_for_health, render_controls
from ui.run_names import duration, run_title, state_badge
from ui.setup import use_rate
from ui.subject.links import look_links
from ui.text import sentence_safe
from ui.try_it import render_try_it
from ui.url_state import choice

TICK_SECONDS: Final = 1.0
VIEWS: Final = {
    "predictions": ":material/image_search: Predictions",
    "filters": ":material/grid_view: Filters",
    "maps": ":material/layers: Feature maps",
    "confusion": ":material/grid_on: Confusion",
    "health": ":material/monitor_heart: Layer health",
    "about": ":material/info: About, export",
}
DRAW: Final = {
    "predictions": views.view_predictions,
    "filters": views.view_filters,
    "maps": views.view_feature_maps,
    "confusion": view_confusion,
    "health": views.view_health,
    "about": view_about,
}
UNSETTLED: Final = "live.unsettled"
"""Session key of an ended run whose picture is still to come: its page ticks until it is there."""


def render(run_id: str) -> None:
    """The whole page of one run."""
    try:
        _render(run_id)
    except RunError as error:
        say_gone(error)


def _render(run_id: str) -> None:
    status = runtime.store().status(run_id)
    follower = runtime.follower(run_id)
    follower.refresh()
    spec = follower.spec
    head, controls = st.columns([5, 6], vertical_alignment="center")
    head.html(f'<h1 class="cs-title">{escape(run_title(spec))} {state_badge(status)}</h1>')
    with controls:
        render_controls(run_id, spec, status)
    main, side = st.columns([7, 2], gap="medium")
    with main:
        _say_why(follower, status)
        _offer_rate(follower, spec)
        waits = st.session_state.get(UNSETTLED) == run_id
        ticks = status.active or (waits and not is_warm())
        st.fragment(_watch, run_every=TICK_SECONDS if ticks else None)(
            run_id, _outside(follower, status), ticks
        )
        st.caption("This network, at any moment of its training, through every lens:")
        look_links(f"run:{run_id}")
    with side:
        render_try_it(run_id)


def _outside(follower: RunFollower, status: RunStatus) -> tuple[object, ...]:
    """What is drawn outside the fragment: when it changes, the whole page is drawn again."""
    settings = tuple((name, control.value) for name, control in follower.settings.items())
    return status.state, status.message, follower.ended, settings


def _say_why(follower: RunFollower, status: RunStatus) -> None:
    """The sentence that belongs to how a run ended, waits, or came through."""
    ended = follower.ended
    if isinstance(ended, Failed):
        st.error(sentence_safe(ended.message))
    elif status.message and status.state in {"failed", "interrupted", "unreadable"}:
        st.error(sentence_safe(status.message))
    elif status.message and status.reason != "done":
        st.caption(sentence_safe(status.message))
    spec = follower.spec
    preset = preset_of(spec)
    if preset is not None and preset.known_to_fail:
        st.warning(preset.known_to_fail, icon=":material/report:")
    started, progress = follower.started, follower.progress
    swept = spec.schedule.name == "range_test" and isinstance(ended, Finished)
    if swept and started and progress and progress.step < started.total_steps:
        st.caption("The test ended early, because the loss had exploded: higher rates are no use.")


def _offer_rate(follower: RunFollower, spec: TrainSpec) -> None:
    """After a range test: on to a run with the rate it found."""
    rate = suggested_lr(follower) if spec.schedule.name == "range_test" else None
    if rate is None:
        return
    label = f"Set up a run with learning rate {rate:.2g}"
    if st.button(label, icon=":material/arrow_forward:", type="primary"):
        use_rate(spec, rate)
        st.switch_page("pages/train/live.py")


def _watch(run_id: str, outside: tuple[object, ...], ticks: bool) -> None:
    try:
        _tick(run_id, outside, ticks)
    except RunError as error:
        say_gone(error)


def _tick(run_id: str, outside: tuple[object, ...], ticks: bool) -> None:
    follower = runtime.follower(run_id)
    follower.refresh()
    status = runtime.store().status(run_id)
    if _outside(follower, status) != outside:
        st.rerun()
    spec = follower.spec
    _figures(follower, status, spec)
    draw_curves(follower, spec)
    view = choice("Look inside", VIEWS, key="view", default="predictions")
    if view == "health" and status.state == "running":
        ask_for_health(run_id)
    waits = st.session_state.pop(UNSETTLED, None) == run_id
    try:
        DRAW[view](follower, status)
    except NotYetError as error:
        st.caption(str(error))
        st.session_state[UNSETTLED] = run_id
        if not ticks:
            st.rerun()
    except (EngineError, DataError) as error:
        st.caption(sentence_safe(error))
    if waits and UNSETTLED not in st.session_state and not status.active:
        st.rerun()  # the picture is there: no more ticks


def _figures(follower: RunFollower, status: RunStatus, spec: TrainSpec) -> None:
    """The line of numbers above the curves; before the first one, what is being waited for."""
    progress, started = follower.progress, follower.started
    if progress is None or started is None:
        _waiting(status, spec)
        return
    scores = follower.test or follower.validation or follower.sample
    measured = [] if scores is None else [
        ("Test accuracy" if scores is follower.test else "Validation accuracy", html.percent(scores.accuracy),
         f"Measured after update {scores.step:,}")
    ]  # fmt: skip
    seconds = f"{duration(progress.seconds_left)}" if status.state == "running" else "—"
    ended = follower.ended
    speed = progress.images_per_second
    if isinstance(ended, Finished):
        last = ("Training time", duration(ended.seconds), "Pauses excluded")
        speed = progress.epoch * started.num_train / max(ended.seconds, 1e-9)
    else:
        last = ("Time left", seconds, "At the speed so far")
    st.html(
        html.figures(
            [
                ("Update", f"{progress.step:,} of {started.total_steps:,}", "Optimiser steps made"),
                ("Epoch", f"{progress.epoch:.2f}", "Passes over the training images"),
                ("Training loss", f"{progress.loss:.4f}", "Mean of the latest batches"),
                *measured,
                ("Learning rate", f"{progress.lr:.3g}", "Of the latest update"),
                (
                    "Images per second",
                    f"{speed:,.0f}",
                    "Mean over the run, validation included" if ended else "Of the latest batches",
                ),
                (
                    "Forward, backward an image",
                    f"{progress.forward_ms:.3f}, {progress.backward_ms:.3f} ms",
                    "Backward includes the update",
                ),
                last,
                ("Device", started.device, "Where the network trains"),
            ]
        )
    )
    if started.note:
        st.caption(started.note)
    softened = [
        word
        for word, on in (
            ("smoothed labels", spec.label_smoothing > 0),
            ("mixed images", spec.augment.mixup > 0),
            ("dropout", spec.dropout > 0),
        )
        if on
    ]
    if softened:
        st.caption(
            f"Training is measured as the network trains, with {' and '.join(softened)}, so its loss "
            "can lie above that of validation, which is measured without."
        )


def _waiting(status: RunStatus, spec: TrainSpec) -> None:
    download = read_progress(spec.dataset.name) if status.active else None
    if download is not None:
        share = download.done_bytes / max(download.total_bytes, 1)
        st.progress(
            min(share, 1.0),
            f"Downloading {spec.dataset.name}: {download.done_bytes / 1e6:.1f} of {download.total_bytes / 1e6:.1f} MB",
        )
    elif status.state == "queued":
        st.caption("Waiting for a free place: the engine is warming up or other runs are training.")
    elif status.active:
        st.caption("Starting: loading the images and building the network…")
    else:
        st.caption("This run ended before its first update.")
