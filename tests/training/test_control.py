"""Commands are checked where they come in."""

from __future__ import annotations

import math
from typing import Any

import pytest

from training.control import Command, NoControls, check_command
from training.spec import SpecError


@pytest.mark.parametrize("action", ["pause", "resume", "step", "stop", "rewind"])
def test_plain_actions_carry_nothing(action: str) -> None:
    assert check_command(action, "lr", 3.0) == Command(action)  # type: ignore[arg-type]


def test_settings_and_watch() -> None:
    assert check_command("set", "lr", 1) == Command("set", "lr", 1.0)
    assert check_command("set", "momentum", 0.0) == Command("set", "momentum", 0.0)
    assert check_command("watch", None, True) == Command("watch", None, 1.0)


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ("explode", None, None),
        ("", None, None),
        ("set", None, 1.0),
        ("set", "__class__", 1.0),
        ("set", "lr", None),
        ("set", "lr", "0.1"),
        ("set", "lr", True),
        ("set", "lr", math.nan),
        ("set", "lr", math.inf),
        ("set", "lr", -0.1),
        ("set", "lr", 101),
        ("set", "lr", 10**400),
        ("set", "momentum", 1.0),
        ("set", "weight_decay", 1.1),
        ("watch", None, None),
        ("watch", None, 2),
    ],
)
def test_everything_else_is_a_sentence(action: str, field: Any, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        check_command(action, field, value)
    assert str(caught.value).endswith(".")


def test_nobody_interferes() -> None:
    assert NoControls().poll() == []
    assert NoControls().wait().action == "stop"
