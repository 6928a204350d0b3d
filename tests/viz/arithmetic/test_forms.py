"""Matrix, columns and spectrum give the same numbers as the sum written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.viz.arithmetic.drawing import random_settings
from viz.arithmetic.forms import build_columns, build_matrix, build_spectrum, is_linear
from viz.arithmetic.numbers import draw_numbers, use_numbers
from viz.arithmetic.setting import Setting, SettingError
from viz.arithmetic.steps import build_steps


def test_all_forms_agree_over_random_settings() -> None:
    checked = {"matrix": 0, "columns": 0, "spectrum": 0}
    for setting, numbers in random_settings(250, seed=5):
        for step in build_steps(setting, numbers):
            for name, build in (
                ("matrix", build_matrix), ("columns", build_columns), ("spectrum", build_spectrum),
            ):  # fmt: skip
                try:
                    output = build(step).output
                except SettingError as error:
                    too_large = "would be" in str(error)
                    assert setting.adaptive or not is_linear(step) or too_large
                    continue
                np.testing.assert_allclose(
                    output, step.output, atol=1e-8, err_msg=f"{name} {setting}"
                )
                checked[name] += 1
    assert min(checked.values()) > 150, checked


def test_a_transposed_convolution_is_the_transposed_matrix() -> None:
    for kernel, stride, padding, extra in ((3, 1, 0, 0), (3, 2, 1, 0), (3, 2, 1, 1), (4, 3, 2, 2)):
        up = Setting(
            operation="transposed", size=(3, 4), kernel_size=(kernel,) * 2, stride=(stride,) * 2,
            padding="any", amounts=((padding, padding),) * 2, output_padding=(extra,) * 2,
            in_channels=4, out_channels=2, groups=2,
        )  # fmt: skip
        numbers = draw_numbers(up, seed=kernel)
        [gathered] = build_steps(up, numbers)
        # the convolution it belongs to, with the very same weights
        down = replace(
            up, operation="conv", size=gathered.output.shape[1:], in_channels=2, out_channels=4,
            output_padding=(0, 0),
        )  # fmt: skip
        [forward] = build_steps(down, replace(draw_numbers(down), weights=numbers.weights))
        assert forward.output.shape == gathered.x.shape
        matrix = build_matrix(forward).matrix
        np.testing.assert_allclose(matrix.T @ numbers.x.ravel(), gathered.output.ravel())
        np.testing.assert_array_equal(build_matrix(gathered).matrix, matrix.T)


def test_the_matrix_of_a_small_convolution_by_hand() -> None:
    # 3 cells, kernel (a, b) = (2, 5), two outputs
    setting = Setting(
        size=(3,), kernel_size=(2,), stride=(1,), dilation=(1,), amounts=((0, 0),),
        output_padding=(0,), output_size=(1,),
    )  # fmt: skip
    [step] = build_steps(setting, use_numbers(setting, [1, 10, 100], [2, 5], []))
    form = build_matrix(step)
    assert form.matrix.tolist() == [[2, 5, 0], [0, 2, 5]]
    assert form.weights.tolist() == [[0, 1, -1], [-1, 0, 1]]
    assert form.output.tolist() == [[52, 520]]
    columns = build_columns(step)
    assert columns.columns.tolist() == [[[1, 10], [10, 100]]]
    # circular: every row has both weights, and the matrix is circulant
    ring = replace(setting, padding="same", padding_mode="circular")
    [step] = build_steps(ring, use_numbers(ring, [1, 10, 100], [2, 5], []))
    assert build_matrix(step).matrix.tolist() == [[2, 5, 0], [0, 2, 5], [5, 0, 2]]


def test_what_is_not_linear_says_so() -> None:
    setting = Setting(operation="max")
    [step] = build_steps(setting, draw_numbers(setting))
    with pytest.raises(SettingError, match="no matrix product"):
        build_matrix(step)
    with pytest.raises(SettingError, match="Only sums"):
        build_spectrum(step)
    assert build_columns(step).filters is None


def test_a_matrix_that_is_too_large_names_its_size() -> None:
    setting = Setting(size=(16, 16), in_channels=8, out_channels=4)
    [step] = build_steps(setting, draw_numbers(setting))
    with pytest.raises(SettingError, match="784 × 2,048"):
        build_matrix(step)
