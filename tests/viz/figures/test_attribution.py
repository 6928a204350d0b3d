"""Attribution maps as pictures: scales, clipping, overlays and masks by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from viz.figures.attribution import (
    Extent,
    bar_ends,
    color_map,
    compose_sheet,
    enlarge,
    find_extent,
    gradient,
    keep_top,
    overlay,
    quiet,
    stretch,
    sum_channels,
)
from viz.figures.theme import MISSING, SCALES


def rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


PALE, BLUE, ORANGE = (rgb(SCALES["diverging"][at]) for at in (5, 0, -1))
DARK, LIGHT = (rgb(SCALES["sequential"][at]) for at in (0, -1))


def test_channels_add_up() -> None:
    values = np.array([[[1.0, -2.0]], [[0.5, 2.0]], [[0.25, 1.0]]], np.float32)
    assert sum_channels(values).tolist() == [[1.75, 1.0]]
    assert sum_channels(values[:1]).tolist() == [[1.0, -2.0]]


def test_a_signed_scale_is_centred_at_0() -> None:
    values = np.array([[-4.0, 0.0, 1.0, 2.0]], np.float32)
    extent = find_extent(values, percentile=100, signed=True)
    assert (extent.limit, extent.largest, extent.clipped, extent.count) == (4.0, 4.0, 0, 4)
    assert extent.scale == "diverging"
    colors = color_map(values, extent)[0]
    assert tuple(colors[0]) == BLUE
    assert tuple(colors[1]) == PALE
    assert tuple(color_map(-values, extent)[0, 0]) == ORANGE
    assert bar_ends(extent) == ("−4", "4")


def test_a_map_without_sign_starts_at_0() -> None:
    values = np.array([[0.0, 1.0], [2.0, 8.0]], np.float32)
    extent = find_extent(values, percentile=100, signed=False)
    assert extent.scale == "sequential"
    assert tuple(color_map(values, extent)[0, 0]) == DARK
    assert tuple(color_map(values, extent)[1, 1]) == LIGHT
    assert bar_ends(extent) == ("0", "8")


def test_negative_values_make_any_map_signed() -> None:
    assert find_extent([[1.0, -0.1]], percentile=100, signed=False).signed


def test_outliers_are_clipped_and_counted() -> None:
    values = np.append(np.arange(1, 100, dtype=np.float32), 10_000).reshape(10, 10)
    values[0, 0] = -1  # sizes count, not values
    extent = find_extent(values, percentile=90, signed=True)
    assert extent.limit == pytest.approx(90.1)  # between the 90th and 91st of 1 … 99, 10000
    assert extent.clipped == 10
    assert extent.largest == 10_000
    assert tuple(color_map(values, extent)[9, 9]) == ORANGE


def test_a_lonely_pixel_is_seen_although_the_percentile_is_0() -> None:
    values = np.zeros((20, 20), np.float32)
    values[3, 4] = 0.5
    extent = find_extent(values, percentile=99, signed=True)
    assert (extent.limit, extent.clipped) == (0.5, 0)
    assert tuple(color_map(values, extent)[3, 4]) == ORANGE


def test_no_numbers_are_left_out_and_grey() -> None:
    values = np.array([[np.nan, np.inf], [1.0, 3.0]], np.float32)
    extent = find_extent(values, percentile=100, signed=False)
    assert (extent.limit, extent.largest) == (3.0, 3.0)
    assert tuple(color_map(values, extent)[0, 0]) == MISSING
    image = np.full((2, 2, 1), 200, np.uint8)
    over = overlay(image, values, extent, opacity=1.0)
    np.testing.assert_array_equal(over[0, 0], np.rint(quiet(image, "sequential")[0, 0]))
    nothing = find_extent(np.full((2, 2), np.nan), percentile=99, signed=True)
    assert (nothing.limit, nothing.clipped, nothing.count) == (0.0, 0, 4)


def test_a_map_of_zeros_is_pale_and_leaves_the_image() -> None:
    zeros = np.zeros((2, 3), np.float32)
    extent = find_extent(zeros, percentile=99, signed=True)
    assert extent.limit == 0
    assert {tuple(color) for color in color_map(zeros, extent).reshape(-1, 3)} == {PALE}
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1) * 40
    np.testing.assert_array_equal(
        overlay(image, zeros, extent, opacity=1.0),
        np.rint(quiet(image, "diverging")).astype(np.uint8),
    )


def test_a_shared_limit_is_kept() -> None:
    extent = find_extent([[1.0, 5.0]], percentile=50, signed=False, limit=2.0)
    assert (extent.limit, extent.clipped) == (2.0, 1)


def test_overlay_by_hand() -> None:
    """A grey pixel of 51 is 90 + 165 / 5 = 123 under a signed map; values cover by their size."""
    image = np.full((1, 3, 1), 51, np.uint8)
    values = np.array([[2.0, 0.5, 0.0]], np.float32)
    extent = Extent(limit=2.0, largest=2.0, signed=True, clipped=0, count=3)
    top, middle, none = overlay(image, values, extent, opacity=0.8)[0].astype(float)
    assert none == pytest.approx([123, 123, 123])
    np.testing.assert_allclose(top, 0.2 * 123 + 0.8 * np.array(ORANGE), atol=0.51)
    weak = color_map([[0.5]], extent)[0, 0]  # a quarter of the limit
    np.testing.assert_allclose(middle, 0.8 * 123 + 0.2 * weak.astype(float), atol=0.51)
    bare = overlay(image, values, extent, opacity=0.0)
    assert set(bare.ravel().tolist()) == {123}


def test_on_a_dark_page_nothing_is_dark_and_the_ends_are_light() -> None:
    values = np.array([[-2.0, 0.0, 2.0, np.nan]], np.float32)
    extent = find_extent(values, percentile=100, signed=True)
    low, none, high, missing = (tuple(color) for color in color_map(values, extent, dark=True)[0])
    assert low == rgb(SCALES["diverging"][4])
    assert high == rgb(SCALES["diverging"][6])
    assert max(none) < 40
    assert missing == MISSING
    bar = gradient(extent, dark=True)
    assert bar.index(SCALES["diverging"][4]) < bar.index(SCALES["diverging"][0])
    assert bar.index(SCALES["diverging"][-1]) < bar.index(SCALES["diverging"][6])
    image = np.full((1, 4, 1), 255, np.uint8)
    over = overlay(image, values, extent, opacity=1.0, dark=True)
    assert tuple(over[0, 1]) == (150, 150, 150)  # the image, dimmed
    assert tuple(over[0, 0]) == low
    unsigned = find_extent(abs(values), percentile=100, signed=False)
    np.testing.assert_array_equal(
        color_map(abs(values), unsigned, dark=True), color_map(abs(values), unsigned)
    )
    assert gradient(unsigned, dark=True) == gradient(unsigned)


@pytest.mark.parametrize("signed", [True, False])
def test_a_map_of_zeros_has_no_two_sides(signed: bool) -> None:
    assert bar_ends(find_extent(np.zeros((2, 2)), percentile=99, signed=signed)) == ("0", "0")


def test_the_image_below_is_nearly_grey_and_leaves_strong_colours_room() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 200
    luma = 0.299 * 200
    mixed = 0.25 * np.array([200, 0, 0]) + 0.75 * luma
    np.testing.assert_allclose(quiet(red, "sequential")[0, 0], 150 / 255 * mixed)
    np.testing.assert_allclose(quiet(red, "diverging")[0, 0], 90 + 165 / 255 * mixed)
    for scale, strong in (("diverging", (BLUE, ORANGE)), ("sequential", (LIGHT,))):
        for shade in (0, 255):
            under = quiet(np.full((1, 1, 1), shade, np.uint8), scale)[0, 0]  # type: ignore[arg-type]
            for color in strong:
                assert np.abs(under - np.array(color)).max() > 60


def test_blocks_keep_values_and_smooth_is_torch_bilinear() -> None:
    values = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    blocks = stretch(values, (8, 28), smooth=False)
    np.testing.assert_array_equal(blocks, values.repeat(2, axis=0).repeat(4, axis=1))
    uneven = stretch(values, (11, 30), smooth=False)
    assert set(uneven.ravel().tolist()) == set(values.ravel().tolist())
    smooth = stretch(values, (11, 30), smooth=True)
    there = functional.interpolate(
        torch.from_numpy(values)[None, None], size=(11, 30), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    np.testing.assert_allclose(smooth, there, atol=1e-6)
    assert stretch(values, (4, 7), smooth=True) is values
    assert stretch([[3.0]], (2, 2), smooth=True).tolist() == [[3, 3], [3, 3]]


def test_the_mask_shows_the_pixels_that_speak_most() -> None:
    image = np.full((2, 5, 3), 250, np.uint8)
    values = np.array([[5, -9, 1, 0, 2], [4, 3, -1, 0, 0]], np.float32)
    masked, shown = keep_top(image, values, 0.3)
    assert shown == 3
    kept = (masked == 250).all(axis=2)
    assert kept.tolist() == [[True, False, False, False, False], [True, True, False, False, False]]
    faded = np.rint(0.14 * 250 + 0.86 * np.array(MISSING))
    np.testing.assert_array_equal(masked[0, 1], faded)


def test_pixels_without_evidence_are_never_shown() -> None:
    image = np.full((2, 2, 1), 255, np.uint8)
    assert keep_top(image, [[1.0, -1.0], [0.0, np.nan]], 1.0)[1] == 1
    assert keep_top(image, np.zeros((2, 2)), 1.0)[1] == 0


def test_enlarging_keeps_pixels_whole() -> None:
    small = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    large = enlarge(small, 450)
    assert large.shape == (448, 448, 3)
    np.testing.assert_array_equal(large[::56, ::56], small)
    wide = np.zeros((500, 300, 3), np.uint8)
    assert enlarge(wide, 450).shape == wide.shape


@pytest.mark.parametrize("size", [(8, 8, 1), (32, 32, 3), (224, 224, 3)])
@pytest.mark.parametrize("signed", [True, False])
def test_the_sheet_holds_every_picture(size: tuple[int, int, int], signed: bool) -> None:
    image = np.full(size, 99, np.uint8)
    extent = Extent(limit=0.25, largest=1.0, signed=signed, clipped=1, count=64)
    colors = color_map(np.full(size[:2], 0.25), extent)
    png = compose_sheet(
        [("The image", image), ("Map", colors)], extent, "A × title, <b>, Zürich 猫"
    )
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    side = size[0] * max(1, 448 // size[0])
    assert sheet.shape[1] == 2 * side + 16 + 40
    pixels = sheet.reshape(-1, 3)
    assert (pixels == 99).all(axis=1).sum() == side * side
    assert (pixels == colors[0, 0]).all(axis=1).sum() >= side * side
