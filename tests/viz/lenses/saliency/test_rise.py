"""RISE: its masks, and its expectation, worked out over every grid and shift there is."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.viz.lenses.saliency.hand import Score, linear, problem_of
from viz.attribution.table import find_method
from viz.lenses.saliency import perturb
from viz.lenses.saliency.methods import attribute, run
from viz.lenses.saliency.rise import Masks

RISE = find_method("rise")
IMAGE = torch.tensor([[[[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, 4.0, -1.0]] * 2]])  # (1, 1, 4, 4)
WEIGHTS = torch.linspace(-1, 2, 16).view(1, 4, 4)


def every_mask() -> tuple[Tensor, Tensor]:
    """All masks (64, 4, 4) of grids of 2×2 with cells of 2 pixels, and their chances at p = 0.25."""
    masks, chances = [], []
    for cells in itertools.product((0.0, 1.0), repeat=4):
        grid = torch.tensor(cells).view(1, 1, 2, 2)
        large = F.interpolate(grid, size=(6, 6), mode="bilinear", align_corners=False)[0, 0]
        for down, right in itertools.product(range(2), repeat=2):
            masks.append(large[down : down + 4, right : right + 4])
            chances.append(0.25 ** sum(cells) * 0.75 ** (4 - sum(cells)) / 4)
    return torch.stack(masks), torch.tensor(chances)


def test_masks_are_the_papers() -> None:
    known = {tuple(mask.flatten().round(decimals=4).tolist()) for mask in every_mask()[0]}
    masks = Masks((4, 4), RISE.settings({"masks": 400, "grid": 2, "share": 0.25}))
    drawn = {
        tuple((each.flatten().round(decimals=4) + 0.0).tolist()) for each in masks.between(0, 400)
    }
    assert drawn <= known
    assert len(drawn) > len(known) / 2


def test_masks_do_not_depend_on_how_they_are_asked_for() -> None:
    masks = Masks((5, 7), RISE.settings({"masks": 10, "grid": 3, "seed": 4}))
    parts = torch.cat([masks.between(0, 3), masks.between(3, 10)])
    assert torch.equal(parts, masks.between(0, 10))
    assert masks.between(0, 10).shape == (10, 5, 7)


@pytest.mark.parametrize("centred", ["yes", "no"])
def test_the_mean_over_many_masks_is_the_expectation(centred: str) -> None:
    masks, chances = every_mask()
    answers = ((masks * IMAGE[0]) * WEIGHTS).sum((1, 2))
    wanted = torch.einsum("m,m,myx->yx", chances, answers, masks) / 0.25  # E[f M] / p
    if centred == "yes":
        wanted = wanted - (chances * answers).sum()
    problem = problem_of(linear(WEIGHTS), IMAGE, masks=20_000, grid=2, share=0.25, centred=centred)
    found = attribute("rise", problem)
    # One mask's term has a deviation of at most |f| M / p: about 10, over √20,000.
    assert torch.allclose(found.values[0, 0], wanted, atol=0.35)
    assert found.forward_passes == 20_000


def test_a_score_that_does_not_depend_on_the_image_gives_zero() -> None:
    net = Score(lambda x: x.sum((1, 2, 3)) * 0 + 5)
    found = attribute("rise", problem_of(net, IMAGE, masks=50)).values
    assert torch.allclose(found, torch.zeros(1, 1, 4, 4), atol=1e-5)


def test_every_image_has_the_map_that_it_has_alone() -> None:
    images = torch.cat([IMAGE, -IMAGE, IMAGE.flip(3)])
    together = attribute("rise", problem_of(linear(WEIGHTS), images, masks=60)).values
    alone = [attribute("rise", problem_of(linear(WEIGHTS), one[None], masks=60)) for one in images]
    assert torch.allclose(together, torch.cat([each.values for each in alone]), atol=1e-5)


def test_the_same_seed_gives_the_same_and_the_global_state_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    maps = [
        attribute("rise", problem_of(linear(WEIGHTS), IMAGE, masks=40, seed=seed)).values
        for seed in (0, 0, 1)
    ]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], maps[2])


def test_batches_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.cat([IMAGE, IMAGE.flip(2)])
    whole = attribute("rise", problem_of(linear(WEIGHTS), images, masks=30)).values
    monkeypatch.setattr(perturb, "good_batch", lambda _net, _image: 7)
    monkeypatch.setattr(perturb.Pace, "due", lambda _self: True)
    *_, last = maps = list(run("rise", problem_of(linear(WEIGHTS), images, masks=30)))
    assert len(maps) == 9  # of 60 images
    assert torch.allclose(last.values, whole, atol=1e-5)
