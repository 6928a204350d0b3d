"""Sums along ways from a baseline: typed-in maps, what they add up to, baselines, captum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from tests.viz.lenses.saliency.hand import Score, linear, problem_of
from tests.viz.lenses.saliency.small_nets import AT, Hidden, Saturated, images, plain_net
from viz.lenses.saliency import passes
from viz.lenses.saliency.baselines import baselines, black
from viz.lenses.saliency.methods import attribute, run
from viz.lenses.saliency.problem import Aim

WEIGHTS = torch.tensor([[[1.0, -2.0], [0.0, 3.0]]])
X = torch.tensor([[[[2.0, 1.0], [5.0, -1.0]]]])


def test_a_linear_network() -> None:
    found = attribute("integrated_gradients", problem_of(linear(WEIGHTS), X))
    assert torch.allclose(found.values, torch.tensor([[[[2.0, -2.0], [0.0, -3.0]]]]), atol=1e-5)
    assert found.baseline_scores is not None
    assert found.baseline_scores.tolist() == [0.0]
    white = attribute("integrated_gradients", problem_of(linear(WEIGHTS), X, baseline="white"))
    assert torch.allclose(white.values, torch.tensor([[[[1.0, 0.0], [0.0, -6.0]]]]), atol=1e-5)
    assert white.baseline_scores is not None
    assert white.baseline_scores.tolist() == [2.0]


def test_saturation_is_seen_through() -> None:
    """1 − relu(1 − a) at a = 2 has no gradient, but rose by 1 on the way from 0."""
    found = attribute("integrated_gradients", problem_of(Saturated(), torch.tensor([[[[2.0]]]])))
    assert found.values.item() == pytest.approx(1.0, abs=1e-5)


def test_products() -> None:
    """f = a b: on the straight way from 0 both have the same share, a b / 2."""
    net = Score(lambda x: x[:, 0, 0, 0] * x[:, 0, 0, 1])
    found = attribute("integrated_gradients", problem_of(net, AT, steps=4))
    assert torch.allclose(found.values, torch.tensor([[[[1.5, 1.5]]]]), atol=1e-6)


def test_two_layers_by_hand() -> None:
    """On the way t (3, 1) relu(a + b − 3) opens at t = 3/4: its gradient counts a quarter."""
    problem = problem_of(Hidden(), AT, steps=500)
    found = attribute("integrated_gradients", problem)
    wanted = torch.tensor([[[[3 * (2 - 3 / 4), 1 * (-2 - 3 / 4)]]]])
    assert torch.allclose(found.values, wanted, atol=0.02)


@pytest.mark.parametrize("baseline", ["black", "white", "mean", "blur", "random"])
def test_it_adds_up(baseline: str) -> None:
    problem = problem_of(plain_net(), images(), classes=[4, 1, 0], baseline=baseline, steps=300)
    found = attribute("integrated_gradients", problem)
    start = baselines(replace(problem, settings={"baseline": baseline, "seed": 0}))
    assert found.baseline_scores is not None
    assert torch.allclose(found.baseline_scores, problem.scores(start), atol=1e-5)
    gap = found.values.flatten(1).sum(1) - (problem.scores() - found.baseline_scores)
    assert gap.abs().max() < 0.02 * found.values.abs().flatten(1).sum(1).max()


def test_more_steps_close_the_gap() -> None:
    def gap(steps: int) -> float:
        problem = problem_of(plain_net(pools=True), images(count=8), classes=[1] * 8, steps=steps)
        found = attribute("integrated_gradients", problem)
        assert found.baseline_scores is not None
        difference = problem.scores() - found.baseline_scores
        return float((found.values.flatten(1).sum(1) - difference).abs().mean())

    assert gap(400) < 0.1 * gap(4)


@pytest.mark.parametrize("pools", [False, True])
def test_as_captum(pools: bool) -> None:
    net, x, classes = plain_net(pools=pools), images(), [4, 0, 2]
    problem = problem_of(net, x, classes=classes, steps=20)
    wanted = IntegratedGradients(net).attribute(
        x, torch.zeros_like(x), target=classes, n_steps=20, method="gausslegendre"
    )
    assert torch.allclose(
        attribute("integrated_gradients", problem).values, wanted.float(), atol=1e-5
    )


def test_partial_sums_are_guesses_at_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_IMAGES_A_PASS", 6)
    problem = problem_of(plain_net(), images(count=2), steps=30)
    maps = list(run("integrated_gradients", problem))
    assert [each.share for each in maps] == pytest.approx([n / 10 for n in range(1, 11)])
    last = maps[-1].values
    errors = [float((each.values - last).norm() / last.norm()) for each in maps]
    assert errors[4] < 0.3
    assert maps[-1].forward_passes == 31


def test_baselines_are_what_they_are_called() -> None:
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5  # mean is 0.5
    problem = problem_of(linear(torch.ones(3, 8, 8)), x, mean=0.5)

    def of(name: str, seed: int = 0) -> torch.Tensor:
        return baselines(replace(problem, settings={"baseline": name, "seed": seed}))

    assert torch.equal(of("black"), torch.full((2, 3, 8, 8), -0.5))
    assert torch.equal(black(problem), torch.full((1, 3, 8, 8), -0.5))
    assert torch.equal(of("white"), torch.full((2, 3, 8, 8), 0.5))
    assert torch.equal(of("mean"), torch.zeros(2, 3, 8, 8))
    drawn = of("random")
    assert float(drawn.min()) >= -0.5
    assert float(drawn.max()) <= 0.5
    assert float(drawn.std()) == pytest.approx(12**-0.5, rel=0.1)
    assert torch.equal(drawn, of("random"))
    assert not torch.equal(drawn, of("random", seed=1))
    soft = of("blur")
    assert soft.shape == x.shape
    assert soft.std() < 0.7 * x.std()


def test_gradient_shap_of_a_linear_network() -> None:
    """Without curves the random points do not matter: w (x − mean of the references drawn)."""
    references = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)])
    problem = replace(problem_of(linear(WEIGHTS), X, samples=50), references=references)
    found = attribute("gradient_shap", problem)
    assert found.baseline_scores is not None
    share = float(found.baseline_scores[0]) / 2  # the references score 0 and 2
    assert 0.3 < share < 0.7
    assert torch.allclose(found.values, WEIGHTS * (X - share), atol=1e-5)
    gap = found.values.sum() - (problem.scores() - found.baseline_scores)
    assert abs(float(gap)) < 1e-5
    assert found.forward_passes == 52


def test_gradient_shap_tends_to_the_mean_over_references() -> None:
    net, x = plain_net(), images(count=2)
    references = images(count=6).flip(0)
    problem = replace(problem_of(net, x, classes=[1, 2], samples=1000), references=references)
    found = attribute("gradient_shap", problem)
    parts = [
        IntegratedGradients(net).attribute(x, each[None].expand_as(x), target=[1, 2])
        for each in references
    ]
    wanted = torch.stack(parts).mean(0).float()
    assert float((found.values - wanted).norm() / wanted.norm()) < 0.15
    assert found.baseline_scores is not None
    gap = found.values.flatten(1).sum(1) - (problem.scores() - found.baseline_scores)
    assert gap.abs().max() < 0.1 * found.values.abs().flatten(1).sum(1).max()


def test_gradient_shap_without_references_starts_at_black() -> None:
    problem = problem_of(linear(WEIGHTS), X, samples=3)
    found = attribute("gradient_shap", problem)
    assert torch.allclose(found.values, WEIGHTS * X)
    assert found.baseline_scores is not None
    assert found.baseline_scores.tolist() == [0.0]


def test_gradient_shap_of_a_channel_and_of_two_classes() -> None:
    net, x = plain_net(), images(count=2)
    references = images(count=4)
    aims: list[tuple[dict[str, Any], Tensor | None]] = [
        ({"aim": Aim("3", 2)}, None),
        ({}, torch.tensor([[1, 0], [3, 2]])),
    ]
    for options, classes in aims:
        problem = replace(problem_of(net, x, samples=400, **options), references=references)
        problem = problem if classes is None else replace(problem, classes=classes)
        found = attribute("gradient_shap", problem)
        assert found.baseline_scores is not None
        gap = found.values.flatten(1).sum(1) - (problem.scores() - found.baseline_scores)
        assert gap.abs().max() < 0.1 * found.values.abs().flatten(1).sum(1).max()
