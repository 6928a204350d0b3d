"""The operation step by step: sizes with their formula, the stage that plays, and torch's tick."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.components.conv_stage import CellEdit, conv_stage, place_of
from ui.convolution import controls
from ui.looking import NotYetError, glance
from ui.status import engine_line
from ui.text import sentence_safe
from viz.arithmetic.counts import setting_cost
from viz.arithmetic.exercise import Exercise
from viz.arithmetic.formula import (
    axis_name,
    remainder_words,
    same_words,
    size_formula,
    transposed_words,
)
from viz.arithmetic.numbers import flatten, shapes_of
from viz.arithmetic.presets import PRESETS
from viz.arithmetic.record import write_setting
from viz.arithmetic.setting import Setting
from viz.arithmetic.steps import Step
from viz.results.convolution import TorchAnswer

TOLERANCE: Final = 1e-9
"""Largest difference that double precision explains, as a share of the largest output."""


def render(exercise: Exercise, steps: tuple[Step, ...]) -> None:
    """Formula, stage, tick."""
    setting = exercise.setting
    _formulas(setting)
    titles = ("Depthwise", "Pointwise") if len(steps) == 2 else ("",)
    edit = conv_stage(
        steps, titles=titles, key="conv.stage", at=place_of(st.query_params.get("at")),
        label=f"{controls.OPERATION_WORDS[setting.operation]}, cell by cell",
    )  # fmt: skip
    if edit is not None:
        changed = edited(exercise, edit)
        if changed != exercise:
            controls.keep(changed)
            st.rerun()
    _facts(setting, steps)
    tick(exercise, steps)


def tick(exercise: Exercise, steps: tuple[Step, ...]) -> None:
    """Whether torch, asked with the same layers and numbers, says the same."""
    x, weight, bias = flatten(exercise.numbers)
    try:
        answer: TorchAnswer = glance(
            "convolution", setting=write_setting(exercise.setting), x=x, weight=weight, bias=bias
        )
    except NotYetError:
        engine_line()
        return
    except EngineError as error:
        st.caption(f":material/help: Torch was not asked: {sentence_safe(error)}")
        return
    pairs = [(step.output, output) for step, output in zip(steps, answer.outputs, strict=True)]
    good, difference = agree(pairs)
    count = sum(step.output.size for step in steps)
    if good:
        st.caption(
            f":green[:material/check_circle:] Torch {answer.version} computes the same "
            f"{count:,} number{'s' if count > 1 else ''} (largest difference {difference:.1g})."
        )
    else:
        st.caption(
            f":red[:material/cancel:] Torch {answer.version} computes other numbers (largest "
            f"difference {difference:.3g}): please report this setting with its link."
        )


def agree(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[bool, float]:
    """Whether all pairs are equal up to rounding, NaN where NaN, and the largest difference."""
    most, good = 0.0, True
    for mine, other in pairs:
        if mine.shape != other.shape or not np.array_equal(np.isnan(mine), np.isnan(other)):
            return False, np.inf
        difference = float(np.nan_to_num(np.abs(mine - other)).max(initial=0))
        scale = float(np.nan_to_num(np.abs(mine)).max(initial=1))
        most, good = max(most, difference), good and difference <= TOLERANCE * scale
    return good, most


def edited(exercise: Exercise, edit: CellEdit) -> Exercise:
    """The exercise with one number changed; the same where the edit fits nothing in it."""
    numbers = exercise.numbers
    arrays = [numbers.x] if edit.what == "x" else list(numbers.weights)
    part = 0 if edit.what == "x" else edit.part
    if part >= len(arrays):
        return exercise
    place = edit.place
    if edit.what == "weight" and exercise.setting.operation == "transposed":
        place = _stored_place(exercise.setting, place)
    target = arrays[part]
    if len(place) != target.ndim or any(
        at >= side for at, side in zip(place, target.shape, strict=True)
    ):
        return exercise
    target[place] = edit.value
    x, weight, _ = flatten(numbers)
    return (
        replace(exercise, x=tuple(x))
        if edit.what == "x"
        else replace(exercise, weight=tuple(weight))
    )


def _stored_place(setting: Setting, place: tuple[int, ...]) -> tuple[int, ...]:
    """Where torch keeps a weight of a transposed convolution: by input channel first."""
    if len(place) < 2:
        return place
    cin, cout = setting.channels
    group, own = divmod(place[0], cout // setting.groups)
    return (group * (cin // setting.groups) + place[1], own, *place[2:])


def _formulas(setting: Setting) -> None:
    """One formula, or one for each side that differs."""
    told: dict[str, list[str]] = {}
    for axis in range(setting.dims):
        told.setdefault(size_formula(setting, axis), []).append(axis_name(setting, axis))
    lines = []
    for formula, names in told.items():
        name = " and ".join(names) if setting.dims > 1 and len(told) > 1 else ""
        lines.append(f"{name.capitalize()}: ${formula}$" if name else f"${formula}$")
    with st.container(key="conv_formula"):
        st.markdown("  \n".join(lines))
    preset = next(
        (
            one
            for one in PRESETS.values()
            if one.exercise == st.session_state.get(controls.EXERCISE)
        ),
        None,
    )
    for words in (remainder_words(setting), same_words(setting), transposed_words(setting)):
        if words:
            st.caption(f":orange[:material/content_cut:] {words}")
    if preset is not None and not remainder_words(setting):
        st.caption(preset.words)


def _facts(setting: Setting, steps: tuple[Step, ...]) -> None:
    shape = " × ".join(map(str, steps[-1].output.shape))
    params, macs = setting_cost(setting, steps)
    shapes = shapes_of(setting)
    weights = ", ".join(" × ".join(map(str, one)) for one in shapes.weights) or "none"
    unread = sum(len(axis.unread) for axis in steps[0].axes)
    items = [
        ("Output", shape, "channels, then sides"),
        ("Weights", weights, "As torch stores them."),
        ("Parameters", f"{params:,}", "Weights and biases."),
        (
            "MACs",
            f"{macs:,}",
            "Multiplications with their additions; windows count in full over padding.",
        ),
    ]
    if unread:
        items.append(("Never read", f"{unread} rows or columns", "Input that no window reaches."))
    st.html(html.figures(items))
