"""Maps on images to the pixel: where a unit is painted, what is hatched, what is framed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from viz.figures.maps import (
    crop_field,
    is_signed,
    largest,
    montage_sheet,
    outline_field,
    place_on_image,
    shrink,
)
from viz.figures.theme import ACCENT, SCALES
from viz.results.maps import Geometry

FRAME = tuple(int(ACCENT[i : i + 2], 16) for i in (1, 3, 5))


def geometry(**changes: object) -> Geometry:
    """A 3×3 convolution with stride 2 and padding 1 over 8×8 pixels: 4×4 units at 0, 2, 4, 6."""
    starts = np.array([-1, 1, 3, 5])
    values: dict[str, object] = {
        "size": (3, 3), "stride": (2, 2), "tops": starts, "bottoms": starts + 3, "lefts": starts,
        "rights": starts + 3, "whole": False, "placed": True, "misaligned": "", "image": (8, 8),
    }  # fmt: skip
    return Geometry(**(values | changes))  # type: ignore[arg-type]


def black() -> npt.NDArray[np.uint8]:
    return np.zeros((8, 8, 1), np.uint8)


def painted(pixels: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    return [(int(y), int(x)) for y, x in np.argwhere(pixels[..., :3].any(axis=2))]


def test_a_unit_is_painted_around_the_centre_of_its_field_one_stride_wide() -> None:
    one = np.zeros((4, 4), np.float32)
    one[1, 2] = 5.0  # centred at row 2, column 4
    placed = place_on_image(black(), one, geometry(), limit=5.0, signed=False, side=8)
    assert placed.pixels.shape == (8, 8, 4)
    assert placed.zoom == 1
    # Halfway between two units belongs to the second: rows 1 and 2, columns 3 and 4.
    assert painted(placed.pixels) == [(1, 3), (1, 4), (2, 3), (2, 4)]


def test_what_lies_beyond_the_last_unit_is_not_painted() -> None:
    ones = np.ones((4, 4), np.float32)
    placed = place_on_image(black(), ones, geometry(), limit=1.0, signed=False, side=8)
    assert painted(placed.pixels) == [(y, x) for y in range(8) for x in range(8)]
    narrow = geometry(tops=np.array([2, 3, 4, 5]), bottoms=np.array([3, 4, 5, 6]), stride=(1, 2))
    placed = place_on_image(black(), ones, narrow, limit=1.0, signed=False, side=8)
    assert {y for y, _ in painted(placed.pixels)} == {2, 3, 4, 5}


def test_units_without_a_place_share_the_image() -> None:
    whole = geometry(whole=True, placed=False)
    two = np.array([[1.0], [0.0]], np.float32)
    placed = place_on_image(black(), two, whole, limit=1.0, signed=False, side=8)
    assert painted(placed.pixels) == [(y, x) for y in range(4) for x in range(8)]


def test_the_padding_a_unit_sees_is_hatched_room_and_its_box_is_framed() -> None:
    zero = np.zeros((4, 4), np.float32)
    placed = place_on_image(black(), zero, geometry(), limit=1, signed=True, unit=(0, 3), side=90)
    assert placed.margin == (1, 0, 0, 0)  # above; to the right its field ends with the image
    zoom = placed.zoom
    assert placed.pixels.shape[:2] == (9 * zoom, 8 * zoom)
    alpha = placed.pixels[..., 3]
    assert (alpha[: zoom - 1, : 4 * zoom] < 255).all()
    assert (alpha[zoom:] == 255).all()
    frame = (placed.pixels[..., :3] == FRAME).all(axis=2)
    rows, columns = np.nonzero(frame)
    assert (rows.min(), rows.max() + 1) == (0, 3 * zoom)
    assert (columns.min(), columns.max() + 1) == (5 * zoom, 8 * zoom)


def test_signed_values_keep_their_colors_on_the_image() -> None:
    signed = np.array([[-1.0, 1.0], [0.0, np.nan]], np.float32)
    whole = geometry(whole=True, placed=False)
    pixels = place_on_image(
        black(), signed, whole, limit=1.0, signed=True, side=8, strength=1.0
    ).pixels
    assert "#" + bytes(pixels[0, 0, :3]).hex() == SCALES["diverging"][0]
    assert "#" + bytes(pixels[0, 7, :3]).hex() == SCALES["diverging"][-1]
    assert not pixels[7, 0, :3].any()  # 0: the image alone


def test_a_patch_is_cut_to_the_pixel_and_padding_is_not_image() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1) + 100
    patch = crop_field(image, (-1, 6, 2, 9), side=3)
    assert patch.shape == (3, 3, 4)
    assert (patch[..., 3] == 255).tolist() == [
        [False] * 3,
        [True, True, False],
        [True, True, False],
    ]
    assert patch[1:, :2, 0].tolist() == [[106, 107], [114, 115]]
    large = crop_field(np.zeros((200, 200, 3), np.uint8), (0, 0, 200, 200), side=50)
    assert max(large.shape) <= 100


def test_the_whole_image_with_a_frame() -> None:
    pixels = outline_field(black(), geometry(), (2, 2), side=8 * 20)
    frame = (pixels[..., :3] == FRAME).all(axis=2)
    rows, columns = np.nonzero(frame)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (60, 120, 60, 120)
    assert not frame[65:115, 65:115].any()


def test_large_maps_are_reduced_by_means_of_whole_blocks() -> None:
    maps = np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    small = shrink(maps, 3)
    assert small.shape == (1, 3, 3)
    assert small[0, 0, 0] == pytest.approx(np.mean([0, 1, 6, 7]))
    assert shrink(maps, 6) is maps


def test_a_sheet_has_the_scale_of_its_layer_not_of_the_maps_at_hand() -> None:
    maps = np.array([[[0.0, 1.0]]], np.float32)
    colored = montage_sheet(maps, scaling="layer", limit=4.0, signed=True, columns=1, tile=2)
    assert (colored.scale, colored.limit) == ("diverging", 4.0)
    own = montage_sheet(maps, scaling="unit", limit=4.0, signed=False, columns=1, tile=2)
    assert (own.scale, own.limit) == ("sequential", None)


def test_signs_and_sizes_leave_broken_values_out() -> None:
    assert not is_signed([np.nan, -np.inf, 1.0])
    assert is_signed([-0.1, np.nan])
    assert largest([np.inf, -3.0, 2.0]) == 3
    assert largest([np.nan]) == 0
