"""The animation of a climb, and the sentences about it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.viz.figures.test_visualize import climbed
from ui.visualize.take_away import animate
from ui.visualize.words import held, number, outcome, outcome_negative, silent_sentence
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
