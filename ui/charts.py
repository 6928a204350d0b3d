"""The curves of a run: what its follower holds, handed to the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st

from training.events import Control, Started
from training.follow import RunFollower
from training.spec import TrainSpec
from viz.figures.curves import plot_accuracy, plot_loss
from viz.figures.runs import plot_lr_range
from viz.figures.series import suggest_lr
from viz.results import Curve, Mark

CHART_CONFIG: Final = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}
_CHART_HEIGHT: Final = 240
_MARK_WORDS: Final = {"weight_decay": "decay"}


def draw_curves(follower: RunFollower, spec: TrainSpec) -> None:
    """Loss and accuracy side by side; for a range test, loss over learning rate."""
    if spec.schedule.name == "range_test":
        draw_range_test(follower)
        return
    marks = setting_marks(follower.controls)
    started = follower.started
    total = _axis_end(follower, started)
    loss, accuracy = st.columns(2)
    loss.plotly_chart(
        plot_loss(
            curve(follower, "train_loss"), validation(follower, "loss"), marks=marks,
            ghosts=_ghosts(follower, "train_loss"), total_steps=total, height=_CHART_HEIGHT,
        ),
        key="live.loss", config=CHART_CONFIG, alt="Training and validation loss over updates",
    )  # fmt: skip
    classes = len(follower.validation.confusion) if follower.validation else 0
    accuracy.plotly_chart(
        plot_accuracy(
            curve(follower, "train_accuracy"), validation(follower, "accuracy"), marks=marks,
            ghosts=_ghosts(follower, "train_accuracy"), chance=1 / classes if classes else None,
            total_steps=total, height=_CHART_HEIGHT,
        ),
        key="live.accuracy", config=CHART_CONFIG, alt="Training and validation accuracy over updates",
    )  # fmt: skip


def draw_range_test(follower: RunFollower) -> None:
    """Loss over learning rate, with the rate to use marked."""
    rates, losses = follower.curve("lr"), follower.curve("train_loss")
    st.plotly_chart(
        plot_lr_range(rates.values, losses.values, suggested=suggested_lr(follower), height=_CHART_HEIGHT + 60),
        key="live.range", config=CHART_CONFIG, alt="Training loss over learning rate",
    )  # fmt: skip


def suggested_lr(follower: RunFollower) -> float | None:
    """The learning rate a finished range test recommends."""
    if follower.ended is None:
        return None
    rates, losses = follower.curve("lr"), follower.curve("train_loss")
    return suggest_lr(rates.values, losses.values)


def curve(follower: RunFollower, name: str, name_shown: str = "", passes_back: int = 0) -> Curve:
    """One of the follower's curves as figures take them."""
    series = follower.curve(name, passes_back)
    return Curve(series.steps, series.values, name_shown)


def validation(follower: RunFollower, measure: str, name: str = "") -> Curve:
    """Validation as one curve: the complete ones and the quick looks at a sample in between."""
    complete, sample = follower.curve(f"val_{measure}"), follower.curve(f"sample_{measure}")
    steps = np.concatenate([complete.steps, sample.steps])
    values = np.concatenate([complete.values, sample.values])
    order = np.argsort(steps, kind="stable")
    return Curve(steps[order], values[order], name)


def _ghosts(follower: RunFollower, name: str) -> list[Curve]:
    return [
        curve(follower, name, passes_back=back) for back in range(follower.num_passes - 1, 0, -1)
    ]


def _axis_end(follower: RunFollower, started: Started | None) -> int | None:
    """The whole run once a good part is done; before that the axis grows with the curve."""
    if started is None or follower.progress is None:
        return None
    near_end = follower.progress.step > started.total_steps / 3
    return started.total_steps if near_end and follower.ended is None else None


def setting_marks(controls: Sequence[Control]) -> list[Mark]:
    """A mark for each live change; of several changes of a setting at one step, the last."""
    last = {
        (control.step, control.field): Mark(
            control.step, f"{_MARK_WORDS.get(control.field or '', control.field)} {control.value:g}"
        )
        for control in controls
        if control.action == "set" and control.value is not None
    }
    return list(last.values())
