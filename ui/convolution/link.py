"""What the link of the convolution page says, and back: every choice under a short stable name.

Sizes are written once where all sides are alike (`k=3`), else for each side (`k=2,3`); padding that
differs before and behind has a dash (`p=0-4`). Whatever cannot be used is left out with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from viz.arithmetic.exercise import Exercise, reshaped
from viz.arithmetic.numbers import FILLS, MAX_VALUE
from viz.arithmetic.setting import (
    OPERATIONS,
    PADDING_MODES,
    PADDINGS,
    Setting,
    check_ranges,
)

_SIDES: Final = {
    "i": "size", "k": "kernel_size", "s": "stride", "d": "dilation", "a": "output_padding",
    "out": "output_size",
}  # fmt: skip
_WORDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "op": ("operation", OPERATIONS),
    "pad": ("padding", PADDINGS),
    "border": ("padding_mode", PADDING_MODES),
}
_COUNTS: Final = {"cin": "in_channels", "cout": "out_channels", "g": "groups", "norm": "norm"}
_FLAGS: Final = {"flip": "flip", "bias": "bias"}
_LISTS: Final = {"x": "x", "w": "weight", "b": "bias"}
SIZES: Final = ("op", "dims", *_SIDES, "pad", "p", "border", *_COUNTS, *_FLAGS)
NAMES: Final = (*SIZES, "fill", "seed", *_LISTS)
MAX_LISTED: Final = 600
"""Numbers a link carries; a longer list would make an address that no program takes."""


def write_exercise(exercise: Exercise) -> dict[str, str]:
    """The parts of the link that differ from the first setting."""
    setting, plain = exercise.setting, reshaped(Setting(), exercise.setting.dims)
    said = {"dims": "" if setting.dims == 2 else str(setting.dims)}
    for name, field in _SIDES.items():
        said[name] = _difference(getattr(setting, field), getattr(plain, field), _sides_text)
    said["p"] = _difference(setting.amounts, plain.amounts, _amounts_text)
    for name, (field, _) in _WORDS.items():
        said[name] = _difference(getattr(setting, field), getattr(plain, field), str)
    for name, field in _COUNTS.items():
        said[name] = _difference(getattr(setting, field), getattr(plain, field), str)
    for name, field in _FLAGS.items():
        said[name] = "1" if getattr(setting, field) else ""
    said["fill"] = _difference(exercise.fill, "random", str)
    said["seed"] = _difference(exercise.seed, 0, str)
    for name, field in _LISTS.items():
        values = getattr(exercise, field)
        said[name] = (
            ",".join(f"{value:.7g}" for value in values) if len(values) <= MAX_LISTED else ""
        )
    return {name: text for name, text in said.items() if text}


def read_exercise(query: Mapping[str, str]) -> tuple[Exercise, list[str]]:
    """The exercise a link describes, and a sentence for each part that is left out."""
    problems: list[str] = []

    def take(name: str, read: Callable[[str], Any]) -> Any:
        if name not in query:
            return None
        try:
            return read(query[name])
        except ValueError as error:  # a SettingError is one too
            problems.append(f"The link's {name}={query[name][:40]!r} is left out. {error}")
            return None

    dims = take("dims", lambda text: _one_of(int_text(text), (1, 2, 3))) or 2
    setting = reshaped(Setting(), dims)
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        **{name: (field, lambda text: _read_sides(text, dims)) for name, field in _SIDES.items()},
        **{name: (field, partial(_one_of, ways=ways)) for name, (field, ways) in _WORDS.items()},
        **{name: (field, int_text) for name, field in _COUNTS.items()},
        **{
            name: (field, lambda text: _one_of(text, ("0", "1")) == "1")
            for name, field in _FLAGS.items()
        },
        "p": ("amounts", lambda text: _read_amounts(text, dims)),
    }
    for name, (field, read) in readers.items():
        start = setting

        def fitted_in(
            text: str, read: Any = read, field: str = field, start: Setting = start
        ) -> Setting:
            return check_ranges(replace(start, **{field: read(text)}))

        setting = take(name, fitted_in) or setting
    exercise = Exercise(
        setting,
        fill=take("fill", lambda text: _one_of(text, FILLS)) or "random",
        seed=take("seed", lambda text: _within(int_text(text), 0, 9999)) or 0,
        **{field: take(name, _read_list) or () for name, field in _LISTS.items()},
    )
    fitted = exercise.fitting()
    for name, field in _LISTS.items():
        if getattr(fitted, field) != getattr(exercise, field):
            count = len(getattr(exercise, field))
            problems.append(
                f"The link's {count} numbers of {name} do not fit its sizes and are left out."
            )
    return fitted, problems


def int_text(text: str) -> int:
    """A whole number of at most six digits.

    Raises:
        ValueError: a sentence, for anything else.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise ValueError("It should be a whole number.")
    return int(text)


def _difference(value: Any, plain: Any, text: Callable[[Any], str]) -> str:
    return "" if value == plain else text(value)


def _sides_text(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else ",".join(map(str, values))


def _amounts_text(values: tuple[tuple[int, int], ...]) -> str:
    texts = [str(one) if one == other else f"{one}-{other}" for one, other in values]
    return texts[0] if len(set(texts)) == 1 else ",".join(texts)


def _read_sides(text: str, dims: int) -> tuple[int, ...]:
    parts = [int_text(part) for part in text.split(",")]
    return tuple(_for_each_side(parts, dims))


def _read_amounts(text: str, dims: int) -> tuple[tuple[int, int], ...]:
    pairs = []
    for part in text.split(","):
        before, _, behind = part.partition("-")
        pairs.append((int_text(before), int_text(behind or before)))
    return tuple(_for_each_side(pairs, dims))


def _for_each_side(values: list[Any], dims: int) -> list[Any]:
    if len(values) not in (1, dims):
        raise ValueError(f"It should be one number, or {dims} with commas.")
    return values * dims if len(values) == 1 else values


def _read_list(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(",")[: MAX_LISTED + 1])
    except ValueError:
        raise ValueError("It should be numbers with commas.") from None
    if len(values) > MAX_LISTED or not all(
        math.isfinite(one) and abs(one) <= MAX_VALUE for one in values
    ):
        raise ValueError(f"It should be up to {MAX_LISTED} numbers of at most {MAX_VALUE:g}.")
    return values


def _one_of(value: Any, ways: tuple[Any, ...]) -> Any:
    if value not in ways:
        raise ValueError(f"It should be {', '.join(map(str, ways))}.")
    return value


def _within(value: int, low: int, most: int) -> int:
    if not low <= value <= most:
        raise ValueError(f"It should be {low} to {most}.")
    return value
