"""What ReLUs hand back: typed-in maps, captum on a net that it can take, and nets that it cannot."""

from __future__ import annotations

import warnings

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import Tensor, nn

from tests.viz.lenses.saliency.hand import problem_of
from tests.viz.lenses.saliency.small_nets import AT, Awkward, Hidden, images, plain_net
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import Aim

CAPTUM = {"guided_backprop": GuidedBackprop, "deconvolution": Deconvolution}


def captum(name: str, net: nn.Module, x: Tensor, classes: list[int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Tensor = CAPTUM[name](net).attribute(x.clone().requires_grad_(), target=classes)
    return found.detach()


def test_two_layers_by_hand() -> None:
    """The ReLUs are handed (2, −3, 4). Guided Backprop stops −3, and 4 at the closed third one:
    2 · (1, −1). Deconvolution lets 4 · (−1, 0) through, too."""
    problem = problem_of(Hidden(), AT)
    assert attribute("guided_backprop", problem).values.tolist() == [[[[2.0, -2.0]]]]
    assert attribute("deconvolution", problem).values.tolist() == [[[[-2.0, -2.0]]]]


@pytest.mark.parametrize("name", CAPTUM)
@pytest.mark.parametrize("pools", [False, True])
def test_as_captum(name: str, pools: bool) -> None:
    net, x, classes = plain_net(pools=pools), images(), [4, 0, 2]
    found = attribute(name, problem_of(net, x, classes=classes)).values
    assert torch.allclose(found, captum(name, net, x, classes), atol=1e-6)


@pytest.mark.parametrize("name", CAPTUM)
@pytest.mark.parametrize("how", ["reused", "method", "function"])
def test_relus_that_captum_does_not_see(name: str, how: str) -> None:
    plain, x, classes = plain_net(), images(), [4, 0, 2]
    found = attribute(name, problem_of(Awkward(plain, how), x, classes=classes)).values
    wanted = captum(name, plain, x, classes)
    assert torch.allclose(found, wanted, atol=1e-6)
    if how != "reused":  # silently the plain gradient
        assert not torch.allclose(captum(name, Awkward(plain, how).eval(), x, classes), wanted)


def test_relu6_is_a_relu_with_a_cap() -> None:
    net = nn.Sequential(nn.Flatten(), nn.ReLU6(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        net.get_parameter("2.weight").copy_(
            torch.tensor([[1.0, 2.0, 3.0, -4.0], [0.0, 0.0, 0.0, 0.0]])
        )
    problem = problem_of(net, torch.tensor([[[[-1.0, 1.0, 7.0, 2.0]]]]))
    assert attribute("guided_backprop", problem).values.tolist() == [[[[0.0, 2.0, 0.0, 0.0]]]]
    assert attribute("deconvolution", problem).values.tolist() == [[[[1.0, 2.0, 3.0, 0.0]]]]


def test_a_channel_is_explained_through_the_relus_below_it() -> None:
    net, x = plain_net(), images()
    problem = problem_of(net, x, aim=Aim("3", 2))
    part = nn.Sequential(*[net.get_submodule(str(n)) for n in range(4)])
    whole = nn.Sequential(part, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    wanted = captum("guided_backprop", whole, x, [2, 2, 2])
    assert torch.allclose(attribute("guided_backprop", problem).values, wanted, atol=1e-6)
