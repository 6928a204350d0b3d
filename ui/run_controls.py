"""The controls of one run: pause, step, stop, resume, rewind, and changes while it runs."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from engine.protocol import EngineError
from training.run_store import RunStatus
from training.spec import TrainSpec
from ui import runtime


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
            hint="One update, then pause again.",
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
        st.page_link(
            "pages/train/live.py", label="New run", icon=":material/add:", query_params={"from": run_id},
            help="The setup page, filled with the settings of this run.",
        )  # fmt: skip


def _button(
    label: str,
    icon: str,
    run_id: str,
    action: str,
    *,
    disabled: bool = False,
    hint: str | None = None,
    kind: Literal["primary", "secondary"] = "secondary",
) -> None:
    st.button(
        label, icon=icon, key=f"live.{action}", on_click=send, args=(run_id, action),
        disabled=disabled, help=hint, type=kind,
    )  # fmt: skip


def send(run_id: str, action: str, field: str | None = None, value: float | None = None) -> None:
    """Pass a command on; what the engine refuses is shown as a short message."""
    try:
        runtime.engine().control(run_id, action, field, value)
    except EngineError as error:
        st.toast(str(error), icon=":material/error:")


def _live_settings(run_id: str, spec: TrainSpec) -> None:
    follower = runtime.follower(run_id)
    settings = {
        "lr": ("Learning rate", spec.optimizer.lr, 100.0),
        "momentum": ("Momentum", spec.optimizer.momentum, 0.999),
        "weight_decay": ("Weight decay", spec.optimizer.weight_decay, 1.0),
    }
    if spec.optimizer.name == "adadelta":
        del settings["momentum"]
    changed = {
        control.field: control.value for control in follower.controls if control.action == "set"
    }
    for name, (label, initial, most) in settings.items():
        key = f"live.set.{run_id}.{name}"
        st.session_state.setdefault(key, changed.get(name) or initial)
        st.number_input(
            label, 0.0, most, key=key, format="%g", step=initial / 10 or 0.0001,
            on_change=_apply, args=(run_id, name, key),
        )  # fmt: skip
    st.caption(
        "Takes effect at the next update, without a restart. A schedule goes on from the new rate."
    )


def _apply(run_id: str, name: str, key: str) -> None:
    send(run_id, "set", name, float(st.session_state[key]))
