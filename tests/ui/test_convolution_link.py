"""The convolution page's link: what is written is read back; what cannot be used is a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.viz.arithmetic.drawing import random_settings
from ui.components.conv_stage import CellEdit, place_of, read_edit
from ui.components.kernel_pad import read_kernel
from ui.convolution.link import MAX_LISTED, read_exercise, write_exercise
from ui.convolution.picture_link import parse_kernel, resized
from ui.convolution.step_view import agree, edited
from viz.arithmetic.exercise import Exercise
from viz.arithmetic.presets import PRESETS
from viz.arithmetic.setting import Setting
from viz.arithmetic.steps import build_steps


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_travels_in_a_link(name: str) -> None:
    exercise = PRESETS[name].exercise
    assert read_exercise(write_exercise(exercise)) == (exercise, [])


def test_any_setting_travels_in_a_link() -> None:
    for setting, numbers in random_settings(150, seed=77):
        exercise = Exercise(setting, "count", 12, x=tuple(numbers.x.ravel().tolist()))
        again, problems = read_exercise(write_exercise(exercise))
        assert problems == []
        assert again.setting == setting
        assert again.x == (exercise.x if len(exercise.x) <= MAX_LISTED else ())


def test_the_first_setting_needs_no_link() -> None:
    assert write_exercise(Exercise()) == {}
    assert read_exercise({}) == (Exercise(), [])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            {"k": "3,3,3"},
            "The link's k='3,3,3' is left out. It should be one number, or 2 with commas.",
        ),
        ({"k": "99"}, "`kernel_size` is 99: choose 1 to 9."),
        ({"i": "-4"}, "It should be a whole number."),
        ({"i": "٣"}, "It should be a whole number."),
        ({"op": "<b>"}, "The link's op='<b>' is left out. It should be conv, "),
        ({"p": "1-2-3"}, "It should be a whole number."),
        ({"dims": "4"}, "It should be 1, 2, 3."),
        ({"g": "0"}, "`groups` is 0"),
        ({"norm": "5"}, "`norm` is 5"),
        ({"flip": "yes"}, "It should be 0, 1."),
        ({"seed": "99999"}, "It should be 0 to 9999."),
        ({"x": "1,2,nan"}, "It should be up to 600 numbers"),
        ({"w": "1,a"}, "It should be numbers with commas."),
        ({"x": "1,2,3"}, "The link's 3 numbers of x do not fit its sizes"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_a_sentence(
    query: dict[str, str], sentence: str
) -> None:
    exercise, problems = read_exercise({**query, "s": "2"})
    assert len(problems) == 1
    assert sentence in problems[0]
    assert exercise == Exercise(replace(Setting(), stride=(2, 2)))


def test_a_changed_number_lands_where_torch_keeps_it() -> None:
    exercise = PRESETS["cs231n"].exercise
    changed = edited(exercise, CellEdit("x", 0, (2, 4, 3), 9.0))
    assert changed.numbers.x[2, 4, 3] == 9
    changed = edited(changed, CellEdit("weight", 0, (1, 2, 0, 1), -7.5))
    assert changed.numbers.weights[0][1, 2, 0, 1] == -7.5
    assert changed.numbers.x[2, 4, 3] == 9
    separable = edited(PRESETS["separable"].exercise, CellEdit("weight", 1, (1, 2, 0, 0), 5.0))
    assert separable.numbers.weights[1][1, 2, 0, 0] == 5


def test_a_changed_weight_of_a_transposed_convolution_is_the_one_shown() -> None:
    setting = Setting(
        operation="transposed",
        size=(2, 2),
        kernel_size=(2, 2),
        in_channels=4,
        out_channels=6,
        groups=2,
    )
    exercise = Exercise(setting)
    for place in ((0, 0, 0, 0), (4, 1, 1, 0), (5, 1, 0, 1), (2, 1, 1, 1)):
        changed = edited(exercise, CellEdit("weight", 0, place, 99.0))
        [step] = build_steps(setting, changed.numbers)
        assert step.weight is not None
        assert np.argwhere(step.weight == 99).tolist() == [list(place)]


@pytest.mark.parametrize(
    "edit",
    [
        CellEdit("x", 0, (0, 9, 9), 1.0),
        CellEdit("x", 0, (0,), 1.0),
        CellEdit("weight", 3, (0, 0, 0, 0), 1.0),
        CellEdit("weight", 0, (), 1.0),
    ],
)
@pytest.mark.parametrize("name", ["padded_strided", "transposed", "max"])
def test_an_edit_of_nothing_changes_nothing(name: str, edit: CellEdit) -> None:
    assert edited(PRESETS[name].exercise, edit) == PRESETS[name].exercise


@pytest.mark.parametrize(
    "message",
    [
        None,
        "x",
        {"what": "bias", "part": 0, "place": [0], "value": 1},
        {"what": "x", "part": 0, "place": [0, -1], "value": 1},
        {"what": "x", "part": 0, "place": "0", "value": 1},
        {"what": "x", "part": True, "place": [0], "value": 1},
        {"what": "x", "part": 0, "place": [0], "value": "1"},
        {"what": "x", "part": 0, "place": [0], "value": float("nan")},
    ],
)
def test_messages_that_are_no_edits_are_ignored(message: object) -> None:
    assert read_edit(message) is None


def test_messages_of_the_kernel_pad() -> None:
    good = {"size": 2, "values": [1, 2.5, 0, -1]}
    found = read_kernel(good, 2)
    assert found is not None
    assert found.tolist() == [[1, 2.5], [0, -1]]
    for bad in (None, {**good, "size": 3}, {**good, "values": [1, 2, 3]}, {**good, "values": [1, 2, 3, "4"]},
                {**good, "values": [1, 2, 3, float("inf")]}):  # fmt: skip
        assert read_kernel(bad, 2) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [("4", "4"), ("1.12", "1.12"), (None, "0"), ("x", "0"), ("1.2.3", "0"), ("", "0"), ("-1", "0")],
)
def test_where_the_stage_begins(text: str | None, place: str) -> None:
    assert place_of(text) == place


def test_kernels_of_links() -> None:
    assert parse_kernel("1,2,3,4").tolist() == [[1, 2], [3, 4]]
    for text in ("1,2,3", "a", "", "1e9", "nan", ",".join(["1"] * 400)):
        with pytest.raises(ValueError, match="should be"):
            parse_kernel(text)
    small = np.arange(9.0).reshape(3, 3)
    assert resized(resized(small, 7), 3).tolist() == small.tolist()
    assert resized(small, 1).tolist() == [[4]]


def test_agreement_is_judged_by_rounding_and_by_nan() -> None:
    one = np.array([1.0, np.nan])
    assert agree([(one, one.copy())]) == (True, 0.0)
    assert agree([(one, np.array([1.0, 2.0]))])[0] is False
    assert agree([(one, one[:1])])[0] is False
    assert agree([(np.array([1e9]), np.array([1e9 + 0.01]))])[0] is True
    assert agree([(np.array([1.0]), np.array([1.0001]))])[0] is False
