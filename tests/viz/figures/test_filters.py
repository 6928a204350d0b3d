"""The pictures of filters: where a tile lies is what it shows, and figures that validate."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.viz.figures.reading import unpack, valid
from viz.figures.filters import (
    FilterTiles,
    Scope,
    cell_colors,
    filter_tiles,
    marked_png,
    plot_change_through,
    plot_damage,
    plot_norms,
    plot_spectrum,
    plot_weight_histogram,
    stamp_png,
)
from viz.figures.theme import to_rgb

RNG = np.random.default_rng(0)


def tiles_of(
    weights: npt.NDArray[np.float32],
    *,
    scope: Scope = "layer",
    color: bool = False,
    limit: float = 2.0,
) -> FilterTiles:
    return filter_tiles(
        weights, scope=scope, layer_limit=limit, network_limit=2 * limit, color=color,
        width=300, height=200,
    )  # fmt: skip


def cell(tiles: FilterTiles, index: int, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(kh, kw, 3): the middle of each weight's square in a tile."""
    left, top, right, bottom = tiles.boxes[index]
    tile = tiles.image[top:bottom, left:right, :3]
    zoom = tile.shape[0] // shape[0]
    return tile[zoom // 2 :: zoom, zoom // 2 :: zoom]


@pytest.mark.parametrize(("count", "inputs"), [(1, 1), (6, 1), (7, 1), (5, 4), (16, 6), (3, 40)])
def test_every_kernel_is_where_its_box_says(count: int, inputs: int) -> None:
    weights = RNG.uniform(-2, 2, (count, inputs, 3, 2)).astype(np.float32)
    tiles = tiles_of(weights)
    assert len(tiles.boxes) == count * inputs
    assert tiles.per_filter == inputs
    for index, kernel in enumerate(weights.reshape(-1, 3, 2)):
        expected = to_rgb(kernel, "diverging", vmin=-2, vmax=2)
        assert np.array_equal(cell(tiles, index, (3, 2)), expected)
    height, width = tiles.image.shape[:2]
    assert width <= 330
    assert height <= 200 or inputs == 40
    assert max(box[2] for box in tiles.boxes) <= width


def test_scopes_of_the_scale() -> None:
    weights = np.zeros((2, 1, 1, 2), np.float32)
    weights[0, 0, 0], weights[1, 0, 0] = (1, -1), (0.1, -0.05)
    own = tiles_of(weights, scope="filter")
    assert own.limit is None
    assert np.array_equal(cell(own, 1, (1, 2)), to_rgb([[1, -0.5]], "diverging", vmin=-1, vmax=1))
    layer, network = tiles_of(weights, limit=1), tiles_of(weights, scope="network", limit=1)
    assert (layer.limit, network.limit) == (1, 2)
    assert np.array_equal(cell(network, 0, (1, 2)), to_rgb([[1, -1]], "diverging", vmin=-2, vmax=2))


def test_colour_filters_have_mid_grey_for_0_and_the_layers_scale() -> None:
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[0, :, 0, 0] = (2, 0, -2)
    tiles = tiles_of(weights, color=True)
    assert tiles.scale is None
    assert tiles.per_filter == 1
    assert cell(tiles, 0, (1, 1)).ravel().tolist() == [255, 128, 0]
    assert cell(tiles, 1, (1, 1)).ravel().tolist() == [128, 128, 128]
    part = tiles_of(
        weights / np.float32(4), color=True
    )  # a part of the layer has the layer's scale
    assert cell(part, 0, (1, 1)).ravel().tolist() == [159, 128, 96]
    dead = tiles_of(np.zeros((1, 3, 2, 2), np.float32), scope="filter", color=True)
    assert np.all(cell(dead, 0, (2, 2)) == 128)


def test_weights_that_are_no_numbers_are_grey() -> None:
    weights = np.full((1, 1, 1, 2), np.nan, np.float32)
    weights[0, 0, 0, 1] = 1
    found = cell(tiles_of(weights, scope="filter"), 0, (1, 2))
    assert np.array_equal(found, to_rgb([[np.nan, 1]], "diverging", vmin=-1, vmax=1))


def test_marks_stand_on_their_tiles_alone() -> None:
    tiles = tiles_of(np.ones((4, 1, 3, 3), np.float32))
    plain = np.array(Image.open(io.BytesIO(marked_png(tiles, {}))))
    marked = np.array(Image.open(io.BytesIO(marked_png(tiles, {2: ["dead", "alike"]}))))
    assert np.array_equal(plain, tiles.image)
    ys, xs = np.nonzero((plain != marked).any(axis=2))
    left, top, right, bottom = tiles.boxes[2]
    assert xs.min() >= left
    assert xs.max() < right
    assert ys.min() >= top
    assert ys.max() < bottom
    assert stamp_png("dead") != stamp_png("alike")


def test_the_text_on_a_cell_can_be_read() -> None:
    [row] = cell_colors(np.array([[-1.0, -0.4, 0.0, 0.4, 1.0]]), 1.0)
    for back, front in row:
        light, dark = (
            sum(w * (int(color[i : i + 2], 16) / 255) ** 2.2 for w, i in
                ((0.2126, 1), (0.7152, 3), (0.0722, 5)))
            for color in (back, "#" + front[1:] * (2 if len(front) == 4 else 1))
        )  # fmt: skip
        assert (max(light, dark) + 0.05) / (min(light, dark) + 0.05) > 3


def test_spectrum() -> None:
    values = np.arange(9.0).reshape(3, 3)
    figure = valid(plot_spectrum(values, [-0.3, 0, 0.3], title="Response"))
    assert np.array_equal(unpack(figure.data[0].z), values)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 8)
    assert figure.layout.yaxis.autorange == "reversed"  # rows grow downwards, as in the picture
    blank = valid(plot_spectrum(np.full((3, 3), np.nan), [-0.3, 0, 0.3], title="Response"))
    assert "no numbers" in blank.layout.annotations[0].text
    valid(plot_spectrum(np.zeros((3, 3)), [-0.3, 0, 0.3], title="Response"))


