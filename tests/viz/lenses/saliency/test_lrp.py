"""Relevance: typed-in shares for every rule, conservation on every chain, captum's epsilon rule."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn
from torchvision.models import get_model

from models.build import build_network
from models.registry import get_architecture
from tests.viz.lenses.saliency.hand import info_of, problem_of
from tests.viz.lenses.saliency.small_nets import AT, Awkward, Hidden, images, plain_net
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import Aim, Problem, make_problem

RULES = ["epsilon plus", "epsilon", "z plus", "gamma"]
CHAINS = [
    *("all_conv", "convnetjs_cifar", "fast_mnist", "lenet5", "plain20"),
    *("small_fc", "small_conv", "small_local", "small_vgg", "tiny_vgg"),
]


def gap(problem: Problem) -> Tensor:
    """What relevance and biases together miss of the score."""
    found = attribute("lrp", problem)
    assert found.baseline_scores is not None
    missing = found.values.flatten(1).sum(1) + found.baseline_scores - problem.scores()
    scale = found.values.abs().flatten(1).sum(1) + found.baseline_scores.abs()
    return missing.abs() / (scale + 1e-12)  # a closed unit has nothing to share


@pytest.mark.parametrize(
    ("settings", "wanted", "kept"),
    [
        # Without damping it is Input × Gradient; the bias −3 keeps −3 · −3.
        ({"rule": "epsilon", "epsilon": 0.0}, [-3.0, -5.0], 9.0),
        # Of 4 and −3 only 4 counts: all to a − b, there all to a.
        ({"rule": "z plus"}, [1.0, 0.0], 0.0),
        # 8/5 to a − b, there 6/5 and −1/5 of it; −3/5 to a + b − 3, there 6/5, 2/5, bias −3/5.
        ({"rule": "gamma", "gamma": 1.0}, [1.2, -0.56], 0.36),
        ({"rule": "gamma", "gamma": 0.0}, [-3.0, -5.0], 9.0),
    ],
)
def test_two_layers_by_hand(settings: dict[str, Any], wanted: list[float], kept: float) -> None:
    found = attribute("lrp", problem_of(Hidden(), AT, **settings))
    assert found.values.flatten().tolist() == pytest.approx(wanted, abs=1e-5)
    assert found.baseline_scores is not None
    assert found.baseline_scores.tolist() == [pytest.approx(kept, abs=1e-5)]


def test_damping_by_hand() -> None:
    """One unit with z = 2: ε = 0.5 · 2, so the inputs get (3, −1) · 2/3 and ε keeps 2/3."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        net.get_parameter("1.weight").copy_(torch.tensor([[1.0, -1.0]]))
    found = attribute("lrp", problem_of(net, AT, rule="epsilon", epsilon=0.5))
    assert found.values.flatten().tolist() == pytest.approx([2.0, -2 / 3])
    assert found.baseline_scores is not None
    assert found.baseline_scores.tolist() == [pytest.approx(2 / 3)]


def test_a_large_gamma_is_z_plus() -> None:
    net, x = plain_net(bias=False), images()
    classes = problem_of(net, x).explained.net(x).argmax(1).tolist()  # whose logits are positive
    settings: dict[str, Any] = {"rule": "z plus", "pixels": "as elsewhere"}
    plus = attribute("lrp", problem_of(net, x, classes=classes, **settings)).values
    gamma = attribute("lrp", problem_of(net, x, classes=classes, rule="gamma", gamma=100.0)).values
    assert float((plus - gamma).norm() / plus.norm()) < 0.05


def test_without_damping_it_is_input_times_gradient() -> None:
    problem = problem_of(plain_net(pools=True), images(), rule="epsilon", epsilon=0.0)
    wanted = attribute("input_x_gradient", problem_of(plain_net(pools=True), images())).values
    assert torch.allclose(attribute("lrp", problem).values, wanted, atol=1e-5)


def test_as_captum() -> None:
    """Captum's takes ReLU modules used once and no `nn.Flatten`."""

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            plain = plain_net(pools=True)
            self.body = nn.Sequential(*list(plain.children())[:5])
            self.head = plain.get_submodule("6")

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.body(x).flatten(1))
            return logits

    net, x, classes = Flat().eval(), images(), [4, 0, 2]
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.rule = EpsilonRule(epsilon=0.0)
    wanted = LRP(net).attribute(x.clone().requires_grad_(), target=classes).detach()
    problem = problem_of(plain_net(pools=True), x, classes=classes, rule="epsilon", epsilon=0.0)
    assert torch.allclose(attribute("lrp", problem).values, wanted, atol=1e-4)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("pools", [True, False])
