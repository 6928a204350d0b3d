"""Montages to the pixel: where tiles lie, which colours they have, what shares a scale."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from viz.figures.theme import GAP_ALPHA, SCALES
from viz.figures.tiles import encode_png, fit_zoom, montage_filters, montage_maps


def color(pixel: npt.NDArray[np.uint8]) -> str:
    return "#" + bytes(pixel[:3]).hex()


ZERO, LOW, HIGH = SCALES["diverging"][5], SCALES["diverging"][0], SCALES["diverging"][-1]
DARK, BRIGHT = SCALES["sequential"][0], SCALES["sequential"][-1]


def test_tiles_lie_in_reading_order_with_thin_gaps() -> None:
    maps = np.stack([np.full((2, 3), value) for value in (-1.0, 0.0, 1.0)])
    (montage,) = montage_maps([maps], columns=2, gap=1)
    assert montage.image.shape == (2 * 2 + 1, 3 * 2 + 1, 4)
    boxes = [montage.box(i) for i in range(3)]
    assert boxes == [(0, 0, 3, 2), (4, 0, 7, 2), (0, 3, 3, 5)]
    for (left, top, right, bottom), expected in zip(boxes, (LOW, ZERO, HIGH), strict=True):
        tile = montage.image[top:bottom, left:right]
        assert (tile[..., 3] == 255).all()
        assert {color(pixel) for pixel in tile.reshape(-1, 4)} == {expected}
    assert (montage.image[:2, 3, 3] == GAP_ALPHA).all()
    assert (montage.image[3:, 4:, 3] == 0).all()  # no fourth tile


def test_signed_layers_diverge_and_the_others_do_not() -> None:
    signed, plain = montage_maps([np.array([[[-1.0, 2.0]]]), np.array([[[0.0, 2.0]]])])
    assert (signed.scale, signed.limit) == ("diverging", 2)
    assert (plain.scale, plain.limit) == ("sequential", 2)
    assert [color(p) for p in plain.image[0]] == [DARK, BRIGHT]
    assert color(signed.image[0, 1]) == HIGH


def test_scope_of_the_scale() -> None:
    layer = np.array([[[0.0, 1.0]], [[0.0, 4.0]]])  # two maps
    other = np.array([[[0.0, 8.0]]])
    ends = {}
    for scaling in ("per_map", "per_layer", "global"):
        montage = montage_maps([layer, other], scaling=scaling, columns=1, gap=0)[0]
        ends[scaling] = (montage.limit, color(montage.image[0, 1]), color(montage.image[1, 1]))
    middle = SCALES["sequential"][5]
    assert ends["per_map"] == (None, BRIGHT, BRIGHT)
    assert ends["per_layer"][0] == 4
    assert ends["per_layer"][2] == BRIGHT
    assert ends["global"][0] == 8
    assert ends["global"][2] == middle


def test_zero_has_the_middle_color_whatever_the_extremes() -> None:
    (montage,) = montage_maps([np.array([[[-0.1, 0.0, 99.0]]])])
    assert color(montage.image[0, 1]) == ZERO


def test_blank_maps_are_found() -> None:
    maps = np.zeros((4, 2, 2), np.float32)
    maps[1] = 7
    maps[2, 0, 0] = 1
    maps[3] = np.nan
    assert montage_maps([maps])[0].blank.tolist() == [True, True, False, True]
    assert montage_maps([np.array([[[0.0]], [[np.nan]]])])[0].blank.tolist() == [False, True]


def test_broken_values_are_grey_and_do_not_set_the_scale() -> None:
    (montage,) = montage_maps([np.array([[[np.nan, np.inf, 1.0, 0.0]]])])
    assert montage.limit == 1
    assert [color(p) for p in montage.image[0]] == ["#7d8794", "#7d8794", BRIGHT, DARK]


def test_a_layer_of_zeros_is_dark_not_a_division_by_zero() -> None:
    for scaling in ("per_map", "per_layer", "global"):
        (montage,) = montage_maps([np.zeros((1, 1, 2))], scaling=scaling)
        assert color(montage.image[0, 0]) == DARK


def test_color_filters_are_color_tiles_with_zero_as_grey() -> None:
    weights = np.zeros((1, 3, 1, 3), np.float32)
    weights[0, 0, 0, 0], weights[0, 2, 0, 1] = 2, -2
    montage = montage_filters(weights)
    assert montage.scale is None
    assert montage.image[0, :, :3].tolist() == [[255, 128, 128], [128, 128, 0], [128, 128, 128]]


def test_grey_filters_are_always_signed() -> None:
    montage = montage_filters(np.ones((2, 1, 3, 3)))
    assert montage.scale == "diverging"
    assert color(montage.image[0, 0]) == HIGH


def test_deep_filters_are_a_row_a_filter_and_a_column_an_input() -> None:
    weights = np.arange(2 * 5 * 1 * 1, dtype=np.float32).reshape(2, 5, 1, 1)
    montage = montage_filters(weights, max_inputs=4, gap=0)
    assert montage.image.shape == (2, 4, 4)
    assert montage.limit == 8  # of the kernels shown
    assert color(montage.image[1, 3]) == HIGH


def test_zoom_makes_squares_and_keeps_gaps_thin() -> None:
    (montage,) = montage_maps([np.ones((4, 2, 2))], columns=2, zoom=5, gap=2)
    assert montage.image.shape == (22, 22, 4)
    assert montage.tile == (10, 10)


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_png_holds_exactly_the_pixels_each_a_square(channels: int | None) -> None:
    rng = np.random.default_rng(0)
    shape = (4, 5) if channels is None else (4, 5, channels)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    back = np.asarray(Image.open(io.BytesIO(encode_png(image, zoom=3))))
    expected = image[..., 0] if channels == 1 else image
    assert np.array_equal(back, np.repeat(np.repeat(expected, 3, 0), 3, 1))


def test_fit_zoom_is_whole_and_at_least_one() -> None:
    assert (fit_zoom(28, 100), fit_zoom(200, 100), fit_zoom(0, 100)) == (3, 1, 100)


def test_no_maps_at_all() -> None:
    assert montage_maps([]) == []
    assert montage_maps([np.empty((0, 4, 4))])[0].image.size == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_the_png_of_a_montage_is_its_image(channels: int) -> None:
    weights = np.random.default_rng(0).standard_normal((5, channels, 3, 3))
    montage = montage_filters(weights, zoom=2)
    back = np.asarray(Image.open(io.BytesIO(montage.png())).convert("RGBA"))
    seen = montage.image[..., 3:] > 0
    assert np.array_equal(back * seen, montage.image * seen)
    assert np.array_equal(back[..., 3], montage.image[..., 3])
    assert set(np.unique(back[..., 3])) == ({0, 255} if channels == 3 else {0, GAP_ALPHA, 255})