def test_histogram_shows_shares() -> None:
    figure = valid(plot_weight_histogram([1, 3], [-1, 0, 1], chosen=[2, 0], chosen_name="<b>f</b>"))
    assert unpack(figure.data[0].y).tolist() == [0.25, 0.75]
    assert unpack(figure.data[1].y).tolist() == [1, 0]
    assert "<b>" not in figure.data[1].name
    assert len(valid(plot_weight_histogram([1, 3], [-1, 0, 1])).data) == 1
    assert "no numbers" in valid(plot_weight_histogram([0], [-1, 1])).layout.annotations[0].text


def test_norms_tell_dead_from_alike() -> None:
    dead, alike = np.array([False, True, True]), np.array([True, True, False])
    figure = valid(plot_norms([1, 2, 3], dead=dead, alike=alike, selected=1))
    assert len(set(figure.data[0].marker.color)) == 2
    assert "dead" in figure.data[0].text[1]
    assert figure.data[0].selectedpoints == (1,)


def test_change_through_the_layers() -> None:
    figure = valid(plot_change_through(["conv<1>", "fc"], [0.5, np.inf]))
    assert figure.layout.yaxis.ticktext == ("conv&lt;1&gt;", "fc")
    deep = valid(plot_change_through([f"layer {i}" for i in range(140)], np.ones(140)))
    assert deep.layout.height <= 520
    assert 10 < len(deep.layout.yaxis.ticktext) < 40
    assert len(deep.data[0].text) == 140
    assert "Nothing" in valid(plot_change_through(["a"], [0.0])).layout.annotations[0].text


def test_damage() -> None:
    figure = valid(plot_damage(["filter 1", "filter 0"], [0.2, -0.1], [0.01, 0.02]))
    first, second = figure.data[0].marker.color
    assert first != second
    assert unpack(figure.data[0].error_x.array).tolist() == pytest.approx(
        [1, 2]
    )  # percentage points
