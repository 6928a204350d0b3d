"""The controls of one run: pause, step, stop, resume, rewind, and changes while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

import streamlit as st

from engine.protocol import EngineError
from training.run_store import RunStatus
from training.spec import TrainSpec
from ui import runtime
from ui.text import sentence_safe


def render_controls(run_id: str, spec: TrainSpec, status: RunStatus) -> None:
    """One row of buttons; only those that mean something in this state can be pressed."""
    running = status.state in {"running", "starting"}
    ended = not status.active
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"
    ):
        if running:
            _button("Pause", ":material/pause:", run_id, "pause", kind="primary")
        else:
            _button(
                "Resume", ":material/play_arrow:", run_id, "resume",
                disabled=status.state in {"done", "queued"}, kind="primary",
            )  # fmt: skip
        _button(
            "Step", ":material/skip_next:", run_id, "step", disabled=status.state != "paused",
            hint="One update, then pause again.", on_click=_step,
        )  # fmt: skip
        _button("Stop", ":material/stop:", run_id, "stop", disabled=ended)
        _button(
            "Rewind", ":material/replay:", run_id, "rewind", disabled=status.state == "queued",
            hint="Back to the same initial weights; the curve so far stays as a ghost.",
        )  # fmt: skip
        with st.popover(
            "Change", icon=":material/tune:", disabled=status.state not in {"running", "paused"}
        ):
            _live_settings(run_id, spec)
        # Not a link: one from this page to itself would leave `run` in the address.
        if st.button(
            "New run", icon=":material/add:", key="live.new",
            help="The setup page, filled with the settings of this run.",
        ):  # fmt: skip
            st.switch_page("pages/train/live.py", query_params={"from": run_id})


def _button(
    label: str,
    icon: str,
    run_id: str,
    action: str,
    *,
    disabled: bool = False,
    hint: str | None = None,
    kind: Literal["primary", "secondary"] = "secondary",
    on_click: Callable[[str, str], None] | None = None,
) -> None:
    st.button(
        label, icon=icon, key=f"live.{action}", on_click=on_click or send, args=(run_id, action),
        disabled=disabled, help=hint, type=kind,
    )  # fmt: skip


def send(run_id: str, action: str, field: str | None = None, value: float | None = None) -> None:
    """Pass a command on; what the engine refuses is shown as a short message."""
    try:
        runtime.engine().control(run_id, action, field, value)
    except EngineError as error:
        st.toast(sentence_safe(error), icon=":material/error:")


def ask_for_health(run_id: str) -> None:
    """Have layer health measured for some seconds more, for as long as it is asked again.

    It is only a lease, so nobody needs to take it back, and one viewer's leaving takes nothing from
    another. A run that does not train just now has nothing to measure, which is no news.
    """
    with contextlib.suppress(EngineError):
        runtime.engine().control(run_id, "watch", value=1.0)


def _step(run_id: str, action: str) -> None:
    # A paused page renews nothing, because each word to a paused run has its weights saved.
    if st.session_state.get("view") == "health":
        ask_for_health(run_id)
    send(run_id, action)


def _live_settings(run_id: str, spec: TrainSpec) -> None:
    follower = runtime.follower(run_id)
    settings = {
        "lr": ("Learning rate", spec.optimizer.lr, 100.0),
        "momentum": ("Momentum", spec.optimizer.momentum, 0.999),
        "weight_decay": ("Weight decay", spec.optimizer.weight_decay, 1.0),
    }
    if spec.optimizer.name == "adadelta":
        del settings["momentum"]
    for name, (label, initial, most) in settings.items():
        last = follower.settings.get(name)
        # Another change, whoever made it, is another input, which shows the new value.
        key = f"live.set.{run_id}.{name}.{0 if last is None else last.time}"
        value = initial if last is None or last.value is None else last.value
        # The value is the input's own default, not session state set before it: inside a closed
        # popover the browser would learn of the latter too late, and answer with the minimum.
        st.number_input(
            label, 0.0, most, value, key=key, format="%g", step=initial / 10 or 0.0001,
            on_change=_apply, args=(run_id, name, key),
        )  # fmt: skip
    st.caption(
        "Takes effect at the next update, without a restart. A schedule goes on from the new rate."
    )


def _apply(run_id: str, name: str, key: str) -> None:
    send(run_id, "set", name, float(st.session_state[key]))
