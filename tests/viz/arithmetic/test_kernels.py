"""The named kernels do what their words say."""

from __future__ import annotations

import numpy as np
import pytest

from viz.arithmetic.kernels import KERNELS, gabor, gaussian, rank


@pytest.mark.parametrize("name", ["sobel_x", "sobel_y", "laplace", "gabor"])
def test_edge_kernels_give_nothing_on_flat_areas(name: str) -> None:
    assert KERNELS[name].make().sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["box", "gauss", "sharpen", "identity", "motion", "emboss"])
def test_the_others_keep_lightness(name: str) -> None:
    assert KERNELS[name].make().sum() == pytest.approx(1)


def test_a_ramp_to_the_right_is_what_sobel_x_sees() -> None:
    ramp = np.tile(np.arange(3.0), (3, 1))
    assert (KERNELS["sobel_x"].make() * ramp).sum() == 8  # lighter to the right: positive
    assert (KERNELS["sobel_y"].make() * ramp).sum() == 0
    assert (KERNELS["sobel_y"].make() * ramp.T).sum() == 8


def test_thin_passes_are_offered_where_they_exist() -> None:
    ones = {name for name, kernel in KERNELS.items() if rank(kernel.make()) == 1}
    assert ones >= {"sobel_x", "sobel_y", "box", "gauss", "identity"}
    assert "laplace" not in ones
    assert "motion" not in ones


def test_gaussian_is_symmetric_and_falls_as_its_sigma_says() -> None:
    bell = gaussian(9, 1.5)
    np.testing.assert_allclose(bell, bell.T)
    assert bell[4, 5] / bell[4, 4] == pytest.approx(np.exp(-1 / (2 * 1.5**2)))


def test_gabor_answers_to_its_own_direction_and_wavelength() -> None:
    size, wave = 11, 5.0
    at = np.arange(size) - 5
    stripes = np.cos(2 * np.pi * at / wave)[None].repeat(size, axis=0)  # vary along x
    own = float((gabor(size, wavelength=wave, angle=0, sigma=2.2) * stripes).sum())
    across = float((gabor(size, wavelength=wave, angle=90, sigma=2.2) * stripes).sum())
    other = float((gabor(size, wavelength=2.5, angle=0, sigma=2.2) * stripes).sum())
    assert own > 5 * abs(across)
    assert own > 5 * abs(other)
    np.testing.assert_allclose(
        gabor(size, wavelength=wave, angle=90, sigma=2.2),
        gabor(size, wavelength=wave, angle=0, sigma=2.2).T, atol=1e-12,
    )  # fmt: skip
