"""Partial results are due after some time, or at once and then after some time."""

from __future__ import annotations

import pytest

from viz.lenses.pace import Pace


@pytest.mark.parametrize("at_once", [False, True])
def test_it_is_due_after_a_while_and_then_again(
    monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    now = [100.0]
    monkeypatch.setattr("viz.lenses.pace.time.monotonic", lambda: now[0])
    pace = Pace(at_once=at_once)
    assert pace.due() is at_once
    assert not pace.due()
    now[0] += 0.1
    assert not pace.due()
    now[0] += 10.0
    assert pace.due()
    assert not pace.due()
