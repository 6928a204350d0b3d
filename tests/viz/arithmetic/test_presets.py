"""Every preset is a setting torch computes, gives the numbers its words promise, and has a formula."""

from __future__ import annotations

import numpy as np
import pytest

from tests.viz.arithmetic.test_steps import run_code
from viz.arithmetic.exercise import Exercise, reshaped
from viz.arithmetic.formula import remainder_words, same_words, size_formula, transposed_words
from viz.arithmetic.numbers import draw_numbers
from viz.arithmetic.presets import PRESETS
from viz.arithmetic.record import read_setting, write_setting
from viz.arithmetic.setting import Setting, SettingError, check
from viz.arithmetic.steps import build_steps
from viz.arithmetic.torch_layers import torch_code


def output(name: str) -> np.ndarray:
    exercise = PRESETS[name].exercise
    return build_steps(check(exercise.setting), exercise.numbers)[-1].output


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_what_torch_computes(name: str) -> None:
    exercise = PRESETS[name].exercise
    assert exercise.fitting() == exercise
    answer = run_code(torch_code(exercise.setting, exercise.numbers))
    np.testing.assert_allclose(answer, output(name), rtol=1e-6, atol=1e-6)
    for axis in range(exercise.setting.dims):
        formula = size_formula(exercise.setting, axis)
        if not exercise.setting.adaptive:
            assert formula.endswith(rf"= \mathbf{{{output(name).shape[1 + axis]}}}")


def test_presets_differ_and_their_words_are_one_sentence_or_two() -> None:
    assert len({repr(preset.exercise) for preset in PRESETS.values()}) == len(PRESETS)
    assert all(preset.words.endswith(".") for preset in PRESETS.values())


def test_numbers_the_words_promise() -> None:
    assert output("padded_strided").tolist() == [[[1, 5, 6], [7, 8, 3], [3, 10, 4]]]
    assert output("cs231n").shape == (2, 3, 3)
    assert output("flipped")[0, 1:4, 1:4].ravel().tolist() == list(range(1, 10))
    board = output("checkerboard")[0]
    assert board[2:5, 2:5].tolist() == [[4, 2, 4], [2, 1, 2], [4, 2, 4]]
    assert output("transposed_odd").shape == (1, 6, 6)
    causal = PRESETS["causal"].exercise
    numbers = causal.numbers
    before = build_steps(causal.setting, numbers)[0].output
    numbers.x[0, 7:] += 1  # the future
    assert (build_steps(causal.setting, numbers)[0].output[0, :7] == before[0, :7]).all()


def test_what_the_floor_cuts_off_is_said_with_both_conventions() -> None:
    words = remainder_words(PRESETS["uneven"].setting)
    assert (
        "Height and width: 3/2 + 1 = 2.5, so torch takes 2 and never reads the last cell" in words
    )
    assert "CNN Explainer call such a setting invalid" in words
    assert "7/2 + 1 = 4.5" in remainder_words(PRESETS["cs231n_uneven"].setting)
    assert r"\lfloor 1.5 \rfloor + 1 = \mathbf{2}" in size_formula(PRESETS["uneven"].setting, 0)
    assert remainder_words(PRESETS["strided"].setting) == ""
    assert "2 input sizes" in transposed_words(PRESETS["transposed_strided"].setting)
    assert transposed_words(PRESETS["transposed"].setting) == ""
    assert same_words(PRESETS["same"].setting) == ""
    assert "Torch refuses" in same_words(Setting(padding="same", stride=(2, 2)))


def test_settings_survive_the_way_to_the_engine() -> None:
    for preset in PRESETS.values():
        assert read_setting(write_setting(preset.setting)) == preset.setting


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"size": "5"}, "`size` is '5'"),
        ({"stride": [1.5, 2]}, "`stride` holds '1.5'"),
        ({"operation": "sum"}, "`operation` is 'sum'"),
        ({"flip": 1}, "`flip` is '1'"),
        ({"amounts": [[1, 2, 3]]}, "`amounts` takes a pair"),
        ({"filters": 3}, "There is no field 'filters'"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_a_sentence(
    values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SettingError, match="(?s)" + sentence.replace("(", r"\(")):
        read_setting(values)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kernel_size": (3, 6)}, "kernel of 6 is larger than the padded input of 5"),
        ({"dilation": (3, 1)}, "kernel of 3 with dilation 3 spans 7 cells"),
        (
            {"padding": "full", "padding_mode": "reflect", "size": (2, 4)},
            "Reflection can add at most 1",
        ),
        ({"padding": "full", "padding_mode": "circular", "size": (1, 4)}, "at most 1 cells, not 2"),
        ({"groups": 2, "in_channels": 3}, "2 groups do not divide 3 input and 1 output channels"),
        ({"operation": "max", "padding": "full"}, "more than half of the pooling window"),
        ({"operation": "mean", "dilation": (2, 2)}, "no dilation in torch"),
        ({"operation": "transposed", "output_padding": (1, 0)}, "must be smaller than the stride"),
        ({"operation": "transposed", "size": (1, 1), "padding": "full"}, "leaves nothing"),
        ({"size": (5, 17)}, "`size` is 17: choose 1 to 16"),
        ({"norm": 5}, "`norm` is 5"),
        ({"stride": (1,)}, "`stride` has 1 numbers"),
        ({"operation": "max", "kernel_size": (2, 2), "padding": "same"}, "pad both sides alike"),
    ],
)
def test_sizes_that_give_no_result_say_why(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        check(Setting(**fields))  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    assert str(caught.value).count(". ") == 0


def test_other_dimensions_keep_what_they_can() -> None:
    setting = Setting(size=(4, 12), kernel_size=(2, 5), stride=(1, 2))
    assert reshaped(setting, 1).size == (12,)
    assert reshaped(setting, 3).size == (4, 4, 6)
    assert reshaped(setting, 3).kernel_size == (2, 2, 4)
    for dims in (1, 2, 3):
        check(reshaped(setting, dims))


def test_numbers_that_do_not_fit_are_drawn_again() -> None:
    exercise = Exercise(Setting(), x=(1.0,) * 25, weight=(1.0,) * 4)
    assert exercise.fitting() == Exercise(Setting(), x=(1.0,) * 25)
    assert exercise.numbers.x.sum() == 25
    assert (exercise.numbers.weights[0] == draw_numbers(Setting()).weights[0]).all()
