"""What every method of gradients and of changed backward passes owes, whatever it computes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from models.separate import separate
from tests.viz.lenses.saliency.hand import problem_of, subject_of
from tests.viz.lenses.saliency.small_nets import Awkward, images, plain_net
from viz.attribution.gradient_methods import GRADIENT_METHODS
from viz.attribution.method import Method
from viz.attribution.modified_methods import MODIFIED_METHODS
from viz.lenses.saliency.methods import attribute, run
from viz.lenses.saliency.problem import Aim, make_problem

METHODS = [*GRADIENT_METHODS, *MODIFIED_METHODS]
QUICK = {"samples": 6, "steps": 6}
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))


def quick(method: Method) -> dict[str, Any]:
    return {name: n for name, n in QUICK.items() if name in {one.name for one in method.options}}


@every_method
@pytest.mark.parametrize("shape", [(1, 8), (1, 16), (3, 32)], ids=str)
def test_a_batch_is_one_by_one(method: Method, shape: tuple[int, int]) -> None:
    channels, side = shape
    net, x, classes = plain_net(channels, side, pools=True), images(channels, side), [4, 0, 2]
    found = attribute(method.name, problem_of(net, x, classes=classes, **quick(method)))
    assert found.values.shape == x.shape
    assert found.values.isfinite().all()
    assert not found.values.requires_grad
    assert found.share == 1.0
    assert (found.baseline_scores is not None) == method.complete
    for row in range(3):
        alone = problem_of(net, x[row : row + 1], classes=classes[row : row + 1], **quick(method))
        one = attribute(method.name, alone)
        scale = float(one.values.abs().max())
        assert torch.allclose(found.values[row], one.values[0], atol=1e-5 * max(1.0, scale))
        if found.baseline_scores is not None and one.baseline_scores is not None:
            assert torch.allclose(found.baseline_scores[row], one.baseline_scores[0], atol=1e-5)
    if not method.signed:
        assert found.values.min() >= 0


@every_method
def test_large_images(method: Method) -> None:
    features = nn.Sequential(
        *(nn.Conv2d(3, 8, 7, 4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(8, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(8, 5)),
    )
    problem = problem_of(features, images(3, 224, 2), classes=[4, 1], **quick(method))
    maps = list(run(method.name, problem))
    assert maps[-1].values.shape == (2, 3, 224, 224)
    assert maps[-1].values.isfinite().all()
    shares = [each.share for each in maps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    if quick(method):  # several batches: there is something to see in between
        assert len(maps) > 1


@every_method
@pytest.mark.parametrize("how", ["reused", "method", "function"])
def test_relus_of_all_sorts_give_what_separate_ones_give(method: Method, how: str) -> None:
    plain, x, classes = plain_net(), images(), [4, 0, 2]
    wanted = attribute(method.name, problem_of(plain, x, classes=classes, **quick(method)))
    found = attribute(
        method.name, problem_of(Awkward(plain, how), x, classes=classes, **quick(method))
    )
    assert torch.allclose(found.values, wanted.values, atol=1e-6)


@every_method
def test_the_same_again_and_no_trace(method: Method) -> None:
    """Same map every time; global random numbers, network and images stay as they were."""
    net, x = plain_net(), images()
    problem = problem_of(net, x, **quick(method))
    torch.manual_seed(5)
    seed = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    before, kept = {name: one.clone() for name, one in net.state_dict().items()}, x.clone()
    modules = dict(problem.net.named_modules())
    first = attribute(method.name, problem).values
    assert torch.equal(attribute(method.name, problem).values, first)
    assert torch.equal(torch.get_rng_state(), seed[0])
    assert (random.getstate(), str(np.random.get_state())) == seed[1:]  # noqa: NPY002
    assert torch.equal(x, kept)
    assert not x.requires_grad
    for each in (net, problem.net):
        assert clean(each)
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())
    assert dict(problem.net.named_modules()) == modules
    assert torch.is_grad_enabled()


def clean(net: nn.Module) -> bool:
    """No hooks, evaluation mode, no gradients."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return not any(getattr(module, name) for module in net.modules() for name in hooks) and not any(
        [*(module.training for module in net.modules())]
        + [parameter.requires_grad or parameter.grad is not None for parameter in net.parameters()]
    )