def test_conservation(rule: str, bias: bool, pools: bool) -> None:
    net = plain_net(bias=bias, pools=pools)
    problem = problem_of(net, images(), classes=[0, 1, 2], rule=rule, epsilon=0.0)
    assert gap(problem).max() < 1e-5
    found = attribute("lrp", problem)
    assert found.baseline_scores is not None
    if not bias:  # nothing is kept: all relevance reaches the image
        assert found.baseline_scores.abs().max() < 1e-6
        assert torch.allclose(found.values.flatten(1).sum(1), problem.scores(), atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", CHAINS)
def test_conservation_on_our_own_networks(name: str, rule: str) -> None:
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").normal_(0, 0.3, generator=generator)
            module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
        bias = getattr(module, "bias", None)
        if isinstance(bias, Tensor):
            bias.data.normal_(0, 0.1, generator=generator)
    problem = problem_of(net, images(3, 32, 2), classes=[3, 1], rule=rule)
    assert gap(problem).max() < 1e-4


def test_pixels_of_a_box_by_hand() -> None:
    """Limits −1 and 1; to z = 2a − b come 2·(0.5 + 1) from a, (1 − 0) from b, which is 0 itself."""
    net = nn.Sequential(nn.Conv2d(1, 1, (1, 2), bias=False), nn.ReLU(), nn.Flatten())
    with torch.no_grad():
        net.get_parameter("0.weight").copy_(torch.tensor([[[[2.0, -1.0]]]]))
    at = torch.tensor([[[[0.5, 0.0]]]])
    subject = Subject(net.eval(), "A net", info_of((1, 1, 2), 0.5, 0.5), None, 0, None, None)
    for rule in ("z plus", "epsilon plus"):
        problem = make_problem(subject, at, torch.tensor([0]), settings={"rule": rule})
        found = attribute("lrp", problem)
        assert found.values.flatten().tolist() == pytest.approx([0.75, 0.25])
    settings = {"rule": "z plus", "pixels": "as elsewhere"}
    plain = attribute("lrp", make_problem(subject, at, torch.tensor([0]), settings=settings))
    assert plain.values.flatten().tolist() == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("name", ["small_fc", "tiny_vgg", "lenet5", "small_local"])
def test_in_the_box_no_pixel_loses_by_its_sign(name: str) -> None:
    """z plus all the way: relevance of a positive answer is positive at every pixel, whatever the
    sign of its value, and keeps its sum, also behind a layer that lays the image out flat."""
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    x = images(3, 32, 2)  # beyond black and white, which are 0 and 1 here
    best = net.eval()(x).argmax(1).tolist()
    problem = problem_of(net, x, classes=best, rule="z plus")
    assert problem.scores().min() > 0
    assert gap(problem).max() < 1e-4
    found = attribute("lrp", problem).values
    assert found.max() > 0
    if name != "lenet5":  # its tanh is no ReLU: what follows it has both signs
        assert found.min() >= -1e-7


def test_batch_norm_is_folded_into_its_convolution() -> None:
    """By z plus that is another answer than one after the other; epsilon cannot tell."""
    conv, norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(3)))
        norm.get_buffer("running_mean").copy_(torch.tensor([0.5, -1.0]))
        norm.get_buffer("running_var").copy_(torch.tensor([2.0, 0.5]))
        norm.weight.copy_(torch.tensor([-1.5, 0.7]))
    folded = nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm.eval())
    tail = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x = images(side=6)
    for rule in RULES:
        one = attribute("lrp", problem_of(nn.Sequential(conv, norm, *tail), x, rule=rule))
        two = attribute("lrp", problem_of(nn.Sequential(folded, *tail), x, rule=rule))
        assert torch.allclose(one.values, two.values, atol=1e-5)


def test_layers_of_other_nets_by_torchvision() -> None:
    with torch.device("meta"):
        features = get_model("vgg11").features
    features = features.to_empty(device="cpu")
    torch.manual_seed(0)
    for parameter in features.parameters():
        nn.init.normal_(parameter, std=0.05)
    net = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert gap(problem_of(net, images(3, 64, 1), classes=[5])).max() < 1e-4


@pytest.mark.parametrize("how", ["reused", "method", "function"])
def test_relus_of_all_sorts(how: str) -> None:
    plain, x, classes = plain_net(), images(), [4, 0, 2]
    found = attribute("lrp", problem_of(Awkward(plain, how), x, classes=classes)).values
    wanted = attribute("lrp", problem_of(plain, x, classes=classes)).values
    assert torch.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_a_unit_of_a_layer_and_two_classes(rule: str) -> None:
    for layer in ("3", "1"):
        aim = Aim(layer, 2, (1, 4))
        assert gap(problem_of(plain_net(), images(), aim=aim, rule=rule)).max() < 1e-4
    problem = problem_of(plain_net(), images(), rule=rule)
    both = torch.tensor([[0, 1], [2, 3], [4, 0]])
    settings = {"rule": rule}
    assert (
        gap(Problem(problem.explained, problem.images, both, problem.info, settings=settings)).max()
        < 1e-4
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("resnet18", "shortcuts or branches"),
        ("squeezenet1_1", "shortcuts or branches"),
        ("mobilenet_v2", "no rule for ReLU6"),
        ("convnext_tiny", "no rule for LayerNorm2d"),
    ],
)
def test_what_is_no_chain_is_refused(name: str, why: str) -> None:
    with pytest.raises(LensError, match=why):
        attribute("lrp", problem_of(get_model(name), images(3, 64, 1)))
