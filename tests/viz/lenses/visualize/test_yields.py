"""What was told on the way stays as it was told: no array is written to afterwards."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from tests.viz.lenses.visualize.nets import context
from viz.lenses.pace import Pace
from viz.lenses.visualize.dream import deep_dream
from viz.lenses.visualize.inversion import feature_inversion
from viz.lenses.visualize.lens import feature_visualization, visualization_ablation
from viz.lenses.visualize.style import style_transfer

IMAGE = "sample:chelsea"
GOAL = {"kind": "channel", "layer": "3", "channel": 1}
PIXELS = {"basis": "pixels", "decorrelate": False, "valid": "clip", "steps": 5}
MADE = {"basis": "pixels", "size": 0, "steps": 12}
RUNS: dict[str, Callable[[int], Iterator[Any]]] = {
    "visualization": lambda channels: feature_visualization(
        context(channels=channels), "a net", None, goal=GOAL, pictures=2, settings=PIXELS
    ),
    "ablation": lambda channels: visualization_ablation(
        context(channels=channels), "a net", None, goal=GOAL, settings={"steps": 3}
    ),
    "dream": lambda channels: deep_dream(
        context(channels=channels), "a net", IMAGE, layer="3", settings={"steps": 3, "size": 24}
    ),
    "inversion": lambda channels: feature_inversion(
        context(channels=channels), "a net", IMAGE, layers=["0", "3"], settings=MADE
    ),
    "style": lambda channels: style_transfer(
        context(channels=channels), "a net", IMAGE, style="sample:coffee", settings=MADE
    ),
}


@pytest.mark.parametrize("channels", [1, 3])  # grey arrays need no transposing, which would copy
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_what_was_told_stays(
    run: Callable[[int], Iterator[Any]], channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "due", lambda _self: True)
    told = [(found, copy.deepcopy(found)) for found in run(channels)]
    assert len(told) > 2
    for found, then in told:
        same(found, then)


def same(found: Any, then: Any) -> None:
    if is_dataclass(found):
        for each in fields(found):
            same(getattr(found, each.name), getattr(then, each.name))
    elif isinstance(found, np.ndarray):
        np.testing.assert_array_equal(found, then)
    elif isinstance(found, tuple):
        assert len(found) == len(then)
        for one, other in zip(found, then, strict=True):
            same(one, other)
    elif isinstance(found, float):
        assert found == then or np.isnan(found)
    else:
        assert found == then
