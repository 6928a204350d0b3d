"""The arithmetic of convolution: controls at the side, the numbers large, four more ways to see it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui import url_state
from ui.convolution import controls, cost_view, forms_view, picture_view, step_view
from ui.text import sentence_safe
from viz.arithmetic.exercise import Exercise
from viz.arithmetic.formula import same_words
from viz.arithmetic.setting import SettingError, check
from viz.arithmetic.steps import Step, build_steps
from viz.arithmetic.torch_layers import torch_code

VIEWS: Final = {
    "steps": ":material/play_circle: Step by step",
    "forms": ":material/grid_on: Matrix, im2col, FFT",
    "picture": ":material/image: On a picture",
    "cost": ":material/balance: Cost",
    "code": ":material/code: Code",
}


def render() -> None:
    """The whole page."""
    exercise = controls.current()
    with st.container(key="conv_page"):  # on a phone the picture comes first, see style.css
        form, picture = st.columns([2, 5], gap="large")
    with picture:
        view = url_state.choice("View", VIEWS, key="view", default="steps")
    if view == "picture":
        picture_view.render(form, picture)
        return
    with form:
        exercise = controls.render(exercise)
    controls.keep(exercise)
    with picture:
        steps = _computed(exercise)
        if steps is None:
            return
        if view == "steps":
            step_view.render(exercise, steps)
        elif view == "forms":
            forms_view.render(exercise, steps)
        elif view == "cost":
            cost_view.render(exercise.setting, steps)
        else:
            _code(exercise, steps)


def _computed(exercise: Exercise) -> tuple[Step, ...] | None:
    """The steps with their numbers; None after saying why there are none."""
    try:
        return build_steps(check(exercise.setting), exercise.numbers)
    except SettingError as error:
        st.error(sentence_safe(error), icon=":material/block:")
        return None


def _code(exercise: Exercise, steps: tuple[Step, ...]) -> None:
    st.code(torch_code(exercise.setting, exercise.numbers), language="python", wrap_lines=True)
    step_view.tick(exercise, steps)
    if exercise.setting.flip and exercise.setting.weighted:
        st.caption("Torch's layers correlate, so the kernel is turned round before it is stored.")
    if same_words(exercise.setting):
        st.caption(same_words(exercise.setting))
