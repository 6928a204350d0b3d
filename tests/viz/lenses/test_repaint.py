"""Painting out: fillings by hand, the answer of the changed image, each patch alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from data.catalogue import get_info
from data.images import normalize
from data.load import Dataset
from tests.viz.lenses.saliency.hand import linear, problem_of
from viz.lenses.context import LensContext
from viz.lenses.filling import blur, gaussian_blur, paint_out
from viz.lenses.registry import LensError
from viz.lenses.repaint import cell_map, patch_effects, repaint
from viz.lenses.saliency.baselines import baselines
from viz.lenses.trust.curves import make_fillings
from viz.lenses.trust.imputation import impute

INFO = get_info("digits")
FILLS = ("mean", "blur", "neighbours")


def last(results: Any) -> Any:
    *_, found = results
    return found


def hole(*places: tuple[int, int], size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    found = torch.zeros(1, 1, *size, dtype=torch.bool)
    for y, x in places:
        found[0, 0, y, x] = True
    return found


@pytest.mark.parametrize("fill", FILLS)
def test_everything_outside_a_hole_stays_bit_for_bit(fill: Any) -> None:
    pixels = torch.rand(1, 1, 8, 8)
    holes = hole((1, 1), (1, 2), (7, 7))
    found = paint_out(pixels, holes, fill, INFO)
    assert torch.equal(found[~holes], pixels[~holes])
    assert not torch.equal(found[holes], pixels[holes])
    assert torch.equal(paint_out(pixels, hole(), fill, INFO), pixels)


def test_the_mean_is_the_networks_zero() -> None:
    found = paint_out(
        torch.rand(1, 1, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.bool), "mean", INFO
    )
    assert np.unique(found) == pytest.approx([INFO.mean[0]])


def test_a_blur_keeps_constants_and_spreads_a_point() -> None:
    everywhere = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    flat = paint_out(torch.full((1, 1, 8, 8), 0.3), everywhere, "blur", INFO)
    torch.testing.assert_close(flat, torch.full((1, 1, 8, 8), 0.3))
    point = torch.zeros(1, 1, 8, 8)
    point[0, 0, 4, 4] = 1
    spread = paint_out(point, everywhere, "blur", INFO)[0, 0]
    assert float(spread.max()) == float(spread[4, 4]) < 0.3


def test_a_blur_spreads_one_pixel_into_a_gaussian() -> None:
    point = torch.zeros(1, 1, 21, 21)
    point[0, 0, 10, 10] = 1
    found = gaussian_blur(point, 2.0)[0, 0]
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-5)
    offsets = torch.arange(21) - 10.0
    assert float((found.sum(0) * offsets**2).sum()) == pytest.approx(4.0, rel=0.03)
    assert torch.allclose(found, found.T)
    assert torch.allclose(gaussian_blur(torch.full((1, 2, 5, 4), 3.0), 4.0), torch.tensor(3.0))


def test_blurred_means_the_same_wherever_pixels_are_taken_out() -> None:
    """A tenth of the longer side, in pixels both ways; as filling, baseline and replacement."""
    point = torch.zeros(1, 1, 20, 40)
    point[0, 0, 10, 20] = 1
    soft = blur(point)
    assert torch.equal(soft, gaussian_blur(point, 4.0))
    assert torch.allclose(soft[0, 0, 5:15, 20], soft[0, 0, 10, 15:25], atol=1e-5)  # round
    everywhere = torch.ones(1, 1, 20, 40, dtype=torch.bool)
    assert torch.equal(paint_out(point, everywhere, "blur", INFO), soft)
    problem = problem_of(linear(torch.zeros(1, 20, 40)), point, baseline="blur")
    assert torch.equal(baselines(problem), soft)
    chosen: Any = SimpleNamespace(subject=SimpleNamespace(info=INFO), batch=point)
    replaced, start = make_fillings(chosen, "blur")
    assert torch.equal(replaced, soft)
    assert torch.equal(start, soft)


def test_a_ramp_is_carried_on_through_a_hole() -> None:
    """A plane is harmonic: each pixel is the mean of its neighbours already."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    ramp = (0.02 * y + 0.03 * x)[None, None]
    holes = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    holes[..., 5:10, 6:11] = True
    broken = torch.where(holes, 9.0, ramp)
    found = paint_out(broken, holes, "neighbours", INFO)
    assert float((found - ramp).abs().max()) < 0.02


