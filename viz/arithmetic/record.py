"""A setting as plain JSON values, for the way to the engine and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from viz.arithmetic.setting import (
    OPERATIONS,
    PADDING_MODES,
    PADDINGS,
    Setting,
    SettingError,
)

_WORDS: Final = {"operation": OPERATIONS, "padding": PADDINGS, "padding_mode": PADDING_MODES}
_FLAGS: Final = ("flip", "bias")
_WHOLE: Final = ("in_channels", "out_channels", "groups", "norm")


def write_setting(setting: Setting) -> dict[str, Any]:
    """JSON values of a setting; tuples are lists."""
    return {name: _listed(value) for name, value in asdict(setting).items()}


def read_setting(values: Mapping[str, Any]) -> Setting:
    """The setting those values describe; what is missing is the default. Sizes are not checked.

    Raises:
        SettingError: naming the first field that is unknown or of the wrong kind.
    """
    known = {field.name for field in fields(Setting)}
    for name in values:
        if name not in known:
            raise SettingError(
                f"There is no field {name[:40]!r}; there are {', '.join(sorted(known))}."
            )
    return Setting(**{name: _read(name, value) for name, value in values.items()})


def _read(name: str, value: Any) -> Any:
    if name in _WORDS:
        if value not in _WORDS[name]:
            raise SettingError(
                f"`{name}` is {str(value)[:40]!r}: choose {', '.join(_WORDS[name])}."
            )
        return value
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise SettingError(f"`{name}` is {str(value)[:40]!r}: choose true or false.")
        return value
    if name in _WHOLE:
        return _whole(name, value)
    if not isinstance(value, list | tuple):
        raise SettingError(
            f"`{name}` is {str(value)[:40]!r}: give a list with a number a dimension."
        )
    if name != "amounts":
        return tuple(_whole(name, one) for one in value)
    if any(not isinstance(pair, list | tuple) or len(pair) != 2 for pair in value):
        raise SettingError("`amounts` takes a pair a dimension: cells before and cells behind.")
    return tuple((_whole(name, pair[0]), _whole(name, pair[1])) for pair in value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingError(f"`{name}` holds {str(value)[:40]!r}: use whole numbers.")
    return value


def _listed(value: Any) -> Any:
    return [_listed(one) for one in value] if isinstance(value, tuple) else value
