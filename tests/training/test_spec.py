"""Specs survive JSON, count their updates, and cannot be changed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from training.presets import list_presets
from training.spec import SpecError, TrainSpec, parse_spec


@pytest.mark.parametrize("spec", [preset.spec for preset in list_presets()], ids=lambda s: s.title)
def test_round_trip(spec: TrainSpec) -> None:
    assert parse_spec(spec.model_dump_json()) == spec
    assert parse_spec(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("images", "batch", "epochs", "max_steps", "total"),
    [(100, 10, 2, None, 20), (101, 10, 2, None, 22), (100, 10, 2, 7, 7), (5, 10, 3, None, 3)],
)
def test_total_steps(
    images: int, batch: int, epochs: int, max_steps: int | None, total: int
) -> None:
    spec = TrainSpec(batch_size=batch, epochs=epochs, max_steps=max_steps)
    assert spec.total_steps(images) == total


def test_is_frozen() -> None:
    with pytest.raises(ValidationError):
        TrainSpec().seed = 3  # type: ignore[misc]


def test_first_wrong_field_is_named_with_its_value() -> None:
    with pytest.raises(SpecError, match=r"^`optimizer\.lr` is '-1': use more than 0\.$"):
        parse_spec({"optimizer": {"lr": -1}})
    with pytest.raises(SpecError, match=r"^`batch_size` is '1000000': use 8,192 or less\.$"):
        parse_spec({"batch_size": 1_000_000})
