"""The "steps" and "unit" lenses on a run: what they show, where it sits, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from viz.lenses import LensError
from viz.lenses.context import LensContext
from viz.lenses.unit import steps as steps_lens
from viz.lenses.unit import unit
from viz.results.units import Share, UnitView

Look = Callable[..., UnitView]


@pytest.fixture
def look(context: LensContext, model: str) -> Look:
    return lambda **options: unit(context, model, "digits/test/3", **options)


def test_the_lens_shows_the_unit_its_map_and_its_place(look: Look) -> None:
    view = look(layer="conv1", unit=[2, 0, 7])
    assert view.equal
    assert view.value == view.values[0, 7]
    assert (view.kind, view.shape, view.values.shape) == ("Conv2d", (4, 16, 16), (16, 16))
    # a 5×5 kernel with padding 2 around row 0, column 7
    assert view.box == (-2, 5, 3, 10)
    assert view.sources[0].layer == ""
    assert view.image.shape == (16, 16, 1)


def test_without_a_unit_the_strongest_is_taken(look: Look) -> None:
    view = look(layer="conv1")
    others = [look(layer="conv1", unit=[channel, 0, 0]).values for channel in range(4)]
    assert abs(view.value) == max(float(np.abs(one).max()) for one in others)


def test_a_block_is_the_last_step_in_it_and_none_is_the_softmax(look: Look) -> None:
    assert look(layer="block1").layer == "block1.relu2"
    view = look()
    assert (view.layer, view.kind) == ("softmax", "softmax")
    assert isinstance(view.explanation, Share)
    assert len(view.explanation.names) == 10
    assert view.box == (0, 0, 16, 16)


def test_an_addition_sees_what_both_of_its_paths_see(look: Look) -> None:
    view = look(layer="block1.add", unit=[0, 1, 1])
    paths = [
        look(layer=f"block1.{name}", unit=[0, 1, 1]).box for name in ("norm2", "shortcut.norm")
    ]
    boxes = [box for box in paths if box is not None]
    assert len(boxes) == 2
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    assert view.box == (low[0], low[1], high[2], high[3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "nosuch"}, "no layer 'nosuch'; it has conv1, norm1"),
        ({"layer": ""}, "no layer ''"),
        ({"layer": "conv1", "unit": [4, 0, 0]}, r"\[4, 0, 0\] is not in conv1 of 4×16×16"),
        ({"layer": "conv1", "unit": [0, 0]}, "is not in conv1"),
        ({"layer": "conv1", "unit": [0, -1, 0]}, "is not in conv1"),
        ({"layer": "conv1", "unit": [0, 0.5, 0]}, "is not in conv1"),
        ({"layer": "conv1", "rows": 0}, "rows is 0"),
    ],
)
def test_wrong_questions_are_sentences(look: Look, options: dict[str, object], words: str) -> None:
    with pytest.raises(LensError, match=words):
        look(**options)


def test_the_steps_are_named_and_connected(context: LensContext, model: str) -> None:
    found = steps_lens(context, model, None)
    by_name = {step.name: step for step in found.steps}
    assert by_name["conv1"].inputs == ("",)
    assert by_name["block1.add"].inputs == ("block1.norm2", "block1.shortcut.norm")
    assert by_name["block1.add"].shape == by_name["block1.relu2"].shape
    assert list(by_name)[-1] == "softmax"
    block = found.find("block1")
    assert block is not None
    assert block.name == "block1.relu2"
    assert found.find("nosuch") is None


def test_no_hook_is_left_and_the_network_is_as_it_was(context: LensContext, model: str) -> None:
    net = context.subject(model).net
    before = {name: value.clone() for name, value in net.state_dict().items()}
    unit(context, model, "digits/test/3", layer="block1.conv2")
    hooks = [module._forward_hooks or module._forward_pre_hooks for module in net.modules()]
    assert not any(hooks)
    assert not any(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
