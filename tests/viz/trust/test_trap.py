"""The runs of the shortcut trap: valid, alike but for the patch, and without torch."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from training.spec import parse_spec
from viz.trust.trap import TRAP_SHORTCUT, shortcut_spec


def test_the_twin_differs_in_the_patch_alone() -> None:
    trap, twin = shortcut_spec(), shortcut_spec(0.0)
    assert trap.dataset.shortcut == TRAP_SHORTCUT
    assert twin.dataset.shortcut == 0
    assert trap.model_dump(exclude={"dataset", "title"}) == twin.model_dump(
        exclude={"dataset", "title"}
    )


def test_a_spec_survives_the_way_to_the_engine() -> None:
    spec = shortcut_spec(1.0, seed=7)
    assert parse_spec(spec.model_dump(mode="json")) == spec
    assert spec.seed == 7


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValidationError):
        shortcut_spec(1.5)
