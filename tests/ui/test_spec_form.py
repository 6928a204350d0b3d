"""The form, the link and the spec say the same thing, whichever way it goes."""

from __future__ import annotations

import pytest

from training.presets import list_presets
from training.spec import SpecError, TrainSpec
from ui.live_setup import race
from ui.setup import USUAL_LR
from ui.spec_form import FIELDS, form_values, read_spec
from ui.url_state import linked_values


@pytest.mark.parametrize("preset", list_presets(), ids=lambda preset: preset.name)
def test_a_spec_survives_the_form(preset) -> None:  # type: ignore[no-untyped-def]
    assert read_spec(form_values(preset.spec)) == preset.spec


def test_every_field_of_a_spec_is_in_the_form() -> None:
    def leaves(model: type, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            kind = field.annotation
            nested = hasattr(kind, "model_fields")
            found |= leaves(kind, (*path, name)) if nested else {(*path, name)}
        return found

    assert leaves(TrainSpec) - set(FIELDS.values()) == {("network",)}


def test_values_of_a_link_get_the_type_of_their_widget() -> None:
    values, problems = linked_values(
        {"lr": "0.5", "epochs": "3", "flip": "1", "target": "99", "steps": "", "opt": "adam"}
    )
    assert problems == []
    assert values == {
        "lr": 0.5,
        "epochs": 3,
        "flip": True,
        "target": 99.0,
        "steps": None,
        "opt": "adam",
    }
    assert isinstance(values["target"], float)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("lr", "abc"), ("lr", "nan"), ("lr", "-1"), ("lr", "1e400"), ("batch", "0"), ("batch", "2.5"),
        ("batch", "9" * 5000), ("epochs", ""), ("opt", "sgdd"), ("milestones", "2, 3"), ("seed", "-1"),
        ("shift", "1e3"), ("target", "0"), ("size", "33"),
    ],
)  # fmt: skip
def test_a_wrong_value_in_a_link_is_left_out_with_a_sentence(key: str, text: str) -> None:
    values, problems = linked_values({key: text, "momentum": "0.5"})
    assert values == {"momentum": 0.5}
    assert len(problems) == 1
    assert f"{key}=" in problems[0]
    assert "\n" not in problems[0]


def test_parameters_of_the_page_itself_are_none_of_the_form() -> None:
    assert linked_values({"run": "x", "show": "network", "view": "maps"}) == ({}, [])


def test_a_form_value_out_of_range_is_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"batch_size.*0"):
        read_spec({**form_values(TrainSpec()), "batch": 0})


def test_a_race_differs_in_optimiser_and_seed_only() -> None:
    spec = TrainSpec(seed=5)
    specs = race(spec, seeds=2, optimizers=["sgd", "adam"])
    assert [(s.optimizer.name, s.seed) for s in specs] == [
        ("sgd", 5), ("sgd", 6), ("adam", 5), ("adam", 6)
    ]  # fmt: skip
    assert specs[0].optimizer == spec.optimizer
    assert specs[2].optimizer.lr == USUAL_LR["adam"]
    same = {s.model_copy(update={"optimizer": spec.optimizer, "seed": 5}) == spec for s in specs}
    assert same == {True}


def test_a_race_without_optimisers_is_the_seeds() -> None:
    assert [s.seed for s in race(TrainSpec(seed=1), seeds=3, optimizers=[])] == [1, 2, 3]
