"""The sentence under the player, computed by hand."""

from __future__ import annotations

import dataclasses

from tests.ui.test_time_panels import make_moments
from ui.time.summary import summarize


def test_accuracy_and_the_largest_change() -> None:
    # right: 8 of 32, 48 of 72, 88 of 112: 25 %, 66.7 %, 78.6 %; half of the way is 51.8 %
    found = make_moments()
    words = summarize(found, [0.1, 0.4], active=False)
    assert "From update 0 to 10 accuracy goes from 25.0 % to 78.6 %" in words
    assert "half of the way is done at update 1." in words
    assert "move most between updates 1 and 10, which are 9 apart" in words
    assert "still training" not in words
    assert "still training" in summarize(found, [0.1, 0.4], active=True)


def test_what_moves_is_told_from_all_weights_not_from_those_shown() -> None:
    """The filters that are shown differ most between 1 and 10."""
    assert "between updates 0 and 1, which are 1 apart." in summarize(
        make_moments(), [3.0, 1.0], active=False
    )


def test_nothing_is_claimed_without_grounds() -> None:
    found = make_moments()
    assert "move most" not in summarize(found, [0.0, 0.0], active=False)
    single = dataclasses.replace(found, moments=found.moments[:1], missing="It is *gone*.")
    words = summarize(single, [], active=False)
    assert "accuracy goes" not in words
    assert "move most" not in words
    assert "No confusion and accuracy: It is \\*gone\\*" in words
