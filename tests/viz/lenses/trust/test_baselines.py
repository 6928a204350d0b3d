"""The controls: what they are, and that they know nothing of the network."""

from __future__ import annotations

import math

import pytest
import torch

from viz.attribution.table import METHODS
from viz.lenses.registry import LensError
from viz.lenses.trust.baselines import CENTRE_WIDTH, control_map, random_keys, random_noise
from viz.lenses.trust.maps import choose_methods
from viz.trust.controls import CONTROLS, title_of


def images(count: int = 3, size: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_gives_each_image_a_map_wherever_it_stands(name: str) -> None:
    maps = control_map(name, images())
    assert maps.shape == (3, 12, 12)
    assert float(maps.min()) >= 0
    assert torch.allclose(control_map(name, images().flip(0)).flip(0), maps)
    assert torch.equal(control_map(name, images()), maps)


def test_random_numbers_are_even_and_differ_from_image_to_image() -> None:
    maps = random_keys(images(20, 32))
    assert float(maps.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(maps.var()) == pytest.approx(1 / 12, abs=0.005)
    correlation = torch.corrcoef(maps.flatten(1))
    assert float((correlation - torch.eye(20)).abs().max()) < 0.15
    assert not torch.equal(random_keys(images(), salt=1), random_keys(images()))


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    random_keys(images())
    assert torch.equal(torch.get_rng_state(), before)


def test_noise_is_normal_and_belongs_to_the_image() -> None:
    noise = random_noise(images(20, 32), salt=7)
    assert noise.shape == (20, 3, 32, 32)
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert torch.equal(random_noise(images(20, 32).flip(0), salt=7).flip(0), noise)
    correlation = torch.corrcoef(noise.flatten(1))
    assert float((correlation - torch.eye(20)).abs().max()) < 0.1
    assert not torch.equal(random_noise(images(20, 32), salt=8), noise)


def test_the_bump_is_in_the_middle_and_a_quarter_wide() -> None:
    [bump] = control_map("centre", torch.zeros(1, 1, 41, 41))
    assert divmod(int(bump.argmax()), 41) == (20, 20)
    assert torch.allclose(bump, bump.flip(0))
    assert torch.allclose(bump, bump.T)
    distance = 10 / 41 / CENTRE_WIDTH  # ten pixels, in standard deviations
    assert float(bump[20, 30]) == pytest.approx(math.exp(-0.5 * distance**2), rel=1e-5)


def test_the_slope_of_a_ramp_is_found_and_even_pictures_have_none() -> None:
    ramp = 0.5 * torch.arange(9.0).expand(1, 1, 9, 9)
    [edges] = control_map("edges", ramp)
    # (1 + 2 + 1) / 8 of the difference between the pixels on both sides, which is 2 · 0.5.
    assert torch.allclose(edges[:, 1:-1], torch.full((9, 7), 0.5), atol=1e-6)
    assert float(control_map("edges", torch.full((1, 3, 5, 5), 0.7)).max()) == pytest.approx(
        0, abs=1e-6
    )
    both = torch.cat(
        [ramp, ramp.transpose(2, 3)], dim=1
    )  # two channels: the lengths add up squared
    assert float(control_map("edges", both)[0, 4, 4]) == pytest.approx(math.sqrt(0.5), abs=1e-6)


def test_controls_always_come_last() -> None:
    assert choose_methods(["grad_cam", "random", "saliency", "saliency"]) == [
        *("grad_cam", "saliency", "random", "centre", "edges")
    ]
    assert choose_methods([]) == [*METHODS, *CONTROLS]
    assert not set(METHODS) & set(CONTROLS)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LensError, match="saliency"):
        choose_methods(["magic"])
    with pytest.raises(ValueError, match="no attribution method"):
        title_of("magic")
    assert title_of("edges") == "Edge detector"
