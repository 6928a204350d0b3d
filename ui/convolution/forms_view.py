"""The same numbers from one matrix, from im2col and from the Fourier transform, each with a tick."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from ui import html
from ui.components.conv_stage import place_of
from ui.convolution import grids
from ui.convolution.step_view import agree
from ui.text import sentence_safe
from viz.arithmetic.exercise import Exercise
from viz.arithmetic.forms import (
    ColumnsForm,
    MatrixForm,
    SpectrumForm,
    build_columns,
    build_matrix,
    build_spectrum,
)
from viz.arithmetic.numbers import Array
from viz.arithmetic.setting import SettingError
from viz.arithmetic.steps import Step
from viz.figures.theme import to_rgb
from viz.figures.tiles import encode_png, fit_zoom


def render(exercise: Exercise, steps: tuple[Step, ...]) -> None:
    """Three forms of one step; the second step of a separable convolution is a choice."""
    step, at = steps[0], place_of(st.query_params.get("at"))
    part, _, cell = at.rpartition(".")
    if len(steps) == 2:
        names = ("Depthwise", "Pointwise")
        chosen = st.segmented_control("Step", names, default=names[int(part == "1")], required=True,
                                      label_visibility="collapsed")  # fmt: skip
        step = steps[names.index(chosen)]
    marked = min(int(cell), step.output.size - 1)
    _matrix(step, marked, transposed=exercise.setting.operation == "transposed")
    _columns(step, marked)
    _spectrum(step)


def _matrix(step: Step, marked: int, *, transposed: bool) -> None:
    st.subheader("One matrix")
    try:
        form = build_matrix(step)
    except SettingError as error:
        st.caption(sentence_safe(error))
        return
    st.html(_matrix_picture(step, form, marked))
    used = int((form.weights >= 0).sum())
    total = form.matrix.size
    words = (
        f"Each row is one output cell, outlined the one the step view stands at. {used:,} of {total:,} entries "
        f"are not zero by construction; they hold {_different(form)} different weights, "
        "the same in every row, moved on by the stride from row to row. "
        "A fully connected layer would have every entry to itself."
    )
    if transposed:
        words += (
            " It is the transpose of the matrix of the convolution with the same kernel, stride and padding, "
            "hence the name."
        )
    _tick(step, form.output, "matrix")
    st.caption(words)


def _matrix_picture(step: Step, form: MatrixForm, marked: int) -> str:
    parts = [
        grids.matrix(form.matrix, "M", marked_row=marked),
        grids.matrix(step.x.reshape(-1, 1), "x"),
    ]
    if step.bias.size:
        bias = np.repeat(step.bias, math.prod(step.output.shape[1:])).reshape(-1, 1)
        parts += [grids.sign("+"), grids.matrix(bias, "b")]
    parts += [grids.sign("="), grids.matrix(form.output.reshape(-1, 1), "y", marked_row=marked)]
    return grids.equation(*parts)


def _different(form: MatrixForm) -> int:
    return len(np.unique(form.weights[form.weights >= 0]))


def _columns(step: Step, marked: int) -> None:
    st.subheader("im2col: every window a column")
    try:
        form = build_columns(step)
    except SettingError as error:
        st.caption(sentence_safe(error))
        return
    places = math.prod(step.output.shape[1:])
    channel, column = divmod(marked, places)
    groups = len(form.columns)
    per_group = len(step.output) // groups
    group = channel // per_group
    st.html(_columns_picture(step, form, group, channel % per_group, column))
    _tick(step, form.output, "im2col")
    copies = form.columns.size / step.x.size
    then = "each column is reduced to one number"
    if form.filters is not None:
        then = "one matrix product does all filters"
    words = (
        f"The windows hold {form.columns.size:,} numbers copied from {step.x.size:,} of the input "
        f"({copies:.2g} times), and then {then}: memory spent for one large, fast operation."
    )
    if groups > 1:
        words += f" Shown is group {group} of {groups}."
    st.caption(words)


def _columns_picture(step: Step, form: ColumnsForm, group: int, row: int, column: int) -> str:
    windows = np.where(np.isfinite(form.columns[group]), form.columns[group], -np.inf)
    parts = [grids.matrix(windows, "X", marked_column=column)]
    per_group = len(step.output) // len(form.columns)
    result = form.output.reshape(len(step.output), -1)[group * per_group :][:per_group]
    if form.filters is not None:
        parts.insert(0, grids.matrix(form.filters[group], "W", marked_row=row))
    if step.bias.size:
        bias = step.bias[group * per_group :][:per_group].reshape(-1, 1)
        parts += [grids.sign("+"), grids.matrix(bias, "b")]
    return grids.equation(
        *parts, grids.sign("→" if form.filters is None else "="), grids.matrix(result, "Y")
    )


def _spectrum(step: Step) -> None:
    st.subheader("Fourier transform")
    try:
        form = build_spectrum(step)
    except SettingError as error:
        st.caption(sentence_safe(error))
        return
    st.html(_spectrum_picture(form))
    _tick(step, form.output, "FFT")
    grid = " × ".join(map(str, step.grid))
    st.caption(
        f"Amplitudes of the padded input ({grid}) and of the kernel filled up to its size, low frequencies in the "
        "middle, first channel and filter. Shifting in space is multiplying here: one complex product a frequency, "
        "with the kernel's conjugate because torch correlates; going back gives every position, of which the stride "
        "keeps some. It pays for large kernels: per cell its cost grows with the logarithm of the size, not with k²."
    )


def _spectrum_picture(form: SpectrumForm) -> str:
    x, kernel = form.x[0], form.kernel[0, 0]
    return grids.equation(
        _amplitudes(x, "|F(x)|"), grids.sign("·"), _amplitudes(kernel, "|F(k)|"), grids.sign("="),
        _amplitudes(x * np.conj(kernel), "|F(x) · F(k)*|"),
    )  # fmt: skip


def _amplitudes(values: np.ndarray, title: str) -> str:
    shown = np.log1p(np.abs(np.fft.fftshift(values)))
    flat = shown.reshape(-1, shown.shape[-1])  # slices of a volume below each other
    pixels = to_rgb(flat, "sequential", vmin=0, vmax=float(shown.max()) or 1)
    zoom = max(6, min(fit_zoom(flat.shape[1], 190), fit_zoom(flat.shape[0], 190)))
    picture = html.image(encode_png(pixels, zoom=zoom), title)
    size = f"{flat.shape[1] * zoom}px"
    return (
        f'<figure class="cs-convolution-matrix"><b>{title}</b> <i>highest {np.abs(values).max():.3g}</i>'
        f'<div style="width:{size}">{picture}</div></figure>'
    )


def _tick(step: Step, output: Array, name: str) -> None:
    good, difference = agree([(step.output, output)])
    if good:
        st.markdown(
            f":green[:material/check_circle:] Equal to the sums written out: all {output.size:,} numbers, largest "
            f"difference {difference:.1g}."
        )
    else:
        st.markdown(
            f":red[:material/cancel:] The {name} form gives other numbers (largest difference "
            f"{difference:.3g}): please report this setting with its link."
        )
