"""Model references: the short string that names one network anywhere, in addresses too.

Their text arrives from query strings, so it is matched against exact patterns before any part of
it becomes a path or a look-up. Nothing here imports torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_RUN_ID = r"[0-9]{8}-[0-9]{6}-[a-z2-7]{4}"
_NAME = r"[a-z][a-z0-9_]{0,63}"
_PATTERN = re.compile(
    rf"run:(?P<run>{_RUN_ID})(@(?P<step>0|[1-9][0-9]{{0,8}}))?"
    rf"|shipped:(?P<shipped>{_NAME})(@(?P<moment>0|[1-9][0-9]{{0,8}}))?"
    rf"|torchvision:(?P<torchvision>{_NAME})|random:(?P<random>{_NAME})"
)
_LONGEST = 100


class ReferenceError(ValueError):
    """Text that names no network; the message is one sentence with the forms there are."""


@dataclass(frozen=True)
class RunRef:
    """A training run: its newest weights, or those of the snapshot after `step` updates."""

    run_id: str
    step: int | None = None

    def __str__(self) -> str:
        return f"run:{self.run_id}" + ("" if self.step is None else f"@{self.step}")


@dataclass(frozen=True)
class ShippedRef:
    """A trained network that comes with the program, with the snapshots of its run."""

    name: str
    step: int | None = None

    def __str__(self) -> str:
        return f"shipped:{self.name}" + ("" if self.step is None else f"@{self.step}")


@dataclass(frozen=True)
class TorchvisionRef:
    """A pretrained network of torchvision."""

    name: str

    def __str__(self) -> str:
        return f"torchvision:{self.name}"


@dataclass(frozen=True)
class RandomRef:
    """An architecture with the weights it starts from."""

    architecture: str

    def __str__(self) -> str:
        return f"random:{self.architecture}"


HistoryRef = RunRef | ShippedRef
"""What has a past: a network whose training can be scrubbed back through."""
ModelRef = RunRef | ShippedRef | TorchvisionRef | RandomRef


def at_step(reference: HistoryRef, step: int | None) -> HistoryRef:
    """The same network at another moment; None: its newest weights."""
    return replace(reference, step=step)


def parse_reference(text: str) -> ModelRef:
    """The network that `text` names; `str` of the result is `text` again.

    Raises:
        ReferenceError: the text has none of these forms.
    """
    match = _PATTERN.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ReferenceError(
            f"{text[:60]!r} names no network; write run:<id>, run:<id>@<step>, shipped:<name>,"
            " shipped:<name>@<step>, torchvision:<name> or random:<architecture>."
        )
    groups = match.groupdict()
    if groups["run"]:
        return RunRef(groups["run"], int(groups["step"]) if groups["step"] else None)
    if groups["shipped"]:
        return ShippedRef(groups["shipped"], int(groups["moment"]) if groups["moment"] else None)
    if groups["torchvision"]:
        return TorchvisionRef(groups["torchvision"])
    return RandomRef(groups["random"])
