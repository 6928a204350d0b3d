"""Pictures as numbers: round trips, spectra, colours, and clipping that can be left again."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from viz.lenses.visualize.canvas import Canvas, Fourier, Pixels, spectrum_weights, wave_frequencies
from viz.lenses.visualize.colors import Colors, compute_colors, square_root

BASES: list[Any] = ["fourier", "pixels"]
VALID: list[Any] = ["sigmoid", "clip"]


def colors(channels: int = 3) -> Colors:
    generator = torch.Generator().manual_seed(1)
    mixing = torch.randn(channels, channels, generator=generator)
    return Colors(torch.linspace(0.3, 0.6, channels), square_root(mixing @ mixing.T), "test")


@pytest.mark.parametrize("valid", VALID)
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (1, 3, 32, 32), (1, 3, 9, 14), (1, 3, 7, 5)])
def test_a_picture_survives_the_way_into_numbers_and_back(
    shape: tuple[int, int, int, int], basis: Any, valid: Any
) -> None:
    picture = 0.05 + 0.9 * torch.rand(shape, generator=torch.Generator().manual_seed(3))
    canvas = Canvas(shape, colors(shape[1]), basis=basis, valid=valid)
    canvas.fill(picture)
    torch.testing.assert_close(canvas.image().detach(), picture, atol=2e-4, rtol=0)


@pytest.mark.parametrize("shape", [(16, 16), (15, 12), (1, 8)])
def test_waves_have_a_mean_square_of_one_and_fall_with_frequency(shape: tuple[int, int]) -> None:
    full = torch.fft.irfft2(  # the whole plane, twins included
        torch.fft.rfft2(torch.randn(shape, generator=torch.Generator().manual_seed(0)), norm="ortho")
        * spectrum_weights(*shape, decay=0.0), s=shape, norm="ortho",
    )  # fmt: skip
    white = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(full, white, atol=1e-5, rtol=1e-5)  # decay 0 changes nothing
    weights, frequencies = spectrum_weights(*shape, decay=1.0), wave_frequencies(*shape)
    ratio = (weights * frequencies)[frequencies > 1 / max(shape)]
    assert len(ratio) == 0 or float(ratio.max() / ratio.min()) == pytest.approx(1, rel=1e-4)


def test_noise_of_a_fourier_basis_has_a_falling_spectrum_and_its_deviation() -> None:
    size = 64
    latent = Fourier((40, 1, size, size), 1.0)
    with torch.no_grad():
        latent.numbers.normal_(0, 2**-0.5, generator=torch.Generator().manual_seed(2))
    picture = latent.picture(latent.numbers).detach()
    assert float(picture.std()) == pytest.approx(1, rel=0.1)
    power = torch.fft.rfft2(picture, norm="ortho").abs().square().mean((0, 1))
    frequencies = wave_frequencies(size, size)
    low, high = ((frequencies > a) & (frequencies < b) for a, b in ((0.05, 0.07), (0.2, 0.28)))
    # Amplitude 1/f is power 1/f²: four times the frequency, a sixteenth of the power.
    assert float(power[low].mean() / power[high].mean()) == pytest.approx(16, rel=0.35)


def test_pixels_move_one_by_one() -> None:
    latent = Pixels((1, 1, 4, 4))
    (gradient,) = torch.autograd.grad(latent.picture(latent.numbers)[0, 0, 1, 2], latent.numbers)
    assert gradient.nonzero().tolist() == [[0, 0, 1, 2]]


def test_the_root_reproduces_the_covariance() -> None:
    generator = torch.Generator().manual_seed(4)
    base = torch.rand(50, 1, 8, 8, generator=generator)
    images = torch.cat([base, 0.8 * base, 1 - base], 1) * 0.8 + 0.1 * torch.rand(
        50, 3, 8, 8, generator=generator
    )
    stored = images.mul(255).round().to(torch.uint8)
    found = compute_colors(stored, "test")
    pixels = (stored.double() / 255).movedim(1, 0).flatten(1)
    torch.testing.assert_close(
        found.root.double() @ found.root.double(),
        torch.cov(pixels, correction=0),
        atol=1e-5,
        rtol=1e-3,
    )
    torch.testing.assert_close(found.mean.double(), pixels.mean(1), atol=1e-6, rtol=0)


def test_noise_has_the_colours_of_the_data() -> None:
    palette = colors()
    canvas = Canvas((1, 3, 128, 128), palette, valid="clip", basis="pixels")
    canvas.start(torch.Generator().manual_seed(0), noise=0.01)
    pixels = canvas.image().detach()[0].flatten(1).double()
    wanted = palette.root.double() @ palette.root.double()
    found = torch.cov(pixels)
    torch.testing.assert_close(found / found.trace(), wanted / wanted.trace(), atol=0.02, rtol=0.05)


def test_one_colour_for_all_is_the_identity() -> None:
    flat = torch.full((3, 3, 4, 4), 90, dtype=torch.uint8)
    assert torch.equal(compute_colors(flat, "").root, torch.eye(3))


@pytest.mark.parametrize("valid", VALID)
@pytest.mark.parametrize("basis", BASES)
def test_it_begins_near_the_mean_colour(basis: Any, valid: Any) -> None:
    palette = colors()
    canvas = Canvas((1, 3, 32, 32), palette, basis=basis, valid=valid)
    canvas.start(torch.Generator().manual_seed(0))
    image = canvas.image().detach()
    torch.testing.assert_close(image.mean((0, 2, 3)), palette.mean, atol=0.03, rtol=0)
    assert 0.001 < float(image.std((0, 2, 3)).max()) < 0.1


def test_clipping_lets_pixels_come_back() -> None:
    canvas = Canvas((1, 1, 2, 2), colors(1), basis="pixels", decorrelate=False, valid="clip")
    with torch.no_grad():
        canvas.numbers.fill_(100.0)
    image = canvas.image()
    assert bool((image == 1).all())
    (down,) = torch.autograd.grad(image.sum(), canvas.numbers)  # a descent would make it darker
    (up,) = torch.autograd.grad(-canvas.image().sum(), canvas.numbers)
    assert bool((down > 0).all())
    assert bool((up == 0).all())


@pytest.mark.parametrize("basis", BASES)
def test_a_blur_keeps_the_mean_and_takes_fine_waves(basis: Any) -> None:
    canvas = Canvas((1, 1, 16, 16), colors(1), basis=basis)
    canvas.start(torch.Generator().manual_seed(0), noise=1.0)
    before = canvas.latent.picture(canvas.numbers).detach().clone()
    canvas.blur(1.0)
    after = canvas.latent.picture(canvas.numbers).detach()
    assert float(after.mean()) == pytest.approx(float(before.mean()), abs=1e-5)
    checker = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8)
    left = float((after * checker).sum().abs() / (before * checker).sum().abs())
    # exp(-2 (π σ f)²) at f = √½ cycles a pixel.
    assert left == pytest.approx(torch.exp(torch.tensor(-(torch.pi**2))).item(), rel=0.05, abs=1e-5)
