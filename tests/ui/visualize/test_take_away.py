"""The animation of a climb, and the sentences about it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.viz.figures.test_visualize import climbed
from ui.visualize.settings_picker import size_title
from ui.visualize.take_away import animate
from ui.visualize.words import (
    counted_in,
    held,
    mixes,
    number,
    outcome,
    outcome_negative,
    silent_sentence,
)
from viz.results.visualize import AblationRow, Visualization


def test_the_animation_has_every_frame() -> None:
    found = climbed()
    frames = np.random.default_rng(0).integers(0, 256, found.frames.shape, np.uint8)
    found = replace(found, frames=frames)
    animation = Image.open(io.BytesIO(animate(found)))
    pictures = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(animation)]
    assert len(pictures) == 3
    zoom = pictures[0].shape[0] // 6
    assert np.array_equal(pictures[-1][::zoom, ::zoom][:6, :4], frames[-1, 0])


def test_mixes_are_named() -> None:
    words = [
        "75% channel 0 of conv, 25% channel 12 of conv",
        "0% channel 0 of conv, 100% channel 12 of conv",
    ]
    assert mixes(words) == ["75 % ch. 0, 25 % ch. 12", "0 % ch. 0, 100 % ch. 12"]
    assert mixes(words[:1] * 4) == []


def test_sample_pictures_are_no_rivals_to_be_multiples_of() -> None:
    found = climbed(count=1)
    assert found.real is not None
    said = outcome(replace(found, real=replace(found.real, few=True)))
    assert "reaches 4; the best of 5 images reaches 1.5" in said
    assert "times as much" not in said
    assert "would mean little" in said


def test_deviations_and_likeness_are_explained() -> None:
    assert "1: just the same" in counted_in(climbed())
    assert "standard deviation" in counted_in(replace(climbed(), in_deviations=True))
    assert counted_in(replace(climbed(count=1), similarity=float("nan"))) == ""


def test_a_size_of_zero_says_what_it_means() -> None:
    assert size_title("Size, px", 0, (3, 224, 224)) == "Size, px: auto (224 px)"
    assert size_title("Size, px", 128, (3, 224, 224)) == "Size, px"


def test_outcomes() -> None:
    found = climbed(count=1)
    assert outcome(found) == (
        "Channel 1 of conv reaches 4; the best of 5 images reaches 1.5. Made for it, the picture excites "
        "it 2.0 times as much as any of them."
    )
    less = replace(found, frame_values=np.array([[-1.0]]), above=np.array([-0.7]))
    assert "real pictures do better" in outcome(less)
    signed = replace(found, above=np.array([np.nan]))
    assert "no real picture excites it as much" in outcome(signed)
    assert "not here" in outcome(replace(found, real=None))
    assert outcome_negative(less) == "Channel 1 of conv falls to −1 for what silences it most."


def silent(dead: bool) -> Visualization:
    return replace(
        climbed(count=1), silent=np.array([True]), dead=np.array([dead]), note="It is opened.", share=1.0
    )  # fmt: skip


def test_silent_units() -> None:
    assert silent_sentence(climbed()) == ""
    assert silent_sentence(silent(False)).endswith("would reach it. It is opened.")
    assert "dead" in silent_sentence(silent(True))


@pytest.mark.parametrize(
    ("value", "moved", "words"), [(4.0, 1.0, "25 %"), (4.0, np.nan, "no number"), (-1.0, 1.0, "no number")]
)  # fmt: skip
def test_what_is_held(value: float, moved: float, words: str) -> None:
    assert (
        held(AblationRow("none", np.zeros((2, 2, 1), np.uint8), value, moved, 0.5, True)) == words
    )


def test_numbers() -> None:
    assert number(-1.23456) == "−1.23"
    assert number(float("nan")) == "no number"
