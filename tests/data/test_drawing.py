"""Drawings laid out as a set's own pictures: place, size, polarity and stroke width do not matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn.functional import interpolate

from data.catalogue import DatasetInfo, Framing, get_info
from data.drawing import lay_out
from data.images import fit_image, to_tensor
from data.load import load_dataset

MNIST, DIGITS, FASHION = get_info("mnist"), get_info("digits"), get_info("fashion_mnist")


def _seven(
    side: int = 140, place: tuple[int, int] = (30, 40), scale: int = 1, stroke: int = 8
) -> Tensor:
    """A seven of 40 × 60 pixels in light strokes on black, uint8 (3, side, side)."""
    picture = Image.new("RGB", (side, side))
    left, top = place
    corners = [(left, top), (left + 40 * scale, top), (left + 14 * scale, top + 60 * scale)]
    ImageDraw.Draw(picture).line(corners, fill=(255, 255, 255), width=stroke, joint="curve")
    return to_tensor(picture)


def _box(picture: Tensor) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is bright, in pixels."""
    bright = picture[0] > 40
    rows, columns = bright.any(1).nonzero(), bright.any(0).nonzero()
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def _middle_of_mass(picture: Tensor) -> tuple[float, float]:
    values = picture[0].float()
    places = torch.arange(len(values)) + 0.5
    return (
        float((values.sum(1) * places).sum() / values.sum()),
        float((values.sum(0) * places).sum() / values.sum()),
    )


def _difference(one: Tensor, two: Tensor) -> float:
    """Mean difference of pixels in [0, 1], where one may lie a pixel beside the other: places are
    whole pixels, and a middle that falls between two may go to either."""
    moved = (two.roll((down, across), (1, 2)) for down in (-1, 0, 1) for across in (-1, 0, 1))
    return min(float((one.float() - other.float()).abs().mean()) / 255 for other in moved)


@pytest.mark.parametrize("info", [MNIST, DIGITS, FASHION])
def test_place_and_size_do_not_matter(info: DatasetInfo) -> None:
    here = fit_image(_seven(place=(10, 20)), info).picture
    there = fit_image(_seven(place=(80, 60)), info).picture
    assert _difference(here, there) < 0.01
    larger = fit_image(_seven(side=280, place=(60, 90), scale=2, stroke=16), info).picture
    assert _difference(here, larger) < 0.04


@pytest.mark.parametrize("info", [MNIST, DIGITS, FASHION])
def test_dark_on_light_is_inverted_and_said(info: DatasetInfo) -> None:
    light, dark = fit_image(_seven(), info), fit_image(255 - _seven(), info)
    assert light.note == ""
    assert dark.note == "The picture was inverted: this set shows light strokes on black."
    assert _difference(light.picture, dark.picture) < 0.01


def test_mnist_fills_a_box_of_20_pixels_around_the_centre_of_mass() -> None:
    picture = fit_image(_seven(), MNIST).picture
    top, bottom, *_ = _box(picture)
    assert bottom - top + 1 in (20, 21)
    down, across = _middle_of_mass(picture)
    assert 13.9 < down < 15.1  # as in every image of MNIST
    assert 13.9 < across < 15.1


def test_digits_fill_the_whole_height_and_three_quarters_of_the_width() -> None:
    picture = fit_image(_seven(), DIGITS).picture
    top, bottom, left, right = _box(picture)
    assert (top, bottom) == (0, 15)
    assert 10 <= right - left + 1 <= 14
    assert abs((left + right) / 2 - 7.5) <= 1


@pytest.mark.parametrize("stroke", [2, 4, 8, 14, 20])
def test_thin_and_thick_pens_give_strokes_like_the_sets(stroke: int) -> None:
    """Ink per picture: the digits set fixes it, MNIST's strokes are 1.5 to 3 pixels wide."""
    digit = fit_image(_seven(stroke=stroke), DIGITS).picture
    assert float(digit.float().mean()) / 255 == pytest.approx(0.305, abs=0.05)
    mnist = fit_image(_seven(stroke=stroke), MNIST).picture
    length = 20 / 60 * (40 + 65)  # of the strokes, once scaled to the box
    width = float(mnist.float().sum()) / 255 / length
    assert 1.0 < width < 3.3  # edges that are softened count for less


def test_a_slanted_stroke_stands_upright_in_digits() -> None:
    def stroke(lean: int) -> Tensor:
        picture = Image.new("RGB", (100, 100))
        ImageDraw.Draw(picture).line([(50 - lean, 10), (50 + lean, 90)], fill="white", width=8)
        return fit_image(to_tensor(picture), DIGITS).picture

    assert _difference(stroke(0), stroke(20)) < 0.03


