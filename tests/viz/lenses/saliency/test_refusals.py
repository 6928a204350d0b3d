"""Which nets a method is wrong on: a sentence before it is run, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model

from tests.viz.lenses.saliency.hand import problem_of
from tests.viz.lenses.saliency.small_nets import images, plain_net
from viz.attribution.gradient_methods import GRADIENT_METHODS
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.refusals import kinds, refusal, refuses, running

MODIFIED = ("guided_backprop", "deconvolution", "deep_lift", "lrp")


class Hidden(nn.Module):
    """Applies its ReLU where nobody can see it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 3)."""
        out = self.conv(x)
        return (F.relu(out) if out.sum() > -1e9 else out).mean((2, 3))


def refused(net: nn.Module, channels: int = 1, side: int = 16) -> dict[str, str]:
    problem = problem_of(net, images(channels, side, 1))
    found = {name: refusal(name, problem) for name in MODIFIED}
    return {name: sentence for name, sentence in found.items() if sentence}


def test_a_plain_network_is_fine_for_all() -> None:
    assert refused(plain_net(pools=True)) == {}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("resnet18", {"lrp"}),
        ("vgg11_bn", set()),
        ("mobilenet_v2", {"lrp"}),
        ("efficientnet_b0", {*MODIFIED}),
        ("mobilenet_v3_small", {*MODIFIED}),
        ("convnext_tiny", {*MODIFIED}),
        ("regnet_y_400mf", {"deep_lift", "lrp"}),  # its gates have sigmoids
        ("densenet121", {"lrp"}),
        ("googlenet", {"lrp"}),
        ("shufflenet_v2_x1_0", {"lrp"}),
    ],
)
def test_torchvisions_networks(name: str, wanted: set[str]) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta" if name == "vgg11_bn" else "cpu"):
        net = get_model(name, **options)
    if name == "vgg11_bn":  # its linear layers are half a gigabyte
        net = nn.Sequential(net.features.to_empty(device="cpu"), nn.Flatten())
        for value in net.state_dict().values():
            value.fill_(0.1)
    sentences = refused(net, 3, 64)
    assert set(sentences) == wanted
    assert all(each.endswith(".") and each[0].isupper() for each in sentences.values())


def test_nets_without_relu() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    sentences = refused(net)
    assert set(sentences) == {"guided_backprop", "deconvolution", "lrp"}
    assert "this network has none (only Tanh)" in sentences["guided_backprop"]
    assert sentences["deconvolution"].startswith("Deconvolution changes")
    linear = refused(nn.Sequential(nn.Flatten(), nn.Linear(256, 3)))
    assert set(linear) == {"guided_backprop", "deconvolution"}
    assert "no activation at all" in linear["deconvolution"]


def test_other_activations_beside_relu() -> None:
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.SiLU(), nn.ELU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert "also has SiLU and ELU, for which" in refused(net)["guided_backprop"]


def test_activations_that_nobody_can_see() -> None:
    sentences = refused(Hidden())
    assert set(sentences) == set(MODIFIED)
    problem = problem_of(Hidden(), images())
    for name in MODIFIED:
        with pytest.raises(LensError) as error:
            attribute(name, problem)
        assert str(error.value) == refusal(name, problem)
    for method in GRADIENT_METHODS:
        assert refusal(method.name, problem) == ""
    assert attribute("saliency", problem).values.abs().sum() > 0


def test_statistics_of_the_batch_are_no_layer() -> None:
    norm = nn.BatchNorm2d(2, track_running_stats=False)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert {name for name in refused(net) if "BatchNorm2d" in refused(net)[name]} == {
        "deep_lift",
        "lrp",
    }


def test_what_is_not_run_does_not_count() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.spare = plain_net(), nn.SiLU()

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.net(x)
            return logits

    problem = problem_of(Spare(), images())
    assert refusal("guided_backprop", problem) == ""
    assert "SiLU" not in kinds(running(problem))


def test_two_functions_for_one_method_are_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="two functions refuse 'lrp'"):
        refuses("lrp")(lambda _problem: "")
