"""Infidelity and sensitivity against values on paper and against networks that allow no doubt."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.viz.lenses.nets import OneNet, split
from tests.viz.lenses.trust.conftest import Trained
from tests.viz.lenses.trust.linear import linear_context
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import make_problem
from viz.lenses.trust import robustness as module
from viz.lenses.trust.images import choose_images
from viz.lenses.trust.maps import Heat
from viz.lenses.trust.robustness import (
    infidelity,
    perturb,
    relative_change,
    robustness,
    square_drops,
    square_grid,
    square_sums,
)
from viz.results.trust import MethodScore, Robustness

RANDOM = torch.Generator


def measured(context: object, **options: object) -> Robustness:
    last: Robustness
    *_, last = robustness(context, None, None, **options)
    return last


def scores(result: Robustness, measure: str) -> dict[str, MethodScore]:
    [found] = [each for each in result.measurements if each.measure == measure]
    return {score.method: score for score in found.scores}


def test_infidelity_by_hand() -> None:
    # β = (1·1 + 1·0) / 2 = 1/2; what is left is (1/2)² + (1/2)² of 1.
    assert infidelity(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]])).tolist() == [0.5]


def test_infidelity_forgives_the_scale_but_not_the_sign() -> None:
    drops = torch.randn(3, 7, generator=RANDOM().manual_seed(0))
    foretold = drops + 0.3 * torch.randn(3, 7, generator=RANDOM().manual_seed(1))
    found = infidelity(foretold, drops)
    assert torch.allclose(infidelity(1000 * foretold, drops), found)
    assert torch.allclose(infidelity(-foretold, drops), torch.ones(3, dtype=torch.float64))
    assert infidelity(torch.zeros(3, 7), drops).tolist() == [1, 1, 1]
    assert bool(infidelity(foretold, torch.zeros(3, 7)).isnan().all())


def test_the_gradient_of_a_linear_network_foretells_every_change() -> None:
    generator = RANDOM().manual_seed(2)
    gradient = torch.randn(16, generator=generator)
    changes = torch.randn(4, 9, 16, generator=generator)  # (N, P, pixels)
    drops = changes @ gradient
    assert float(infidelity(changes @ (0.2 * gradient), drops).max()) == pytest.approx(0, abs=1e-6)


def test_what_the_pixels_of_a_linear_network_are_worth_foretells_the_squares() -> None:
    # Painting a square black takes the sum of w · x over it from the logit.
    generator = RANDOM().manual_seed(3)
    weights = torch.randn(8, 8, generator=generator)
    images = (torch.rand(5, 1, 8, 8, generator=generator) * 255).round() / 255
    context = linear_context(weights, images)
    chosen = choose_images(context, context.subject(None), count=5)
    drops, side = square_drops(chosen)
    assert (side, drops.shape) == (2, (5, 49))
    sign = 1 - 2 * chosen.classes.float()[:, None, None]  # of the second class nothing is known: 0
    worth = weights * chosen.batch[:, 0] * (sign > 0)
    right = chosen.classes == 0
    assert torch.allclose(square_sums(worth, side)[right], drops[right].double(), atol=1e-5)
    assert float(infidelity(square_sums(worth, side), drops)[right].max()) < 1e-9


@pytest.mark.parametrize(
    ("size", "grid"), [(32, (8, 4)), (16, (4, 2)), (224, (56, 28)), (3, (1, 1))]
)
def test_squares_are_a_quarter_wide_and_overlap_by_half(size: int, grid: tuple[int, int]) -> None:
    assert square_grid(size) == grid


def test_relative_change_by_hand() -> None:
    before = torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])
    after = torch.tensor([[[3.0, 3.0]], [[0.0, 1.0]]])
    found = relative_change(before, after)
    assert float(found[0]) == pytest.approx(0.2)
    assert math.isnan(float(found[1]))


def test_the_gradient_of_a_linear_network_does_not_change_and_a_random_map_does() -> None:
    weights = torch.randn(8, 8, generator=RANDOM().manual_seed(4))
    images = (torch.rand(9, 1, 8, 8, generator=RANDOM().manual_seed(5)) * 255).round() / 255
    found = scores(measured(linear_context(weights, images), methods=["saliency"]), "sensitivity")
    assert found["saliency"].mean == 0
    assert found["centre"].mean == 0
    # Two maps of independent uniform numbers differ by √(1/6) a pixel and are √(1/3) large.
    assert found["random"].mean == pytest.approx(math.sqrt(1 / 2), rel=0.2)


def test_perturbations_keep_the_radius_and_belong_to_the_image() -> None:
    images = (torch.rand(4, 1, 8, 8, generator=RANDOM().manual_seed(6)) * 255).round() / 255
    context = linear_context(torch.ones(8, 8), images)
    chosen = choose_images(context, context.subject(None), count=4)
    other = linear_context(torch.ones(8, 8), images.flip(0))
    turned = choose_images(other, other.subject(None), count=4)
    noise = perturb(chosen, 0.1, 0) - chosen.batch
    assert 0.09 < float(noise.abs().max()) <= 0.1 + 1e-6
    assert torch.equal(perturb(chosen, 0.1, 0), perturb(turned, 0.1, 0).flip(0))
    assert not torch.equal(perturb(chosen, 0.1, 0), perturb(chosen, 0.1, 1))


def test_progress_rises_and_sensitivity_is_no_evidence(plain_net: Trained) -> None:
    found = list(robustness(plain_net, None, None, methods=["saliency", "grad_cam"], images=8))
    shares = [each.share for each in found]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    infidelities, sensitivities = found[-1].measurements
    assert (infidelities.evidence, sensitivities.evidence) == (True, False)
    assert len(sensitivities.scores) == 5
    again = measured(plain_net, methods=["saliency", "grad_cam"], images=8)
    for a, b in zip(sensitivities.scores, again.measurements[1].scores, strict=True):
        np.testing.assert_array_equal(a.values, b.values)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"perturbations": 0}, "from 1 to 50"),
        ({"radius": 2}, "from 0.001 to 0.5"),
        ({"radius": "much"}, "from 0.001 to 0.5"),
        ({"images": 257}, "from 1 to 256"),
    ],
)
def test_wrong_input_is_answered_with_a_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(LensError, match=words):
        measured(linear_context(torch.ones(4, 4), torch.ones(1, 1, 4, 4)), **options)


def paper(phi: Tensor, change: Tensor, net: nn.Module, image: Tensor) -> float:
    """Definition 1 with optimal scaling, as it is written: E (β·IᵀΦ − (f(x) − f(x − I)))² over the
    given I (P, C, H, W), as a share of E (f(x) − f(x − I))²."""
    said = (change * phi).flatten(1).sum(1).double()
    with torch.no_grad():
        lost = (net(image[None]) - net(image[None] - change))[:, 0].double()
    beta = max(float((said * lost).mean() / said.pow(2).mean()), 0.0)
    return float((beta * said - lost).pow(2).mean() / lost.pow(2).mean())


def test_infidelity_is_the_papers_for_slopes_and_for_worths() -> None:
    generator = RANDOM().manual_seed(7)
    images = (torch.rand(2, 3, 8, 8, generator=generator) * 255).round() / 255
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 2)
        )
    context = OneNet(net, {"test": split(images, [0, 0])}, (3, 8, 8))
    found = scores(
        measured(
            context, methods=["guided_backprop", "saliency", "input_x_gradient", "occlusion"],
            images=2, target="true", perturbations=1,
        ),
        "infidelity",
    )  # fmt: skip
    subject = context.subject(None)
    squares = torch.zeros(49, 1, 8, 8)
    for at in range(49):
        squares[at, :, at // 7 : at // 7 + 2, at % 7 : at % 7 + 2] = 1
    zeros = torch.zeros(2, dtype=torch.int64)
    for n, image in enumerate(images):
        change = squares * image  # I = x − x0: the square is painted 0, the mean colour here
        for name in ("guided_backprop", "saliency"):
            phi = attribute(name, make_problem(subject, images, zeros)).values[n]
            assert found[name].values[n] == pytest.approx(paper(phi, change, net, image), abs=1e-5)
        for name in ("input_x_gradient", "occlusion"):  # Φ times I already: I is 1 in the square
            worth = attribute(name, make_problem(subject, images, zeros)).values[n]
            inside = (squares * worth).flatten(1).sum(1)[:, None, None, None]
            unit = torch.zeros(49, 3, 8, 8)
            unit[:, 0, 0, 0] = 1
            lost = change_lost(net, image, change)
            expected = infidelity((inside * unit).flatten(1).sum(1)[None], lost[None])
            assert found[name].values[n] == pytest.approx(float(expected[0]), abs=1e-5)


def change_lost(net: nn.Module, image: Tensor, change: Tensor) -> Tensor:
    with torch.no_grad():
        lost: Tensor = (net(image[None]) - net(image[None] - change))[:, 0]
    return lost


def test_a_refusal_on_the_way_is_no_perfect_stability(monkeypatch: pytest.MonkeyPatch) -> None:
    images = (torch.rand(9, 1, 8, 8, generator=RANDOM().manual_seed(5)) * 255).round() / 255

    def refuse(names: list[str], *_: object, **__: object) -> list[Heat]:
        values = torch.ones(9, 8, 8)
        refusal = "Out of memory." if names == ["saliency"] else ""
        return [Heat(names[0], None if refusal else values, values, refusal, 1.0)]

    monkeypatch.setattr(module, "heats", refuse)
    last = measured(linear_context(torch.ones(8, 8), images), methods=["saliency"])
    assert "saliency" not in scores(last, "sensitivity")
    assert set(scores(last, "sensitivity")) == {"random", "centre", "edges"}
    assert "saliency" in scores(last, "infidelity")
    assert last.refusals == {"saliency": "No sensitivity: Out of memory."}
