"""Class activation maps by hand on a layer of two maps of 2×2, as CAM on a net with global pooling,
and as captum has them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn import functional as F

from tests.viz.lenses.saliency.hand import Calls, problem_of
from viz.attribution.table import METHODS
from viz.lenses.registry import LensError
from viz.lenses.saliency import perturb
from viz.lenses.saliency.methods import attribute, run
from viz.lenses.saliency.problem import Aim, Problem

# The image's two channels are the two maps; the score is Σ (G · relu(x)).
IMAGE = torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [3.0, 0.0]]]])  # (1, 2, 2, 2)
GRADIENTS = torch.tensor([[[1.0, 0.0], [-1.0, 2.0]], [[-1.0, -1.0], [1.0, -3.0]]])  # (2, 2, 2)


class Known(nn.Module):
    """A ReLU whose output's gradient is GRADIENTS for class 0, and its opposite for class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.head = nn.Linear(8, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.stack([GRADIENTS.flatten(), -GRADIENTS.flatten()]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2, 2, 2) to (N, 2)."""
        found: Tensor = self.head(self.relu(x).flatten(1))
        return found


def known(**settings: Any) -> Problem:
    return problem_of(Known(), IMAGE, **settings)


def pooled(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )


BY_HAND = {
    # Mean gradients 0.5 and −1.
    ("grad_cam", "no"): [[0.5, 0.0], [-3.0, 0.5]],
    ("grad_cam", "yes"): [[0.5, 0.0], [0.0, 0.5]],
    # Gradient times map, place by place, added.
    ("hires_cam", "no"): [[1.0, -1.0], [3.0, 2.0]],
    ("hires_cam", "yes"): [[1.0, 0.0], [3.0, 2.0]],
    # Weights (1·1 + 0·2 − 1·0 + 2·1)/4 = 3/4 and (−1·0 − 1·1 + 1·3 − 3·0)/4 = 1/2.
    ("xgrad_cam", "no"): [[0.75, 2.0], [1.5, 0.75]],
    # Σ A = 4 for both maps. Map 0: α at g = 1: 1/(2 + 4) = 1/6, at g = 2: 4/(8 + 32) = 1/10, so
    # w = 1/6 · 1 + 1/10 · 2 = 11/30. Map 1: at g = 1: 1/6, so w = 1/6.
    ("grad_cam_pp", "yes"): [[11 / 30, 22 / 30 + 1 / 6], [1 / 2, 11 / 30]],
}


@pytest.mark.parametrize(("method", "relu"), BY_HAND)
def test_by_hand(method: str, relu: str) -> None:
    found = attribute(method, known(relu=relu))
    assert torch.allclose(found.values, torch.tensor([[BY_HAND[method, relu]]]), atol=1e-6)
    assert (found.forward_passes, found.backward_passes) == (1, 1)


def test_layer_cam_by_hand() -> None:
    values = attribute("layer_cam", known()).values
    assert torch.allclose(values, torch.tensor([[[[1.0, 0.0], [3.0, 2.0]]]]))


def test_grad_cam_is_cam_up_to_a_positive_factor_where_pooling_and_a_linear_layer_follow() -> None:
    net = pooled()
    images = torch.randn(3, 3, 8, 8)
    classes = [2, 0, 3]
    found = attribute("grad_cam", problem_of(net, images, classes=classes, relu="no")).values
    maps = net[:5](images)  # (3, 6, 6, 6)
    weights = net.get_parameter("7.weight")[classes]  # (3, 6)
    cam = torch.einsum("nk,nkyx->nyx", weights, maps)
    assert torch.allclose(found[:, 0], cam / 36, atol=1e-6)
    for same in ("hires_cam", "xgrad_cam"):  # gradients are the same at all places
        problem = problem_of(net, images, classes=classes, relu="no")
        assert torch.allclose(attribute(same, problem).values, found, atol=1e-6)


@pytest.mark.parametrize("layer", ["0", "1", "2", "3", "4"])
def test_grad_cam_equals_captum_at_every_layer(layer: str) -> None:
    torch.manual_seed(5)
    net = nn.Sequential(*pooled()[:5], nn.Flatten(), nn.Linear(216, 4))
    images = torch.randn(2, 3, 8, 8)
    problem = problem_of(net, images, classes=[1, 3], layer=layer, relu="yes")
    theirs = LayerGradCam(problem.net, problem.net.get_submodule(layer)).attribute(
        images, target=torch.tensor([1, 3]), relu_attributions=True
    )
    assert torch.allclose(attribute("grad_cam", problem).values, theirs, atol=1e-6)


def test_guided_grad_cam_is_the_product() -> None:
    problem = problem_of(pooled(), torch.randn(2, 3, 8, 8))
    cam = attribute("grad_cam", replace(problem, settings={"relu": "yes"})).values
    large = F.interpolate(cam, size=(8, 8), mode="bilinear", align_corners=False)
    found = attribute("guided_grad_cam", problem)
    assert torch.allclose(found.values, large * attribute("guided_backprop", problem).values)
    assert found.values.shape == (2, 3, 8, 8)


