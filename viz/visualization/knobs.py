"""One setting of an optimisation: what people read, what it may be, and the check of what they give.

Every table of settings is made of these, so that a number from a link, a request or a page is judged
in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SettingError(ValueError):
    """A setting that cannot be used; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Knob:
    """A setting: yes or no, one of some words, a whole number or a number, as its default is."""

    title: str
    help: str
    default: bool | float | str
    low: float = 0
    high: float = 0
    step: float = 0
    choices: Mapping[str, str] | None = None  # of words: as in links, and what people read

    @property
    def switch(self) -> bool:
        """Whether it is yes or no."""
        return isinstance(self.default, bool)

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(self.default, int) and not self.switch


Table = Mapping[str, Knob]


def check(knob: Knob, value: Any) -> Any:
    """`value` as the setting takes it.

    Raises:
        SettingError: one sentence: it does not.
    """
    given = f"{knob.title} is {str(value)[:40]!r}"
    if knob.choices is not None:
        if not isinstance(value, str) or value not in knob.choices:
            raise SettingError(f"{given}: choose {' or '.join(knob.choices)}.")
        return value
    if knob.switch:
        if not isinstance(value, bool):
            raise SettingError(f"{given}: choose true or false.")
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not knob.low <= value <= knob.high or (knob.whole and value != int(value)):
        kind = "a whole number" if knob.whole else "a number"
        raise SettingError(f"{given}: choose {kind} from {knob.low:g} to {knob.high:g}.")
    return int(value) if knob.whole else float(value)


def check_all(table: Table, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a request gives, each as its setting takes it.

    Raises:
        SettingError: one sentence: no such setting, or a value that it does not take.
    """
    values = given or {}
    for name in values:
        if name not in table:
            raise SettingError(
                f"There is no setting {str(name)[:40]!r} here; there are {', '.join(table)}."
            )
    return {name: check(table[name], value) for name, value in values.items()}
