"""Moves keep sizes, are exact where they can be, and hand gradients back."""

from __future__ import annotations

import pytest
import torch

from viz.lenses.visualize.transforms import Moves, move, moves


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 3, 32, 32), (2, 3, 9, 21)])
@pytest.mark.parametrize("how", [Moves(2), Moves(0, 0.2), Moves(0, 0, 20.0), Moves(3, 0.1, 10.0)])
def test_size_and_gradients(shape: tuple[int, ...], how: Moves) -> None:
    images = torch.rand(shape, generator=generator()).requires_grad_(True)
    moved = how(images, generator())
    assert moved.shape == images.shape
    assert not torch.equal(moved, images)
    (gradient,) = torch.autograd.grad(moved.sum(), images)
    assert bool(torch.isfinite(gradient).all())
    # Whatever is shown came from the picture: the weights of all pixels sum up to the pixels shown.
    assert float(gradient.sum()) == pytest.approx(moved.numel(), rel=1e-4)


def test_nothing_moves_without_moves() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert Moves()(images, generator()) is images


def test_a_shift_is_exact() -> None:
    images = torch.arange(30.0).reshape(1, 1, 5, 6)
    how = moves(torch.tensor([[1.0], [-2.0]]), torch.ones(1), torch.zeros(1), (5, 6))
    moved = move(images, how)
    torch.testing.assert_close(moved[..., 1:, :4], images[..., :4, 2:], atol=1e-4, rtol=0)
    # Mirrored at the edge.
    torch.testing.assert_close(moved[..., 0, :4], images[..., 0, 2:], atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(6, 6), (4, 8)])
def test_half_a_turn_is_exact(shape: tuple[int, int]) -> None:
    images = torch.rand(1, 2, *shape, generator=generator())
    how = moves(torch.zeros(2, 1), torch.ones(1), torch.full((1,), 180.0), shape)
    torch.testing.assert_close(move(images, how), images.flip((2, 3)), atol=1e-4, rtol=0)


def test_a_quarter_turn_is_anticlockwise() -> None:
    images = torch.rand(1, 1, 6, 6, generator=generator())
    how = moves(torch.zeros(2, 1), torch.ones(1), torch.full((1,), 90.0), (6, 6))
    torch.testing.assert_close(move(images, how), images.rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_enlarging_spreads_the_middle() -> None:
    ramp = torch.linspace(-3.5, 3.5, 8).expand(1, 1, 8, 8)
    how = moves(torch.zeros(2, 1), torch.full((1,), 2.0), torch.zeros(1), (8, 8))
    torch.testing.assert_close(move(ramp, how), ramp / 2, atol=1e-4, rtol=0)


def test_each_picture_is_moved_in_its_own_way() -> None:
    images = torch.rand(1, 1, 8, 8, generator=generator()).expand(6, -1, -1, -1)
    moved = Moves(2)(images, generator())
    assert len({tuple(each.flatten().tolist()) for each in moved}) > 1


def test_shifts_stay_in_their_range_and_reach_its_ends() -> None:
    found = Moves(2).draw(400, (10, 10), generator())
    pixels = (-found[:, :, 2] * 5).round().int()
    assert pixels.min() == -2
    assert pixels.max() == 2
