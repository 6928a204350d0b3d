"""Presets do what they promise: learn, or fail in the way they tell."""

from __future__ import annotations

import math

import pytest

from data.catalogue import is_available
from data.load import load_dataset
from tests.training.helpers import ending, of, run
from training.admission import admit
from training.events import Evaluated, Event, Failed
from training.presets import Preset, get_preset, list_presets, preset_of
from training.spec import SpecError


def train_preset(name: str, **changes: object) -> list[Event]:
    spec = get_preset(name).spec.model_copy(update={"device": "cpu", **changes})
    options = spec.dataset
    data = load_dataset(options.name, shortcut=options.shortcut, seed=spec.seed)
    return run(spec, data)[0]


def accuracy(events: list[Event], split: str) -> float:
    return [event for event in of(Evaluated, events) if event.split == split][-1].accuracy


@pytest.mark.parametrize("preset", list_presets(), ids=lambda preset: preset.name)
def test_can_be_admitted_and_is_explained(preset: Preset) -> None:
    assert admit(preset.spec).total_steps > 0
    assert get_preset(preset.name) is preset
    texts = [preset.title, preset.teaches, preset.known_to_fail or "It works."]
    assert all(texts)
    assert all(text.endswith(".") for text in texts[1:])


def test_unknown_preset_is_a_sentence() -> None:
    with pytest.raises(SpecError, match=r"'mnist99'; try mnist_99\."):
        get_preset("mnist99")
    with pytest.raises(SpecError, match="digits_quick"):
        get_preset("")


def test_two_are_known_to_fail() -> None:
    assert [p.name for p in list_presets() if p.known_to_fail] == ["lr_too_high", "saturating"]


def test_digits_quick_learns() -> None:
    assert accuracy(train_preset("digits_quick"), "test") > 0.97


def test_lr_too_high_fails() -> None:
    events = train_preset("lr_too_high", epochs=3)
    assert isinstance(events[-1], Failed) or accuracy(events, "test") < 0.2


def test_saturating_fails_and_its_twin_learns() -> None:
    """The loss of guessing is ln 10; eight sigmoids never get below it."""
    failing = train_preset("saturating", epochs=5)
    assert accuracy(failing, "test") < 0.2
    assert min(event.loss for event in of(Evaluated, failing)) > 0.98 * math.log(10)
    assert accuracy(train_preset("saturating_repaired", epochs=5), "test") > 0.7


def test_shortcut_shows_in_the_test_only() -> None:
    spec = get_preset("shapes_shortcut").spec
    events = train_preset("shapes_shortcut", max_steps=100, epochs=spec.epochs)
    assert accuracy(events, "val") > 0.8
    assert accuracy(events, "test") < 0.4


@pytest.mark.data
@pytest.mark.skipif(not is_available("mnist"), reason="MNIST is not under CONVSCOPE_DATA")
def test_mnist_99_keeps_its_word() -> None:
    events = train_preset("mnist_99")
    assert ending(events).reason == "done"
    assert accuracy(events, "test") >= 0.99


def test_a_spec_knows_its_preset_by_what_it_does() -> None:
    spec = get_preset("lr_too_high").spec
    found = preset_of(spec.model_copy(update={"title": "", "seed": 7, "device": "cpu"}))
    assert found is not None
    assert found.name == "lr_too_high"
    assert preset_of(spec.model_copy(update={"batch_size": spec.batch_size + 1})) is None
