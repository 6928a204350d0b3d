"""Augmentation: each image has its own draw, and each draw does exactly what it says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from data.augment import (
    BatchColor,
    BatchCutout,
    BatchFlip,
    BatchMixup,
    BatchRotation,
    BatchShift,
    build_augmentation,
)

MEAN = (0.4, 0.5, 0.6)
OPTIONS: list[dict[str, Any]] = [
    {"flip": True},
    {"shift": 4},
    {"rotation": 30.0},
    {"color": 0.5},
    {"cutout": 8},
    {"mixup": 1.0},
]


@pytest.fixture
def images() -> Tensor:
    return torch.rand(16, 3, 12, 10, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> Tensor:
    return torch.arange(16) % 10


def test_nothing_asked_nothing_done(images: Tensor, labels: Tensor) -> None:
    out, targets = build_augmentation(mean=MEAN, num_classes=10)(images, labels)
    assert out is images
    assert targets is labels


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_has_its_own_draw(options: dict[str, Any], channels: int) -> None:
    one = torch.rand(1, channels, 16, 16, generator=torch.Generator().manual_seed(1))
    batch = one.repeat(32, 1, 1, 1)
    if "mixup" in options:  # blending equal images changes nothing, so scale them apart
        batch = batch * torch.linspace(0.2, 1, 32).view(-1, 1, 1, 1)
    torch.manual_seed(0)
    augment = build_augmentation(mean=MEAN[:channels], num_classes=10, **options)
    out, _ = augment(batch, torch.zeros(32, dtype=torch.int64))
    assert out.shape == batch.shape
    assert out.dtype == torch.float32
    assert len({tuple(row) for row in out.flatten(1).tolist()}) >= 2
    assert float(out.min()) >= -1e-6
    assert float(out.max()) <= 1 + 1e-6


@pytest.mark.parametrize("options", OPTIONS)
def test_draws_follow_the_global_seed(
    options: dict[str, Any], images: Tensor, labels: Tensor
) -> None:
    augment = build_augmentation(mean=MEAN, num_classes=10, **options)

    def run(seed: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(seed)
        return augment(images.clone(), labels)

    one, two, other = run(3), run(3), run(4)
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("options", OPTIONS)
def test_the_given_batch_is_not_changed(
    options: dict[str, Any], images: Tensor, labels: Tensor
) -> None:
    before = images.clone()
    build_augmentation(mean=MEAN, num_classes=10, **options)(images, labels)
    assert torch.equal(images, before)


def test_flip_mirrors_the_chosen_and_twice_is_the_image(images: Tensor) -> None:
    flip = BatchFlip()
    params = {"flipped": torch.arange(16) % 2 == 0}
    once = flip.transform(images, params)
    assert torch.equal(once[0], images[0].flip(-1))
    assert torch.equal(once[1], images[1])
    assert torch.equal(flip.transform(once, params), images)


def test_about_half_are_flipped() -> None:
    torch.manual_seed(0)
    flipped = BatchFlip().make_params([torch.empty(4000, 1, 1, 1)])["flipped"]
    assert 0.46 < float(flipped.float().mean()) < 0.54


@pytest.mark.parametrize("channels", [1, 3])
def test_shift_moves_the_content_by_the_offset(channels: int) -> None:
    images = torch.rand(9, channels, 8, 8)
    shift = BatchShift(3)
    offset = torch.tensor([[down, right] for down in (-3, 0, 2) for right in (-2, 0, 3)])
    out = shift.transform(images, {"offset": offset})
    for image, moved, (down, right) in zip(images, out, offset.tolist(), strict=True):
        rows, columns = (
            slice(max(down, 0), 8 + min(down, 0)),
            slice(max(right, 0), 8 + min(right, 0)),
        )
        back = slice(max(-down, 0), 8 - max(down, 0)), slice(max(-right, 0), 8 - max(right, 0))
        assert torch.equal(moved[:, rows, columns], image[(slice(None), *back)])


def test_shift_brings_in_black_in_grey_images_and_a_reflection_in_coloured_ones() -> None:
    offset = {"offset": torch.tensor([[2, 0]])}
    gray = BatchShift(2).transform(torch.ones(1, 1, 6, 6), offset)
    assert gray[0, 0, :, 0].tolist() == [0, 0, 1, 1, 1, 1]
    colored = torch.arange(6.0).view(1, 1, 6, 1).expand(1, 3, 6, 6)
    assert BatchShift(2).transform(colored, offset)[0, 0, :, 0].tolist() == [2, 1, 0, 1, 2, 3]


def test_shift_may_be_larger_than_the_image() -> None:
    out = BatchShift(16)(torch.rand(4, 3, 8, 8))
    assert out.shape == (4, 3, 8, 8)


def test_offsets_reach_every_place_evenly() -> None:
    torch.manual_seed(0)
    offset = BatchShift(2).make_params([torch.empty(5000, 1, 1, 1)])["offset"]
    counts = (offset + 2)[:, 0].bincount() + (offset + 2)[:, 1].bincount()
    assert len(counts) == 5
    assert 1800 < int(counts.min()) <= int(counts.max()) < 2200


def test_rotation_by_nothing_and_by_right_angles(images: Tensor) -> None:
    square = torch.rand(4, 3, 9, 9)
    turn = BatchRotation(180)
    angles = torch.tensor([0.0, math.pi / 2, math.pi, -math.pi / 2])
    out = turn.transform(square, {"angle": angles})
    for quarter, (image, turned) in enumerate(zip(square, out, strict=True)):
        expected = torch.rot90(image, quarter, (1, 2))
        torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)
    none = turn.transform(images, {"angle": torch.zeros(16)})
    torch.testing.assert_close(none, images, atol=1e-5, rtol=0)


def test_rotation_keeps_angles_in_images_that_are_not_square() -> None:
    """A dot one column right of the middle comes to lie one row above it after a quarter turn."""
    image = torch.zeros(1, 1, 5, 11)
    image[0, 0, 2, 6] = 1
    out = BatchRotation(90).transform(image, {"angle": torch.tensor([math.pi / 2])})
    assert float(out[0, 0, 1, 5]) == pytest.approx(1, abs=1e-5)


def test_rotation_stays_within_its_range() -> None:
    angle = BatchRotation(15).make_params([torch.empty(1000, 1, 1, 1)])["angle"]
    assert math.radians(13) < float(angle.abs().max()) <= math.radians(15)
    assert float(angle.min()) < 0 < float(angle.max())


def test_color_agrees_with_torchvision_one_factor_at_a_time(images: Tensor) -> None:
    color = BatchColor(0.5)
    ones = torch.ones(16, 1, 1, 1)
    factors = torch.linspace(0.5, 1.5, 16).view(-1, 1, 1, 1)
    functions = {
        "brightness": v2.functional.adjust_brightness,
        "contrast": v2.functional.adjust_contrast,
        "saturation": v2.functional.adjust_saturation,
    }
    for name, function in functions.items():
        params = dict.fromkeys(functions, ones) | {name: factors}
        out = color.transform(images, params)
        for image, changed, factor in zip(images, out, factors.flatten().tolist(), strict=True):
            torch.testing.assert_close(changed, function(image, factor), atol=2e-3, rtol=0)


def test_grey_images_have_no_saturation() -> None:
    gray = torch.rand(2, 1, 4, 4)
    ones = torch.ones(2, 1, 1, 1)
    params = {"brightness": ones, "contrast": ones, "saturation": torch.zeros(2, 1, 1, 1)}
    torch.testing.assert_close(BatchColor(1).transform(gray, params), gray)


def test_cutout_sets_the_square_to_the_mean(images: Tensor) -> None:
    params = {"top": torch.tensor([2, -3] * 8), "left": torch.tensor([1, 8] * 8)}
    out = BatchCutout(4, MEAN).transform(images, params)
    hole = torch.zeros(2, 12, 10, dtype=torch.bool)
    hole[0, 2:6, 1:5] = True
    hole[1, :1, 8:] = True  # most of it lies outside
    for index in range(16):
        inside = hole[index % 2]
        assert torch.equal(out[index][:, ~inside], images[index][:, ~inside])
        for channel, value in enumerate(MEAN):
            assert out[index, channel][inside].tolist() == pytest.approx(
                [value] * int(inside.sum())
            )


def test_mixup_blends_images_and_labels_alike(images: Tensor) -> None:
    labels = torch.arange(16)
    torch.manual_seed(2)
    out, targets = BatchMixup(1.0, 16)(images, labels)
    assert targets.shape == (16, 16)
    assert targets.sum(1).tolist() == pytest.approx([1] * 16)
    # Each target says by which shares of which images its image was made.
    blended = torch.einsum("nk,kchw->nchw", targets, images)
    torch.testing.assert_close(out, blended)


def test_mixup_shares_follow_the_beta_distribution() -> None:
    torch.manual_seed(0)
    share = BatchMixup(0.4, 2).make_params([torch.empty(20_000, 1)])["share"]
    # Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)).
    assert float(share.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(share.var()) == pytest.approx(1 / (4 * 1.8), abs=0.005)


def test_everything_at_once_is_a_batch_to_train_on(images: Tensor, labels: Tensor) -> None:
    options = {key: value for option in OPTIONS for key, value in option.items()}
    out, targets = build_augmentation(mean=MEAN, num_classes=10, **options)(images, labels)
    assert out.shape == images.shape
    assert torch.isfinite(out).all()
    logits = torch.zeros(16, 10, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets), logits)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(16), atol=1e-6, rtol=0)
