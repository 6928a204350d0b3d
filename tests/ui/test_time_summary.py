"""The sentence under the player, computed by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.ui.test_time_panels import make_moments
from ui.time.summary import summarize
from viz.results.history import Moments


def with_filters(found: Moments, *values: float) -> Moments:
    moments = [
        dataclasses.replace(one, filters=np.full((2, 1, 3, 3), value, np.float32))
        for one, value in zip(found.moments, values, strict=True)
    ]
    return dataclasses.replace(found, moments=tuple(moments))


def test_accuracy_and_the_largest_change() -> None:
    # right: 8 of 32, 48 of 72, 88 of 112: 25 %, 66.7 %, 78.6 %; half of the way is 51.8 %
    found = with_filters(make_moments(), 0.0, 0.1, 0.5)
    words = summarize(found, active=False)
    assert "From update 0 to 10 accuracy goes from 25.0 % to 78.6 %" in words
    assert "half of the way is done at update 1." in words
    assert "move most between updates 1 and 10" in words
    assert "still training" not in words
    assert "still training" in summarize(found, active=True)


def test_nothing_is_claimed_without_grounds() -> None:
    found = with_filters(make_moments(), 0.3, 0.3, 0.3)
    words: Any = summarize(found, active=False)
    assert "move most" not in words
    single = dataclasses.replace(found, moments=found.moments[:1], missing="It is *gone*.")
    words = summarize(single, active=False)
    assert "accuracy goes" not in words
    assert "No confusion and accuracy: It is \\*gone\\*" in words
