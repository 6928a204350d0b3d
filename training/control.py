"""What a person may do to a running training, as data: the commands that reach the loop.

The loop asks its `Controls` once per update and waits on it while paused. Commands are checked
where they enter (the engine) with `check_command`, so the loop applies them without surprise.
Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, get_args

from training.events import ControlAction
from training.spec import SpecError

LIVE_LIMITS: Final[dict[str, tuple[float, float]]] = {
    "lr": (0.0, 100.0),
    "momentum": (0.0, 0.999),
    "weight_decay": (0.0, 1.0),
}


@dataclass(frozen=True)
class Command:
    """One order. `set` needs `field` (lr, momentum, weight_decay) and `value`; `watch` needs `value`
    (1 = measure per-layer health for some seconds from now, 0 = no longer); the other actions need
    neither."""

    action: ControlAction
    field: str | None = None
    value: float | None = None


class Controls(Protocol):
    """Where the loop gets its commands from."""

    def poll(self) -> list[Command]:
        """The commands since the last call, oldest first; never waits. Called once per update."""

    def wait(self) -> Command:
        """The next command, however long it takes. Called only while the run is paused."""


class NoControls:
    """Nobody interferes: for tests, notebooks and benchmarks."""

    def poll(self) -> list[Command]:
        """Nothing ever."""
        return []

    def wait(self) -> Command:
        """Never needed, because nobody can pause; stops the run rather than hang."""
        return Command("stop")


def check_command(action: str, field: str | None = None, value: float | None = None) -> Command:
    """A valid command.

    Raises:
        SpecError: for an unknown action or field, or a value out of range, with what is allowed.
    """
    for known in get_args(ControlAction):
        if action == known:
            break
    else:
        allowed = ", ".join(get_args(ControlAction))
        raise SpecError(f"There is no action {action[:40]!r}; use one of {allowed}.")
    if known == "set":
        return _checked_setting(field, value)
    if known == "watch":
        if value not in (0, 1):
            raise SpecError(f"`watch` is {value!r}: use 1 to show layer health or 0 to hide it.")
        return Command(known, value=float(value))
    return Command(known)


def _checked_setting(field: str | None, value: float | None) -> Command:
    if field not in LIVE_LIMITS:
        allowed = ", ".join(LIVE_LIMITS)
        raise SpecError(f"{str(field)[:40]!r} cannot be changed while training; {allowed} can.")
    low, high = LIVE_LIMITS[field]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value is None or not low <= value <= high:  # false for NaN, too
        raise SpecError(f"`{field}` is {str(value)[:40]}: use a number from {low:g} to {high:g}.")
    return Command("set", field, float(value))
