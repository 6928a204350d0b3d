"""One row of the table of attribution methods: what it is, what it needs, what it costs, how it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Family = Literal["gradient", "modified", "cam", "perturbation"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Option:
    """A setting of a method that a page offers: a number in a range, or one of some words."""

    name: str
    label: str
    default: float | int | str
    low: float | int = 0
    high: float | int = 0
    choices: tuple[str, ...] = ()  # for words; otherwise the default's type says which numbers
    help: str = ""


@dataclass(frozen=True)
class Cost:
    """What a method asks of the network for one image."""

    passes: int  # about, forward and backward together: cheap methods come first, dear ones wait
    words: str  # for people, in full


@dataclass(frozen=True)
class Remainder:
    """What the values of a method leave of f(image) for something else."""

    label: str
    words: str  # what it is, without a full stop
    kept: bool = False  # by the network itself, so that values and remainder sum up by construction


@dataclass(frozen=True)
class Method:
    """A way to say what in an image spoke for an answer.

    Attributes:
        name: as links and lenses call it.
        title: as people do.
        family: gradient (of the unchanged network), modified (its backward pass is changed), cam (a
            weighted sum of one layer's maps), perturbation (the image is changed, the network only
            run forward).
        what: one sentence, how it is computed.
        needs: one sentence, what it asks of a network; empty: nothing.
        caveat: one sentence, the known way in which it misleads.
        citation: authors, title, venue and year of the source.
        url: where the source is.
        cost: passes through the network for one image, from the settings and the shape of the
            image; a lens reports what it really took.
        signed: whether negative values mean evidence against; otherwise they cannot occur.
        layered: whether it looks at one layer, which the person may choose.
        remainder: what its values should sum up to f(image) with; None: there is no such claim.
        slope: whether a value is the answer's change for each unit that the pixel changes, so that it
            has to be multiplied by a change to be worth something; otherwise it is a worth itself.
        compares: whether it looks at other images of the data set, too.
        options: what can be set, with good defaults.
    """

    name: str
    title: str
    family: Family
    what: str
    caveat: str
    citation: str
    url: str
    cost: Callable[[Values, tuple[int, int, int]], Cost]
    needs: str = ""
    signed: bool = True
    layered: bool = False
    remainder: Remainder | None = None
    slope: bool = False
    compares: bool = False
    options: tuple[Option, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether its values and the remainder sum up to f(image), so that a gap can be shown."""
        return self.remainder is not None

    def settings(self, given: Values) -> dict[str, float | int | str]:
        """All options with their values, the given ones checked.

        Raises:
            ValueError: one sentence: no settings at all, an option that the method does not have,
                or a value that it does not take.
        """
        if not isinstance(given, Mapping):
            raise ValueError(
                f"{self.title} takes its settings as names with values, not {str(given)[:40]!r}: "
                "leave them out for the defaults."
            )
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                there = ", ".join(known) or "none"
                raise ValueError(f"{self.title} has no option {str(name)[:40]!r}; it has {there}.")
        return {name: _value(self, option, given) for name, option in known.items()}


def _value(method: Method, option: Option, given: Values) -> float | int | str:
    if option.name not in given:
        return option.default
    value = given[option.name]
    if option.choices:
        if value not in option.choices:
            raise ValueError(
                f"{method.title} takes {', '.join(option.choices)} as {option.label.lower()}, "
                f"not {str(value)[:40]!r}."
            )
        return str(value)
    whole = isinstance(option.default, int)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not option.low <= value <= option.high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise ValueError(
            f"{method.title} takes {kind} from {option.low:g} to {option.high:g} as "
            f"{option.label.lower()}, not {str(value)[:40]!r}."
        )
    return int(value) if whole else float(value)
