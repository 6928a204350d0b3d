"""Occlusion against sums by hand, and against captum where it does the same."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from tests.viz.lenses.saliency.hand import Calls, Score, linear, problem_of
from viz.attribution.table import find_method
from viz.lenses.registry import LensError
from viz.lenses.saliency import perturb
from viz.lenses.saliency.methods import attribute, run

IMAGE = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]])  # (1, 1, 3, 3)
WEIGHTS = torch.tensor([[[1.0, 0.0, -1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]]])


def test_a_patch_of_one_pixel_gives_the_terms_of_a_linear_network() -> None:
    found = attribute("occlusion", problem_of(linear(WEIGHTS), IMAGE, window=1, stride=1))
    assert found.values.tolist() == [[[[1.0, 0.0, -3.0], [8.0, 0.0, 0.0], [0.0, 0.0, 27.0]]]]
    assert found.forward_passes == 10


def test_a_pixel_has_the_mean_fall_of_the_patches_over_it() -> None:
    # The four patches of 2×2 hold 1 + 8 = 9, −3, 8 and 27 of the score.
    found = attribute("occlusion", problem_of(linear(WEIGHTS), IMAGE, window=2, stride=1))
    rows = [[9.0, 3.0, -3.0], [8.5, 10.25, 12.0], [8.0, 17.5, 27.0]]
    assert found.values.tolist() == [[rows]]
    assert found.share == 1


def test_what_replaces_a_pixel_counts() -> None:
    problem = problem_of(linear(WEIGHTS), IMAGE, mean=0.5, window=1, stride=1, fill="black")
    found = attribute("occlusion", problem)  # black is 0 before normalisation, −0.5 behind it
    rows = [[1.5, 0.0, -3.5], [9.0, 0.0, 0.0], [0.0, 0.0, 28.5]]
    assert torch.allclose(found.values, torch.tensor([[rows]]))


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (4, 3), (2, 2), (5, 1)])
def test_equals_captum(window: int, stride: int) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 5 * 6, 3))
    images = torch.randn(3, 2, 7, 8)
    problem = problem_of(net, images, classes=[0, 2, 1], window=window, stride=stride)
    found = attribute("occlusion", problem).values
    theirs = Occlusion(problem.net).attribute(
        images,
        sliding_window_shapes=(2, window, window),
        strides=(2, stride, stride),
        target=torch.tensor([0, 2, 1]),
    )
    assert torch.allclose(found.expand_as(theirs), theirs, atol=1e-5)


def test_steps_that_leave_gaps_are_refused() -> None:
    with pytest.raises(LensError, match="step of 3 pixels leaves gaps between patches of 2"):
        attribute("occlusion", problem_of(linear(WEIGHTS), IMAGE, window=2, stride=3))


def test_partial_maps_come_while_it_runs_and_the_last_is_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(perturb.Pace, "due", lambda _self: True)
    monkeypatch.setattr(perturb, "good_batch", lambda _net, _image: 4)
    found = list(run("occlusion", problem_of(linear(WEIGHTS), IMAGE, window=1, stride=1)))
    assert [round(each.share, 2) for each in found] == [0.44, 0.89, 1.0]
    assert found[0].values.flatten().tolist() == [1.0, 0.0, -3.0, 8.0, 0, 0, 0, 0, 0]
    assert found[-1].values.flatten().tolist() == [1.0, 0.0, -3.0, 8.0, 0, 0, 0, 0, 27.0]


def test_one_forward_pass_a_patch_and_one_for_the_whole_image_in_full_batches() -> None:
    net = Calls(Score(lambda x: x.sum((1, 2, 3))))
    problem = problem_of(net, torch.rand(2, 1, 3, 3), window=1, stride=1)
    attribute("occlusion", problem)  # finds out how large a batch should be
    before = len(net.sizes)
    attribute("occlusion", problem)
    assert net.sizes[before:] == [2, 18]  # the two images, and nine patches for each


def test_the_cost_that_is_told_is_the_cost() -> None:
    method = find_method("occlusion")
    settings = method.settings({})
    told = method.cost(settings, (1, 16, 16))
    problem = problem_of(linear(torch.zeros(1, 16, 16)), torch.zeros(1, 1, 16, 16))
    assert told.words.startswith(f"{attribute('occlusion', problem).forward_passes} forward passes")
