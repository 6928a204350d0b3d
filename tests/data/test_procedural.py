"""The Shapes set: the same seed draws the same images, masks are where the objects are."""

from __future__ import annotations

import pytest
import torch

from data.catalogue import get_info
from data.procedural import CLASSES, PATTERNS, Drawn, draw_shapes, shortcut_box


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_shapes(600, 32, seed=11, shortcut=None)


def test_classes_are_those_of_the_catalogue() -> None:
    assert get_info("shapes").classes == CLASSES


def test_same_seed_same_images_and_the_global_state_is_untouched() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    threads = torch.get_num_threads()
    one = draw_shapes(130, 32, seed=3, shortcut=0.5)
    two = draw_shapes(130, 32, seed=3, shortcut=0.5)
    other = draw_shapes(130, 32, seed=4, shortcut=0.5)
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.masks, two.masks)
    assert not torch.equal(one.images, other.images)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_the_first_images_are_known() -> None:
    """Image references name these pictures: a change of the drawing must be deliberate."""
    few = draw_shapes(20, 32, seed=0, shortcut=None)
    assert [CLASSES[label] for label in few.labels[:4]] == ["cross", "ring", "star", "dots"]
    area = few.masks[:4].flatten(1).sum(1)
    # A pixel on the very edge may fall either way on another processor.
    assert area.tolist() == pytest.approx([241, 211, 104, 246], abs=3)


def test_every_class_is_drawn_equally_often(drawn: Drawn) -> None:
    assert drawn.labels.bincount().tolist() == [60] * 10
    assert drawn.images.dtype == torch.uint8
    assert drawn.masks.dtype == torch.bool
    assert drawn.masks.shape == (600, 1, 32, 32)


def test_objects_lie_inside_the_image_and_are_large_enough_to_see(drawn: Drawn) -> None:
    edge = drawn.masks.clone()
    edge[..., 1:-1, 1:-1] = False
    assert not edge.any()
    area = drawn.masks.flatten(1).sum(1)
    assert int(area.min()) >= 50
    assert int(area.max()) <= 0.65 * 32 * 32


def test_objects_stand_out_from_their_surroundings(drawn: Drawn) -> None:
    """Mean colour inside the mask against outside: plain objects differ clearly in every image."""
    images, masks = drawn.images.float() / 255, drawn.masks.float()
    plain = drawn.labels < len(CLASSES) - len(PATTERNS)
    inside = (images * masks).sum((2, 3)) / masks.sum((2, 3))
    outside = (images * (1 - masks)).sum((2, 3)) / (1 - masks).sum((2, 3))
    apart = torch.linalg.vector_norm(inside - outside, dim=1)
    assert float(apart[plain].min()) > 0.15
    assert float(apart[plain].median()) > 0.5


def test_patterned_objects_have_two_colours_and_plain_ones_one(drawn: Drawn) -> None:
    """Spread of lightness inside the mask: that is what a pattern is."""
    gray = drawn.images.float().mean(1, keepdim=True) / 255
    spread = torch.stack([g[m].std() for g, m in zip(gray, drawn.masks, strict=True)])
    patterned = drawn.labels >= len(CLASSES) - len(PATTERNS)
    assert float(spread[patterned].median()) > 2.5 * float(spread[~patterned].median())


def test_position_size_and_colour_vary_within_a_class(drawn: Drawn) -> None:
    places = torch.arange(32.0)
    for label in range(len(CLASSES)):
        masks = drawn.masks[drawn.labels == label].float()[:, 0]
        mass = masks.sum((1, 2))
        across, down = (masks.sum(1) * places).sum(1) / mass, (masks.sum(2) * places).sum(1) / mass
        assert min(float(across.std()), float(down.std())) > 1.5
        assert float(mass.max()) > 1.5 * float(mass.min())


def test_patch_is_a_plain_square_in_the_corner_outside_the_mask() -> None:
    drawn = draw_shapes(100, 64, seed=0, shortcut=1.0)
    rows, columns = shortcut_box(64)
    patch = drawn.images[..., rows, columns]
    assert patch.shape[2:] == (10, 10)
    assert torch.equal(patch, patch[..., :1, :1].expand_as(patch))
    assert not drawn.masks[..., rows, columns].any()


def test_an_independent_patch_is_uncorrelated_with_the_label() -> None:
    drawn = draw_shapes(2000, 32, seed=0, shortcut=0.0)
    colors = [tuple(color) for color in drawn.images[:, :, 0, 0].tolist()]
    known = sorted(set(colors))
    table = torch.zeros(10, 10)
    for color, label in zip(colors, drawn.labels.tolist(), strict=True):
        table[known.index(color), label] += 1
    expected = table.sum(1, keepdim=True) * table.sum(0, keepdim=True) / table.sum()
    chi_squared = float(((table - expected) ** 2 / expected).sum())
    assert chi_squared < 126  # the 99.9 % point at 81 degrees of freedom; the seed is fixed
