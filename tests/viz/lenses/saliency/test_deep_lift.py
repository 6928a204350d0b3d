"""DeepLift: typed-in contributions, what they add up to on random nets of all kinds, captum."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from captum.attr import DeepLift
from torch import Tensor, nn
from torchvision.models import get_model

from models.build import build_network
from models.registry import get_architecture, list_architectures
from models.separate import ACTIVATIONS
from tests.viz.lenses.saliency.hand import Score, linear, problem_of
from tests.viz.lenses.saliency.small_nets import (
    AT,
    Awkward,
    Hidden,
    Saturated,
    images,
    plain_net,
)
from viz.lenses.registry import LensError
from viz.lenses.saliency.baselines import baselines
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import Aim, Problem


def captum(net: nn.Module, x: Tensor, start: Tensor, classes: list[int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Tensor = DeepLift(net).attribute(x.clone().requires_grad_(), start, target=classes)
    return found.detach()


def gap(problem: Problem) -> Tensor:
    """What is missing, as a share of all contributions."""
    found = attribute("deep_lift", problem)
    assert found.baseline_scores is not None
    missing = found.values.flatten(1).sum(1) - (problem.scores() - found.baseline_scores)
    return missing.abs() / found.values.abs().flatten(1).sum(1)


def test_a_linear_network() -> None:
    weights = torch.tensor([[[1.0, -2.0], [0.0, 3.0]]])
    x = torch.tensor([[[[2.0, 1.0], [5.0, -1.0]]]])
    found = attribute("deep_lift", problem_of(linear(weights), x, baseline="white"))
    assert found.values.tolist() == [[[[1.0, 0.0], [0.0, -6.0]]]]
    assert found.baseline_scores is not None
    assert found.baseline_scores.tolist() == [2.0]


def test_saturation_is_seen_through() -> None:
    found = attribute("deep_lift", problem_of(Saturated(), torch.tensor([[[[2.0]]]])))
    assert found.values.tolist() == [[[[1.0]]]]


def test_two_layers_by_hand() -> None:
    """From (0, 0) the hidden units go 0 → 2, −3 → 1 and 0 → −3, their outputs by 2, 1 and 0: slopes
    1, 1/4 and 0. So a gets 3 (2 · 1 − 3 / 4) and b gets −2 · 1 − 3 / 4."""
    found = attribute("deep_lift", problem_of(Hidden(), AT))
    assert found.values.tolist() == [[[[3.75, -2.75]]]]


@pytest.mark.parametrize(
    ("x", "start", "wanted"),
    [
        ([1.0, 3.0], [2.0, 0.0], [0.0, 1.0]),  # 2 → 3: the pixel that is largest now
        ([1.0, 0.0], [0.0, 2.0], [0.0, -1.0]),  # 2 → 1: the pixel that was largest before
        ([5.0, 3.0], [2.0, 3.0], [2.0, 0.0]),
        ([2.0, 3.0], [2.0, 3.0], [0.0, 0.0]),
    ],
)
def test_the_larger_of_two_pixels(x: list[float], start: list[float], wanted: list[float]) -> None:
    """The baseline is shifted into the network, whose black is 0."""
    shift = torch.tensor([[[start]]])

    class Larger(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.max_pool2d(x + shift, (1, 2)).flatten(1)

    problem = problem_of(Larger(), torch.tensor([[[x]]]) - shift)
    assert attribute("deep_lift", problem).values.tolist() == [[[wanted]]]


def test_windows_that_share_a_pixel() -> None:
    """All four windows have the pixel in the middle as their maximum: it gets all four."""
    net = nn.Sequential(nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        net.get_parameter("2.weight").copy_(
            torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
        )
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 2
    found = attribute("deep_lift", problem_of(net, x)).values
    assert torch.equal(found, 10 * x)


@pytest.mark.parametrize("baseline", ["black", "white", "blur", "random"])
def test_as_captum(baseline: str) -> None:
    net, x, classes = plain_net(), images(), [4, 0, 2]
    problem = problem_of(net, x, classes=classes, baseline=baseline)
    start = baselines(problem_of(net, x, baseline=baseline, seed=0)).contiguous()
    found = attribute("deep_lift", problem).values
    assert torch.allclose(found, captum(net, x, start, classes), atol=1e-5)


@pytest.mark.parametrize("how", ["reused", "method", "function"])
def test_relus_that_captum_cannot_take(how: str) -> None:
    plain, x, classes = plain_net(), images(), [4, 0, 2]
    found = attribute("deep_lift", problem_of(Awkward(plain, how), x, classes=classes)).values
    wanted = captum(plain, x, torch.zeros_like(x), classes)
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda kind: str(kind.__name__))
def test_every_activation_adds_up(activation: type[nn.Module]) -> None:
    arguments = (0.1, -0.2) if activation is nn.Threshold else ()
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), activation(*arguments), nn.MaxPool2d(3, 2, 1)),
        *(nn.Conv2d(4, 4, 3), activation(*arguments), nn.Flatten(), nn.LazyLinear(3)),
    )
    torch.manual_seed(0)
    net(images())
    problem = problem_of(net, images(), classes=[0, 1, 2], baseline="random")
    assert gap(problem).max() < 1e-5


@pytest.mark.parametrize(
    "name", [each.name for each in list_architectures() if each.name != "lenet5_1998"]
)
def test_our_own_networks_add_up(name: str) -> None:
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").normal_(0, 0.3, generator=generator)
            module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
    problem = problem_of(net, images(3, 32, 2), classes=[3, 1], baseline="random")
    assert gap(problem).max() < 1e-5


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "squeezenet1_1", "mobilenet_v2"])
def test_torchvisions_networks_add_up(name: str) -> None:
    torch.manual_seed(0)
    problem = problem_of(get_model(name), images(3, 64, 1), classes=[7], baseline="random")
    assert gap(problem).max() < 1e-5


@pytest.mark.parametrize("name", ["efficientnet_b0", "convnext_tiny", "regnet_y_400mf"])
def test_products_and_layer_norm_are_refused(name: str) -> None:
    problem = problem_of(get_model(name), images(3, 64, 1), baseline="random")
    with pytest.raises(LensError, match=r"none for (the product of two maps|LayerNorm2d), which"):
        attribute("deep_lift", problem)


def test_squares_and_reciprocals_are_refused_and_factors_are_not() -> None:
    def of(score: Callable[[Tensor], Tensor]) -> Problem:
        return problem_of(Score(lambda x: score(x).sum((1, 2, 3))), AT)

    with pytest.raises(LensError, match="none for the product of two maps"):
        attribute("deep_lift", of(lambda x: x * x))
    with pytest.raises(LensError, match="none for reciprocal"):
        attribute("deep_lift", of(lambda x: 1 / x))
    assert attribute("deep_lift", of(lambda x: x / 2 - x * 3)).values.tolist() == [[[[-7.5, -2.5]]]]


def test_a_unit_of_a_layer_and_two_classes_add_up() -> None:
    problem = problem_of(plain_net(pools=True), images(), aim=Aim("3", 2, (1, 4)))
    assert gap(problem).max() < 1e-5
    problem = problem_of(plain_net(pools=True), images())
    both = torch.tensor([[0, 1], [2, 3], [4, 0]])
    assert gap(Problem(problem.explained, problem.images, both, problem.info)).max() < 1e-5
