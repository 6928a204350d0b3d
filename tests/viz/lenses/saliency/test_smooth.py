"""Gradients at noisy copies: cases whose mean and variance are known, the noise itself, captum."""

from __future__ import annotations

import math

import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import Tensor, nn

from tests.viz.lenses.saliency.hand import Score, linear, problem_of
from tests.viz.lenses.saliency.small_nets import images, plain_net
from viz.lenses.saliency import passes
from viz.lenses.saliency.methods import attribute, run
from viz.lenses.saliency.passes import noise

WEIGHTS = torch.tensor([[[1.0, -2.0], [0.0, 3.0]]])
X = torch.tensor([[[[2.0, 1.0], [5.0, -1.0]]]])  # its range is 6


def test_a_linear_network_is_not_changed_by_noise() -> None:
    problem = problem_of(linear(WEIGHTS), X, samples=7, noise=0.5)
    assert attribute("smoothgrad", problem).values.tolist() == [[[[1.0, 2.0], [0.0, 3.0]]]]
    assert attribute("vargrad", problem).values.tolist() == [[[[0.0, 0.0], [0.0, 0.0]]]]


def test_squares() -> None:
    """f = Σ x²: the gradient at x + n is 2 (x + n), with n of standard deviation 0.1 · 6."""
    problem = problem_of(Score(lambda x: (x * x).flatten(1).sum(1)), X, samples=40, noise=0.1)
    drawn = 0.6 * noise((1, 2, 2), 0, torch.arange(40))
    wanted = (2 * (X + drawn.mean(0))).abs()
    assert torch.allclose(attribute("smoothgrad", problem).values, wanted, atol=1e-5)
    variance = 4 * drawn.var(0, unbiased=False)
    assert torch.allclose(attribute("vargrad", problem).values[0], variance, rtol=1e-4)
    assert torch.allclose(variance, torch.tensor(4 * 0.36), rtol=0.6)


def test_how_often_a_relu_is_open() -> None:
    """At x = (0.5, 0), of range 0.5, with noise as wide as the range, P(x₁ + n > 0) is Φ(1)."""
    x = torch.tensor([[[[0.5, 0.0]]]])
    net = Score(lambda x: torch.relu(x[:, 0, 0, 0]))
    problem = problem_of(net, x, samples=500, noise=1.0)
    open_share = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    found = attribute("smoothgrad", problem).values
    assert found[0, 0, 0].tolist() == [pytest.approx(open_share, abs=0.05), 0.0]
    share = float(found[0, 0, 0, 0])
    spread = attribute("vargrad", problem).values[0, 0, 0]
    assert spread.tolist() == [pytest.approx(share * (1 - share), abs=1e-5), 0.0]


def test_as_captum_with_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captum draws from the global state: it is handed our noise instead."""
    net, x = plain_net(), images(count=2)
    samples, flat = 6, x.flatten(1)
    spread = 0.2 * (flat.amax(1) - flat.amin(1))
    drawn = noise((1, 16, 16), 0, torch.arange(samples))
    problem = problem_of(net, x, classes=[1, 3], samples=samples, noise=0.2)
    for row in range(2):

        def normal(mean: Tensor, _std: Tensor, row: int = row) -> Tensor:
            return mean + spread[row] * drawn

        monkeypatch.setattr("captum.attr._core.noise_tunnel.torch.normal", normal)
        for name, kind in (("smoothgrad", "smoothgrad"), ("vargrad", "vargrad")):
            wanted = NoiseTunnel(Saliency(net)).attribute(
                x[row : row + 1], nt_type=kind, nt_samples=samples, target=[1, 3][row], abs=False
            )
            found = attribute(name, problem).values[row]
            assert torch.allclose(found, wanted[0].abs(), atol=1e-5), name


def test_no_noise_is_the_gradient() -> None:
    problem = problem_of(plain_net(), images(), samples=3, noise=0.0)
    saliency = attribute("saliency", problem_of(plain_net(), images())).values
    assert torch.allclose(attribute("smoothgrad", problem).values, saliency, atol=1e-6)
    assert attribute("vargrad", problem).values.abs().max() < 1e-10


def test_partial_maps_come_while_samples_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_IMAGES_A_PASS", 8)
    problem = problem_of(plain_net(), images(count=2), samples=12, noise=0.2)
    maps = list(run("smoothgrad", problem))
    assert [each.share for each in maps] == [8 / 24, 16 / 24, 1.0]
    assert [each.forward_passes for each in maps] == [4, 8, 12]
    fewer = problem_of(plain_net(), images(count=2), samples=4, noise=0.2)
    assert torch.allclose(maps[0].values, attribute("smoothgrad", fewer).values)
    assert not torch.equal(maps[0].values, maps[-1].values)


def test_where_the_memory_runs_out_batches_are_halved() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = plain_net()

        def forward(self, x: Tensor) -> Tensor:
            if type(x) is Tensor and len(x) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            found: Tensor = self.net(x)
            return found

    wanted = problem_of(plain_net(), images(), samples=9, noise=0.2)
    problem = problem_of(Small(), images(), samples=9, noise=0.2)
    # The copy with separate activations is read without a tensor: hold on to the check.
    object.__setattr__(problem.explained, "net", Small())
    for name in ("smoothgrad", "vargrad"):
        found = attribute(name, problem).values
        assert torch.allclose(found, attribute(name, wanted).values, atol=1e-6)
