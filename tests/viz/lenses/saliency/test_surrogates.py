"""LIME finds a linear function again; KernelSHAP finds Shapley's values, exactly where it sees all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import ShapleyValues
from torch import Tensor, nn

from tests.viz.lenses.saliency.hand import Score, linear, problem_of
from viz.lenses.saliency import perturb
from viz.lenses.saliency.coalitions import lime_design, shap_design, solve_lime, solve_shap
from viz.lenses.saliency.methods import attribute, run

IMAGE = torch.tensor([[[[2.0, -1.0, 3.0]]]])  # (1, 1, 1, 3): three regions of one pixel
WEIGHTS = torch.tensor([[[1.0, 4.0, -2.0]]])


def shapley(game: Callable[[Tensor], float], players: int) -> Tensor:
    """From the definition: the mean of what a player adds over all orders."""
    values = torch.zeros(players, dtype=torch.float64)
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        kept = torch.zeros(players)
        for player in order:
            before = game(kept)
            kept[player] = 1
            values[player] += game(kept) - before
    return values / len(orders)


def test_shap_of_an_additive_game_are_its_terms() -> None:
    found = attribute("kernel_shap", problem_of(linear(WEIGHTS), IMAGE, regions="grid", segments=3))
    assert torch.allclose(found.values, WEIGHTS * IMAGE, atol=1e-5)
    assert found.forward_passes == 8  # 2³


def test_shap_of_a_game_that_is_not_linear_by_hand() -> None:
    # f = x0 x1 + max(x1, x2) at (2, −1, 3) from 0: the product −2 is shared by both; max(0, ·) = 3
    # is of x2 alone, as x1 = −1 adds nothing to it but takes −0 … by the definition:
    def score(x: Tensor) -> Tensor:
        flat = x.flatten(1)
        return flat[:, 0] * flat[:, 1] + torch.maximum(flat[:, 1], flat[:, 2]) + 7

    found = attribute("kernel_shap", problem_of(Score(score), IMAGE, regions="grid", segments=3))
    assert torch.allclose(found.values.flatten(), torch.tensor([-1.0, -1.0, 3.0]), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_shap_with_all_coalitions_is_shapley_whatever_the_game(seed: int) -> None:
    players = 5
    table = torch.randn(2**players, generator=torch.Generator().manual_seed(seed)).double()

    def game(kept: Tensor) -> float:
        return float(table[int((kept * 2 ** torch.arange(players)).sum())])

    design = shap_design(players, 2**players - 2, seed=0)
    assert len({tuple(row.tolist()) for row in design.kept}) == len(design.kept) == 30
    answers = torch.tensor([game(row.float()) for row in design.kept]).double()
    n = len(answers)
    values = solve_shap(design.kept, answers, design.weigh(n), float(table[0]), float(table[-1]))
    assert torch.allclose(values, shapley(game, players), atol=1e-9)


def test_shap_equals_captums_shapley_values_on_a_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    images = torch.randn(2, 1, 1, 5)
    problem = problem_of(net, images, classes=[0, 2], regions="grid", segments=5)
    theirs = ShapleyValues(net).attribute(images, target=torch.tensor([0, 2]))
    assert torch.allclose(attribute("kernel_shap", problem).values, theirs, atol=1e-5)


def test_shap_from_a_sample_sums_up_and_comes_close() -> None:
    players = 12
    weights = torch.randn(players, generator=torch.Generator().manual_seed(3)).double()
    pairs = torch.randn(players, players, generator=torch.Generator().manual_seed(4)).double()

    def game(kept: Tensor) -> Tensor:
        return kept @ weights + torch.einsum("ni,ij,nj->n", kept, pairs.triu(1), kept)

    both = pairs.triu(1)
    exact = weights + (both.sum(0) + both.sum(1)) / 2  # a pair shares its product
    design = shap_design(players, 600, seed=1)
    assert len(design.kept) == 600
    answers = game(design.kept.double())
    whole = float(game(torch.ones(1, players).double())[0])
    values = solve_shap(design.kept, answers, design.weigh(600), 0.0, whole)
    assert float(values.sum()) == pytest.approx(whole)
    assert torch.allclose(values, exact, atol=0.15)
    part = solve_shap(design.kept[:300], answers[:300], design.weigh(300), 0.0, whole)
    assert torch.allclose(part, exact, atol=0.6)


@pytest.mark.parametrize("players", [2, 3, 7, 16, 49])
def test_the_design_weighs_sizes_as_shapley_does(players: int) -> None:
    design = shap_design(players, 400, seed=0)
    assert len(design.kept) == min(400, 2**players - 2)
    weights = design.weigh(len(design.kept))
    assert float(weights.sum()) == pytest.approx(1)
    sizes = design.kept.sum(1)
    assert int(sizes.min()) >= 1
    assert int(sizes.max()) <= players - 1
    ones = float(weights[(sizes == 1) | (sizes == players - 1)].sum())
    mass = [1 / (size * (players - size)) for size in range(1, players)]
    due = (mass[0] + (mass[-1] if players > 2 else 0)) / sum(mass)
    assert ones == pytest.approx(due, rel=0.2)


def test_a_single_region_has_it_all() -> None:
    found = attribute("kernel_shap", problem_of(linear(WEIGHTS), IMAGE, regions="grid", segments=1))
    assert torch.allclose(found.values, torch.full((1, 1, 1, 3), 2.0 - 4.0 - 6.0))


@pytest.mark.parametrize("ridge", [0.0, 1e-6])
def test_lime_finds_a_linear_function_again(ridge: float) -> None:
    image = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(1))
    problem = problem_of(
        linear(weights), image, regions="grid", segments=9, samples=100, ridge=ridge
    )
    assert torch.allclose(attribute("lime", problem).values, weights * image, atol=1e-3)


def test_lime_is_the_weighted_ridge_regression() -> None:
    design = lime_design(4, 50, 0.25, seed=2)
    assert bool(design.kept[0].all())
    shares = design.kept.double().mean(1)
    assert torch.allclose(design.weights, torch.exp(-((1 - shares.sqrt()) ** 2) / 0.0625))
    answers = torch.randn(50, generator=torch.Generator().manual_seed(5)).double()
    found = solve_lime(design.kept, answers, design.weights, 0.7)
    z = torch.cat([design.kept.double(), torch.ones(50, 1)], 1)
    penalty = torch.diag(torch.tensor([0.7] * 4 + [0.0])).double()
    whole = torch.linalg.solve(
        z.T @ (design.weights[:, None] * z) + penalty, z.T @ (design.weights * answers)
    )
    assert torch.allclose(found, whole[:4])


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_an_image_has_the_map_that_it_has_alone_and_chance_is_the_seeds(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def net() -> Score:
        return Score(lambda x: x.flatten(1).sum(1) ** 3 / 9)

    images = torch.randn(3, 1, 6, 6)
    settings: dict[str, Any] = {"regions": "grid", "segments": 9, "samples": 60}
    together = attribute(method, problem_of(net(), images, **settings)).values
    before = torch.get_rng_state()
    alone = [attribute(method, problem_of(net(), one[None], **settings)).values for one in images]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    other = attribute(method, problem_of(net(), images, **settings, seed=1)).values
    assert not torch.allclose(together, other)
    monkeypatch.setattr(perturb, "good_batch", lambda _net, _image: 16)
    monkeypatch.setattr(perturb.Pace, "due", lambda _self: True)
    *_, last = maps = list(run(method, problem_of(net(), images, **settings)))
    assert torch.allclose(last.values, together, atol=1e-3)
    shares = [each.share for each in maps]
    assert shares == sorted(shares)
    assert len(shares) > 3
    assert math.isclose(shares[-1], 1)