def test_score_cam_by_hand() -> None:
    # Both maps are relu(x), stretched to [0, 1]: A0 / 2 and A1 / 3; the image seen through them has
    # the scores 1/2 · 1 + 0 + 1/2 · 2 (+ channel 1: −1 · 1) = 0.5 and 2/3 · 0 (+ −1/3 + 3) = 8/3.
    found = attribute("score_cam", known())
    maps = IMAGE[0]
    seen = [maps[0] / 2, maps[1] / 3]
    scores = [float((GRADIENTS * IMAGE[0] * mask).sum()) for mask in seen]
    assert scores == pytest.approx([0.5 * 1 + 0.5 * 2 - 1, -1 / 3 + 3])
    first = 1 / (1 + math.exp(scores[1] - scores[0]))
    assert torch.allclose(found.values[0, 0], first * maps[0] + (1 - first) * maps[1], atol=1e-6)
    assert found.forward_passes == 3


def test_score_cam_leaves_out_maps_that_are_the_same_everywhere() -> None:
    image = IMAGE.clone()
    image[0, 0] = 1.0  # the first map shows nothing
    found = attribute("score_cam", problem_of(Known(), image))
    assert torch.allclose(found.values[0, 0], image[0, 1])
    assert found.forward_passes == 2
    nothing = attribute("score_cam", problem_of(Known(), torch.ones(1, 2, 2, 2)))
    assert not nothing.values.any()


def test_score_cam_takes_the_maps_that_vary_most() -> None:
    found = attribute("score_cam", known(channels=1))  # deviations 0.71 and 1.22
    assert torch.allclose(found.values[0, 0], IMAGE[0, 1])


def test_score_cam_of_many_images_is_that_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(3, 3, 8, 8)
    net = pooled()
    alone = [attribute("score_cam", problem_of(net, one[None])).values for one in images]
    monkeypatch.setattr(perturb, "good_batch", lambda _net, _image: 5)
    monkeypatch.setattr(perturb.Pace, "due", lambda _self: True)
    *_, last = found = list(run("score_cam", problem_of(net, images)))
    assert len(found) > 1
    assert all(torch.isfinite(each.values).all() for each in found)
    assert torch.allclose(last.values, torch.cat(alone), atol=1e-5)


def test_a_unit_of_a_layer_can_be_explained_through_an_earlier_layer() -> None:
    net, image = pooled(), torch.randn(1, 3, 8, 8)
    problem = problem_of(net, image, aim=Aim("2", 4, (1, 2)), layer="1", relu="no")
    found = attribute("hires_cam", problem).values
    # The unit is a sum over the 3×3 window at rows 1 to 3 and columns 2 to 4 of layer 1's maps.
    maps = net[:2](image)
    wanted = torch.zeros(1, 1, 8, 8)
    wanted[0, 0, 1:4, 2:5] = (net.get_parameter("2.weight")[4] * maps[0, :, 1:4, 2:5]).sum(0)
    assert torch.allclose(found, wanted, atol=1e-6)


def test_a_layer_that_runs_after_what_is_explained_is_refused() -> None:
    problem = problem_of(pooled(), torch.randn(1, 3, 8, 8), aim=Aim("0", 1), layer="4")
    with pytest.raises(LensError, match="0 does not depend on 4"):
        attribute("grad_cam", problem)


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if each.layered])
def test_nothing_of_the_network_is_changed(method: str) -> None:
    net = pooled()
    problem = problem_of(net, torch.randn(1, 3, 8, 8))
    before = [each.clone() for each in net.state_dict().values()]
    first = attribute(method, problem).values
    assert torch.equal(first, attribute(method, problem).values)
    for each in (*net.modules(), *problem.net.modules()):
        assert not each.training
        assert not each._forward_hooks
        assert not each._forward_pre_hooks
        assert not each._backward_hooks
    assert not any(each.requires_grad for each in problem.net.parameters())
    assert all(
        torch.equal(now, then) for now, then in zip(net.state_dict().values(), before, strict=True)
    )


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam", "score_cam"])
def test_it_does_not_matter_in_which_mode_it_is_asked(method: str) -> None:
    net, image = pooled(), torch.randn(1, 3, 8, 8)
    wanted = attribute(method, problem_of(net, image)).values
    with torch.inference_mode():
        found = attribute(method, problem_of(net, image * 1)).values
    assert torch.equal(found, wanted)
    with torch.no_grad():
        assert torch.equal(attribute(method, problem_of(net, image)).values, wanted)


def test_a_layer_is_run_once_and_only_behind_it_backwards() -> None:
    net = Calls(pooled())
    problem = problem_of(net, torch.randn(1, 3, 8, 8), layer="net.4")
    attribute("grad_cam", problem)  # finds layers and batch sizes
    before = len(net.sizes)
    attribute("grad_cam", problem)
    assert net.sizes[before:] == [1]


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if each.layered])
def test_a_network_without_maps_is_refused_with_a_sentence(method: str) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(LensError, match="no layer with maps"):
        attribute(method, problem_of(net, torch.rand(1, 1, 4, 4)))


@pytest.mark.parametrize("activation", [nn.SiLU, nn.Tanh])
def test_layer_cam_is_never_negative(activation: type[nn.Module]) -> None:
    """Maps may be, where the activation is no ReLU: equation 7 cuts their sum off at 0."""
    torch.manual_seed(0)
    head = nn.Linear(4, 2)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), activation(), nn.AdaptiveAvgPool2d(1)), nn.Flatten(), head
    )
    x = torch.randn(2, 1, 8, 8)
    problem = problem_of(net, x, layer="1")
    with torch.no_grad():
        maps = net[:2](x)
    gradients = head.weight[0].detach().reshape(1, 4, 1, 1) / 36
    added = (gradients.relu() * maps).sum(1, keepdim=True)
    assert added.min() < 0 < added.max()
    assert torch.allclose(attribute("layer_cam", problem).values, added.relu(), atol=1e-7)