@every_method
def test_after_an_error_all_is_as_before(method: Method) -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = plain_net()
            self.broken = False

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.net(x)
            return found

    problem = problem_of(plain_net(), images(), **quick(method))
    attribute(method.name, problem)  # what is found out about the network is
    modules = dict(problem.net.named_modules())
    heads = [net.get_submodule("6") for net in (problem.net, problem.quick.net)]

    def fail(_x: Tensor) -> Tensor:
        raise ZeroDivisionError("in the middle of it")

    for head in heads:
        head.forward = fail
    with pytest.raises(ZeroDivisionError):
        attribute(method.name, problem)
    for head in heads:
        del head.forward
    assert dict(problem.net.named_modules()) == modules
    assert clean(problem.net)
    assert torch.is_grad_enabled()


@every_method
def test_a_constant_network_gives_zeros(method: Method) -> None:
    net = plain_net()
    for parameter in net.parameters():
        parameter.zero_()
    problem = problem_of(net, images(), **quick(method))
    found = attribute(method.name, problem)
    assert torch.equal(found.values, torch.zeros(3, 1, 16, 16))
    net.get_parameter("6.bias").fill_(2.0)
    found = attribute(method.name, problem_of(net, images(), **quick(method)))
    assert torch.equal(found.values, torch.zeros(3, 1, 16, 16))
    if found.baseline_scores is not None:
        assert torch.allclose(found.baseline_scores, torch.tensor(2.0), rtol=0.05)


@every_method
def test_a_constant_image_gives_no_nan(method: Method) -> None:
    problem = problem_of(plain_net(), torch.zeros(2, 1, 16, 16), **quick(method))
    assert attribute(method.name, problem).values.isfinite().all()


@every_method
def test_under_inference_mode_and_without_gradients(method: Method) -> None:
    net, x = plain_net(), images()
    wanted = attribute(method.name, problem_of(net, x, **quick(method))).values
    with torch.inference_mode():
        made_inside = images()
        found = attribute(method.name, problem_of(net, made_inside, **quick(method))).values
    assert torch.allclose(found, wanted, atol=1e-6)
    with torch.no_grad():
        found = attribute(method.name, problem_of(net, x, **quick(method))).values
    assert torch.allclose(found, wanted, atol=1e-6)


@every_method
def test_units_channels_and_contrasts(method: Method) -> None:
    net, x = plain_net(), images()
    aims: list[tuple[dict[str, Any], Tensor]] = [
        ({"aim": Aim("3", 2)}, torch.tensor([0, 0, 0])),
        ({"aim": Aim("3", 2, (1, 4))}, torch.tensor([0, 0, 0])),
        ({"aim": Aim("4", 1, (0, 0))}, torch.tensor([0, 0, 0])),
        ({}, torch.tensor([[0, 1], [2, 3], [4, 0]])),
    ]
    subject = subject_of(net, (1, 16, 16))
    for options, classes in aims:
        problem = make_problem(subject, x, classes, settings=quick(method), **options)
        found = attribute(method.name, problem)
        assert found.values.shape == x.shape
        assert found.values.isfinite().all()
        if "aim" in options and options["aim"].unit is not None:
            inside = found.values.abs().sum(1)  # the unit's window: 4·(2+2) pixels a side
            row, column = options["aim"].unit
            window = torch.zeros(16, 16)
            window[max(0, 2 * row - 1) : 2 * row + 7, max(0, 2 * column - 1) : 2 * column + 7] = 1
            assert not (inside * (1 - window)).any()


@pytest.mark.parametrize(
    "name", ["saliency", "input_x_gradient", "integrated_gradients", "guided_backprop"]
)
def test_a_real_network_with_shortcuts_and_reused_relus(name: str) -> None:
    torch.manual_seed(0)
    net = get_model("resnet18").eval().requires_grad_(False)
    method = next(each for each in METHODS if each.name == name)
    problem = problem_of(net, images(3, 64, 2), classes=[3, 8], **quick(method))
    found = attribute(name, problem)
    assert found.values.isfinite().all()
    assert found.values.abs().flatten(1).sum(1).min() > 0
    assert problem.net is separate(net, problem.images[:1]).net
    assert clean(net)
