"""One kind of setting for all tables, and one check."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from viz.visualization.knobs import Knob, SettingError, Table, check, check_all
from viz.visualization.makers import DREAM, INVERSION, STYLE
from viz.visualization.settings import KNOBS, Settings

SWITCH = Knob("Least", "", False)
WHOLE = Knob("Steps", "", 10, 1, 100, 1)
NUMBER = Knob("Rate", "", 0.5, 0, 1, 0.1)
WORD = Knob("Basis", "", "a", choices={"a": "A", "b": "B"})


@pytest.mark.parametrize(
    ("knob", "value", "found"),
    [
        (SWITCH, True, True),
        (WHOLE, 100, 100),
        (WHOLE, 3.0, 3),
        (NUMBER, 1, 1.0),
        (WORD, "b", "b"),
    ],
)
def test_what_is_taken(knob: Knob, value: Any, found: Any) -> None:
    taken = check(knob, value)
    assert taken == found
    assert type(taken) is type(knob.default)


@pytest.mark.parametrize(
    ("knob", "value", "says"),
    [
        (SWITCH, 1, "Least is '1': choose true or false"),
        (WHOLE, 1.5, "Steps is '1.5': choose a whole number from 1 to 100"),
        (WHOLE, True, "a whole number"),
        (WHOLE, 101, "from 1 to 100"),
        (NUMBER, float("nan"), "a number from 0 to 1"),
        (NUMBER, None, "a number"),
        (WORD, "c", "choose a or b"),
        (WORD, ["a"], "choose a or b"),
    ],
)
def test_what_is_not_taken_is_a_sentence(knob: Knob, value: Any, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        check(knob, value)


@pytest.mark.parametrize("table", [KNOBS, DREAM, INVERSION, STYLE])
def test_every_table_takes_its_own_defaults_and_nothing_unknown(table: Table) -> None:
    standard = {name: knob.default for name, knob in table.items()}
    assert check_all(table, standard) == standard
    assert check_all(table, None) == {}
    with pytest.raises(SettingError, match="no setting 'nosuch' here; there are"):
        check_all(table, {"nosuch": 1})


def test_every_setting_of_an_optimisation_can_be_asked_for() -> None:
    assert set(KNOBS) == {each.name for each in fields(Settings)}
    assert {name: knob.default for name, knob in KNOBS.items()} == vars(Settings())
