"""The form, the link and the spec say the same thing, whichever way it goes."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest

from data.archives import MAX_ARCHIVE_BYTES, MIB
from training.presets import list_presets
from training.spec import OptimizerSpec, ScheduleSpec, SpecError, TrainSpec, parse_spec
from ui import runtime
from ui.live_setup import race
from ui.range_test import sweep_of, without_sweep
from ui.setup import USUAL_LR
from ui.spec_form import (
    FIELDS,
    form_values,
    limits,
    number_kind,
    number_text,
    read_spec,
    spec_field,
)
from ui.text import sentence_safe
from ui.url_state import linked_values

NUMBERS = [key for key in FIELDS if key != "minlr" and number_kind(spec_field(key)) is not None]


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

    assert leaves(TrainSpec) - set(FIELDS.values()) == {("network",), ("before_sweep",)}


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
        ("net", "foo"), ("net", "custom"), ("sched", "range_test"), ("minlr", "0.1"), ("flip", "maybe"),
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


def test_the_widgets_of_numbers_are_all_here() -> None:
    assert {"lr", "momentum", "dropout", "target", "limit", "every", "seed", "shift"} <= set(
        NUMBERS
    )
    assert not {"data", "size", "opt", "flip", "milestones", "title"} & set(NUMBERS)


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("end", [0, 1])
def test_a_limit_is_the_last_value_a_link_may_name(key: str, end: int) -> None:
    value = limits(key)[end]
    assert linked_values({key: number_text(value)}) == ({key: value}, [])
    beyond = value + (1 if end else -1)
    if isinstance(value, float):
        beyond = math.nextafter(value, math.inf if end else -math.inf)
    values, problems = linked_values({key: number_text(beyond)})
    assert (values, len(problems)) == ({}, 1)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("batch", 1, 8192), ("seed", 0, 2**31 - 1), ("lr", 5e-324, 100.0), ("momentum", 0.0, 1 - 2**-53),
        ("rotation", 0.0, 180.0), ("limit", 1, 100_000_000), ("patience", 1, 1000),
    ],
)  # fmt: skip
def test_limits_are_those_of_the_spec(key: str, low: float, high: float) -> None:
    assert limits(key) == (low, high)
    assert {type(bound) for bound in limits(key)} == {type(low)}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("smoothing", "0.8"), ("dropout", "0.95"), ("warmup", "0.95"), ("limit", "5000000"),
        ("every", "200000"), ("momentum", "0.9995"), ("lr", "1e-09"), ("target", "0.005"), ("gamma", "0.0001"),
        ("lr", "0.123456789"),
    ],
)  # fmt: skip
def test_a_linked_number_goes_through_the_form_unchanged(key: str, text: str) -> None:
    values, _ = linked_values({key: text})
    shown = form_values(read_spec({**form_values(TrainSpec()), **values}))[key]
    assert number_text(shown) == text
    low, high = limits(key)
    assert low <= shown <= high


def test_milestones_keep_all_their_digits() -> None:
    spec = TrainSpec(schedule=ScheduleSpec(name="step", milestones=(1 / 3, 0.5)))
    assert read_spec(form_values(spec)) == spec


@pytest.mark.parametrize(
    ("key", "text", "way_out"),
    [("net", "foo", "There is no network"), ("net", "custom", "Duplicate"), ("sched", "range_test", "tab")],
)  # fmt: skip
def test_what_no_link_can_hold_says_where_it_is(key: str, text: str, way_out: str) -> None:
    assert way_out in linked_values({key: text})[1][0]


@pytest.mark.parametrize(
    "spec",
    [
        TrainSpec(epochs=7, optimizer=OptimizerSpec(name="adam", lr=0.003, momentum=0.8)),
        TrainSpec(max_steps=55, schedule=ScheduleSpec(name="step", gamma=0.3, milestones=(0.4,))),
        TrainSpec(schedule=ScheduleSpec(name="one_cycle", warmup=0.4)),
    ],
)
def test_a_range_test_knows_what_it_was_made_of(spec: TrainSpec) -> None:
    sweep = parse_spec(sweep_of(spec).model_dump_json())
    assert (sweep.schedule.name, sweep.total_steps(10_000)) == ("range_test", 200)
    assert sweep.optimizer.lr == 10
    assert without_sweep(sweep) == spec


def test_a_range_test_of_unknown_origin_keeps_its_length() -> None:
    spec = TrainSpec(epochs=3, schedule=ScheduleSpec(name="range_test", gamma=0.3))
    assert without_sweep(spec) == TrainSpec(epochs=3, schedule=ScheduleSpec(gamma=0.3))
    assert without_sweep(TrainSpec(epochs=3)) == TrainSpec(epochs=3)


def test_an_error_sentence_is_text_but_for_the_names_of_settings() -> None:
    said = sentence_safe("`optimizer.lr` is '![a](http://x)': use `b` or :red[c].")
    assert said == (r"`optimizer.lr` is '\!\[a\]\(http\://x\)'\: use `b` or \:red\[c\]\.")


def test_the_server_takes_uploads_as_large_as_archives_may_be() -> None:
    text = (Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml").read_text()
    server = tomllib.loads(text)["server"]
    assert server["maxUploadSize"] * MIB == MAX_ARCHIVE_BYTES
    assert server["showEmailPrompt"] is False
    assert server["allowedHosts"] == ["localhost", "127.0.0.1"]


def test_the_engine_is_warmed_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Thread:
        def __init__(self, **_options: object) -> None:
            calls.append("thread")

        def start(self) -> None:
            calls.append("start")

    monkeypatch.setattr(runtime, "_started", False)
    monkeypatch.setattr("threading.Thread", Thread)
    runtime.start_engine()
    runtime.start_engine()
    assert calls == ["thread", "start"]
