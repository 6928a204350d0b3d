"""Maps for the measures: batches, what is kept, and what is not allowed."""

from __future__ import annotations

import pytest
import torch

from tests.viz.lenses.trust.linear import linear_context
from viz.attribution.table import find_method
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.heat import heat
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import make_problem
from viz.lenses.trust import maps as module
from viz.lenses.trust.maps import BATCH_IMAGES, Heat, heats

GENERATOR = torch.Generator


def setup(count: int = 3) -> tuple[Subject, torch.Tensor, torch.Tensor]:
    weights = torch.randn(6, 6, generator=GENERATOR().manual_seed(0))
    images = torch.rand(count, 1, 6, 6, generator=GENERATOR().manual_seed(1))
    subject = linear_context(weights, images).subject(None)
    return subject, images, torch.zeros(count, dtype=torch.int64)


def final(found: list[Heat]) -> dict[str, torch.Tensor]:
    return {each.name: each.values for each in found if each.values is not None}


def test_many_images_in_batches_have_the_maps_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, images, classes = setup(2 * BATCH_IMAGES + 3)
    found = list(heats(["input_x_gradient", "edges"], subject, images, classes))
    assert [each.share for each in found if each.name == "input_x_gradient"][-1] == 1
    assert len(found) == 4  # three batches and a control
    method = find_method("input_x_gradient")
    whole = attribute("input_x_gradient", make_problem(subject, images, classes))
    expected = heat(whole.values, (6, 6), method)
    assert torch.allclose(final(found)["input_x_gradient"], expected, atol=1e-6)


def test_maps_are_made_once_for_the_same_weights_and_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject, images, classes = setup()
    [first] = final(list(heats(["saliency"], subject, images, classes))).values()

    def fail(*_: object) -> None:
        raise AssertionError("made again")

    with monkeypatch.context() as patch:
        patch.setattr(module, "run", fail)
        [second] = final(list(heats(["saliency"], subject, images.clone(), classes))).values()
        assert torch.equal(first, second)
        with pytest.raises(AssertionError, match="made again"):
            list(heats(["saliency"], subject, images, 1 - classes))
    with torch.no_grad():
        for value in subject.net.parameters():
            value.mul_(2)
    [third] = final(list(heats(["saliency"], subject, images, classes))).values()
    assert torch.allclose(third, 2 * first)


def test_what_is_not_to_be_kept_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, images, classes = setup()
    monkeypatch.setattr(module, "_KEPT", type(module._KEPT)())
    list(heats(["saliency"], subject, images, classes, keep=False))
    assert not module._KEPT
    monkeypatch.setattr(module, "KEPT_BYTES", 1)
    list(heats(["saliency", "input_x_gradient"], subject, images, classes))
    assert len(module._KEPT) == 1  # the least recently used has left


def test_a_method_that_the_network_does_not_allow_is_left_out_with_a_sentence() -> None:
    subject, images, classes = setup()
    found = list(heats(["saliency", "grad_cam"], subject, images, classes))
    assert [each.name for each in found if each.values is not None] == ["saliency"]
    assert found[-1].name == "grad_cam"
    assert found[-1].refusal.endswith(".")
    assert found[-1].share == 1


def test_a_layer_without_places_is_said_before_anything_is_computed() -> None:
    subject, images, classes = setup()
    with pytest.raises(LensError, match=r"\.$"):
        next(heats(["saliency"], subject, images, classes, layer="0"))