def test_uneven_light_and_noise_of_a_photo_are_not_strokes() -> None:
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0.6, 0.9, 140)
    paper = ramp[None, :] * (1 - 0.8 * _seven()[0].float() / 255)
    photo = paper + 0.02 * torch.randn(140, 140, generator=generator)
    photo = (photo.clamp(0, 1) * 255).to(torch.uint8).expand(3, -1, -1)
    fitted = fit_image(photo, MNIST)
    assert fitted.note.startswith("The picture was inverted")
    assert _difference(fitted.picture, fit_image(_seven(), MNIST).picture) < 0.05


@pytest.mark.parametrize("info", [MNIST, DIGITS, FASHION])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_an_empty_page_is_said(info: DatasetInfo, level: int) -> None:
    fitted = fit_image(torch.full((3, 50, 80), level, dtype=torch.uint8), info)
    assert fitted.note == "Nothing in the picture stands out from its background."
    assert int(fitted.picture.max()) == 0
    assert torch.isfinite(fitted.batch).all()


@pytest.mark.parametrize("info", [MNIST, DIGITS, FASHION])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 500), (28, 28)])
def test_odd_pictures_are_laid_out_all_the_same(info: DatasetInfo, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator)
    fitted = fit_image(image, info)
    assert fitted.picture.shape == info.shape
    assert torch.isfinite(fitted.batch).all()


def test_a_single_dot_is_laid_out() -> None:
    dot = torch.zeros(1, 28, 28, dtype=torch.uint8)
    dot[0, 5, 5] = 255
    for info in (MNIST, DIGITS, FASHION):
        picture = fit_image(dot, info).picture
        assert int(picture.max()) > 100


def test_a_picture_in_the_frame_already_stays_as_it_is() -> None:
    """MNIST's own layout: 20 pixels high, centred by mass, strokes of two pixels."""
    ring = torch.zeros(1, 28, 28, dtype=torch.uint8)
    ring[0, 4:24, 8:20] = 255
    ring[0, 6:22, 10:18] = 0
    assert torch.equal(fit_image(ring, MNIST).picture, ring)


def test_framing_without_strokes_keeps_grey_levels() -> None:
    image = torch.zeros(30, 30)
    image[10:20, 10:20] = torch.linspace(0.3, 1, 10)
    framing = Framing(10, 10, keep_aspect=True, centre="box")
    picture, _ = lay_out(image, framing, (12, 12))
    torch.testing.assert_close(picture[1:11, 1:11], image[10:20, 10:20])
    assert float(picture.sum()) == pytest.approx(float(image.sum()))


def test_the_digits_own_pictures_keep_their_class() -> None:
    """Not pixel for pixel, for the set's bitmaps are gone; but their nearest neighbour stays right."""
    digits = load_dataset("digits")
    fitted = torch.stack([fit_image(image, DIGITS).picture for image in digits.test.images[:100]])
    apart = torch.cdist(fitted.flatten(1).float(), digits.train.images.flatten(1).float())
    nearest = digits.train.labels[apart.argmin(1)]
    assert float((nearest == digits.test.labels[:100]).float().mean()) >= 0.9


@pytest.mark.data
def test_mnists_own_pictures_stay_almost_as_they_are(real_data: Callable[[str], Path]) -> None:
    real_data("MNIST/raw")
    images = load_dataset("mnist").test.images[:100]
    fitted = torch.stack([fit_image(image, MNIST).picture for image in images])
    apart = (fitted.float() - images.float()).abs().mean((1, 2, 3)) / 255
    assert float(apart.median()) < 0.01


@pytest.mark.data
def test_digits_of_other_writers_drawn_on_a_pad_are_recognised(
    real_data: Callable[[str], Path],
) -> None:
    """MNIST's digits, laid out as those of the small set, by their nearest neighbour in it."""
    digits = load_dataset("digits")
    real_data("MNIST/raw")
    drawn = load_dataset("mnist").test
    fitted = torch.stack([fit_image(image, DIGITS).picture for image in drawn.images[:200]])
    scaled = interpolate(drawn.images[:200].float(), size=(16, 16), mode="area")
    train = digits.train.images.flatten(1).float()

    def accuracy(pictures: Tensor) -> float:
        nearest = torch.cdist(pictures.flatten(1).float(), train).argmin(1)
        return float((digits.train.labels[nearest] == drawn.labels[:200]).float().mean())

    assert accuracy(fitted) > 0.65
    assert accuracy(fitted) > accuracy(scaled) + 0.25  # what plain scaling would give
