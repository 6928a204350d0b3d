"""The lens behind the saliency page: what it hands to the methods, and what it says of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.saliency.lens import attribution
from viz.results.attribution import Attribution


def _last(context: LensContext, model: str, **options: object) -> Attribution:
    last: Attribution
    *_, last = attribution(context, model, "digits/test/3", **options)
    return last


def test_the_most_probable_class_is_explained(
    context: LensContext, model: str, net: nn.Sequential
) -> None:
    found = _last(context, model, method="saliency")
    assert found.positive == int(found.probs.argmax())
    assert found.aim == found.classes[found.positive]
    assert (found.against, found.layer, found.baseline_score, found.gap) == (None, None, None, None)
    assert (found.forward_passes, found.backward_passes, found.share) == (1, 1, 1.0)
    assert found.values.shape == (1, 16, 16)
    assert found.label is not None
    assert found.step == 40


def test_a_class_rather_than_another(context: LensContext, model: str) -> None:
    found = _last(context, model, target={"class": 2, "against": 7})
    alone = [_last(context, model, target={"class": each}).score for each in (2, 7)]
    assert found.score == pytest.approx(alone[0] - alone[1], abs=1e-5)
    assert found.aim == "2 rather than 7"


def test_methods_that_compare_are_given_other_images(context: LensContext, model: str) -> None:
    """Otherwise GradientSHAP would start from black like Integrated Gradients."""
    black = _last(context, model, method="integrated_gradients", settings={"baseline": "black"})
    found = _last(context, model, method="gradient_shap")
    assert found.baseline_score is not None
    assert black.baseline_score is not None
    assert abs(found.baseline_score - black.baseline_score) > 1e-3
    assert found.gap is not None
    assert abs(found.gap) < 0.5 * abs(found.score - found.baseline_score) + 0.1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": {"class": 10}}, "There is no class 10: this network knows 10, counted from 0."),
        ({"target": {"class": -1}}, "There is no class -1"),
        ({"target": {"class": 1, "against": 1}}, "1 cannot be held against itself"),
        ({"target": {"layer": "0", "channel": "x"}}, "names no unit"),
        ({"target": {"layer": "nowhere", "channel": 0}}, "'nowhere' is no layer"),
        ({"method": "magic"}, "There is no attribution method 'magic'"),
        ({"method": "smoothgrad", "settings": {"samples": 0}}, "a whole number from 2 to 512"),
        ({"method": "grad_cam", "layer": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(
    context: LensContext, model: str, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        _last(context, model, **options)


def test_a_unit_that_is_not_there_is_a_sentence(
    context: LensContext, model: str, net: nn.Sequential
) -> None:
    first = next(name for name, each in net.named_modules() if isinstance(each, nn.Conv2d))
    with pytest.raises(
        LensError, match=rf"{first} of .* has no unit \[99\]: its output is 4×16×16"
    ):
        _last(context, model, target={"layer": first, "channel": 99})


def test_a_layer_without_places_is_a_sentence(
    context: LensContext, model: str, net: nn.Sequential
) -> None:
    flat = [name for name, each in net.named_modules() if isinstance(each, nn.Linear)][-1]
    with pytest.raises(LensError, match=flat):
        _last(context, model, method="grad_cam", layer=flat)


def test_the_network_is_left_as_it_was(context: LensContext, model: str) -> None:
    subject = context.subject(model)
    before = {name: value.clone() for name, value in subject.net.state_dict().items()}
    for method in ("guided_backprop", "integrated_gradients", "grad_cam", "occlusion"):
        _last(context, model, method=method)
    assert all(torch.equal(before[name], value) for name, value in subject.net.state_dict().items())
    for module in subject.net.modules():
        hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks
        assert [len(each) for each in hooks] == [0, 0, 0]
        assert not module.training
    assert not any(parameter.requires_grad for parameter in subject.net.parameters())