def test_holes_are_filled_as_for_the_measure_of_trust() -> None:
    """One way of filling; only the part around the holes is computed, also at the border."""
    pixels = torch.rand(2, 1, 12, 16, generator=torch.Generator().manual_seed(0))
    holes = torch.zeros(2, 1, 12, 16, dtype=torch.bool)
    holes[0, 0, 0:5, 10:16] = holes[0, 0, 8, 2] = holes[1, 0, 3:9, 4:9] = True
    found = paint_out(pixels, holes, "neighbours", INFO)
    # Both stop as near to the exact solution as 0.007, at different pixels of it.
    assert torch.allclose(found, impute(pixels, ~holes[:, 0]), atol=7e-3)


def test_nothing_left_gives_the_mean_colour() -> None:
    everywhere = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    found = paint_out(torch.rand(1, 1, 8, 8), everywhere, "neighbours", INFO)
    assert np.unique(found) == pytest.approx([INFO.mean[0]], abs=1e-6)


@pytest.mark.parametrize(("size", "grid"), [((16, 16), (8, 8)), ((10, 7), (4, 3))])
def test_cells_cover_the_image_evenly_in_reading_order(
    size: tuple[int, int], grid: tuple[int, int]
) -> None:
    cells = cell_map(size, grid)
    assert np.unique(cells).tolist() == list(range(grid[0] * grid[1]))
    assert (cells.diff(dim=1) >= 0).all()
    rows = torch.bincount(cells[:, 0] // grid[1])
    assert int(rows.max() - rows.min()) <= 1


@pytest.mark.parametrize("fill", FILLS)
def test_the_answer_is_that_of_the_painted_image(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset, fill: str
) -> None:
    found = repaint(context, model, "digits/val/4", patches=8, cells=[0, 9, 63], fill=fill)
    assert found.cells == (0, 9, 63)
    changed = (found.painted != found.image).any(axis=2)
    assert not changed[cell_map((16, 16), (8, 8)).numpy() == 5].any()
    if fill == "mean":  # by hand: two by two pixels each, normalised to 0
        batch = normalize(digits.val.images[4:5], digits.info)
        batch[0, 0, 0:2, 0:2] = batch[0, 0, 2:4, 2:4] = batch[0, 0, 14:, 14:] = 0
        with torch.no_grad():
            expected = torch.softmax(net(batch), 1)[0].numpy()
        np.testing.assert_allclose(found.after, expected, atol=1e-5)


def test_nothing_painted_changes_nothing(context: LensContext, model: str) -> None:
    found = repaint(context, model, "digits/val/4")
    assert np.array_equal(found.image, found.painted)
    np.testing.assert_allclose(found.before, found.after, atol=1e-6)


@pytest.mark.parametrize("fill", FILLS)
def test_each_patch_alone_is_what_painting_it_gives(
    context: LensContext, model: str, fill: str
) -> None:
    found = last(patch_effects(context, model, "digits/val/4", patches=4, fill=fill))
    assert found.share == 1
    for cell in (0, 6, 15):
        one = repaint(context, model, "digits/val/4", patches=4, cells=[cell], fill=fill)
        drop = one.before[found.target] - one.after[found.target]
        assert found.drop.ravel()[cell] == pytest.approx(drop, abs=1e-5)
        assert found.answers.ravel()[cell] == one.after.argmax()


def test_the_effects_fill_in_reading_order(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viz.lenses.repaint._BATCH", 5)
    seen = list(patch_effects(context, model, "digits/val/4", patches=4, target=3))
    assert [int(np.isfinite(each.drop).sum()) for each in seen] == [5, 10, 15, 16]
    assert seen[0].answers.ravel()[5:].tolist() == [-1] * 11
    assert all(each.target == 3 for each in seen)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patches": 17}, "patches is 17"),
        ({"patches": 0}, "patches is 0"),
        ({"patches": 4, "cells": [16]}, "no patch 16"),
        ({"cells": [-1]}, "no patch -1"),
        ({"fill": "noise"}, "no filling"),
    ],
)
def test_wrong_input_is_a_sentence(
    context: LensContext, model: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        repaint(context, model, "digits/val/0", **options)


def test_a_class_out_of_range_is_a_sentence(context: LensContext, model: str) -> None:
    with pytest.raises(LensError, match="no class 12"):
        last(patch_effects(context, model, "digits/val/0", target=12))
