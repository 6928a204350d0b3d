"""Made pictures as one picture, and the curve of a climb."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.viz.figures.reading import unpack
from viz.figures.visualize import (
    columns_of,
    labelled_sheet,
    pictures_png,
    plot_climb,
    tile_pictures,
)
from viz.results.visualize import RealPictures, Visualization


def climbed(steps: int = 10, count: int = 2, *, penalty: float = 0.0) -> Visualization:
    values = np.linspace(0, 4, steps, dtype=np.float32)[:, None].repeat(count, 1)
    frames = np.zeros((3, count, 6, 4, 3), np.uint8)
    real = RealPictures(
        np.full(count, 1.5, np.float32), np.full(count, 2.0, np.float32),
        np.zeros((1, 6, 4, 3), np.uint8), np.array([1.5], np.float32), ("digits/test/1",), ("1",), "5 images",
    )  # fmt: skip
    return Visualization(
        title="channel 1 of conv", words=("a",) * count, pictures=frames[-1], frames=frames,
        frame_steps=np.array([0, 5, steps]), frame_values=np.array([[0.0], [2.0], [4.0]], np.float32).repeat(count, 1),
        objective=(values.mean(1) / 2 - penalty).astype(np.float32), activation=values, real=real,
        above=np.full(count, 2.0, np.float32), silent=np.zeros(count, bool), dead=np.zeros(count, bool),
        similarity=0.5, in_deviations=False, colors="", note="", steps=20, seconds=1.0, share=0.5, step=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (4, 2), (5, 5), (6, 3), (9, 3), (64, 8)]
)
def test_columns(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_tiles_keep_their_pixels_and_leave_gaps_empty() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 1), np.uint8)
    sheet = tile_pictures(pictures, columns=2)
    assert sheet.shape == (11, 9, 4)
    assert np.array_equal(sheet[:5, 5:, 0], pictures[1, ..., 0])
    assert np.array_equal(sheet[6:, :4, 2], pictures[2, ..., 0])
    assert (sheet[:, 4, 3] == 0).all()
    assert (sheet[6:, 5:, 3] == 0).all()
    assert (sheet[:5, :4, 3] == 255).all()


def test_a_png_is_enlarged_in_whole_steps() -> None:
    png = pictures_png(np.full((1, 16, 16, 3), 200, np.uint8), side=100)
    picture = Image.open(io.BytesIO(png))
    assert picture.size == (96, 96)
    assert picture.getpixel((95, 95)) == (200, 200, 200, 255)
    large = Image.open(io.BytesIO(pictures_png(np.zeros((1, 224, 224, 3), np.uint8), side=100)))
    assert large.size == (224, 224)


def test_the_curve_has_what_steps_saw_what_is_shown_and_the_best_real() -> None:
    figure = plot_climb(climbed()).to_figure()
    names = [trace.name for trace in figure.data]
    assert names == ["moved, as steps see it", "as it is shown", "best real picture"]
    wire = plot_climb(climbed()).to_dict()["data"]
    assert unpack(wire[1]["x"]).tolist() == [0, 5, 10]
    assert unpack(wire[1]["y"]).tolist() == [0, 2, 4]
    assert unpack(wire[2]["y"]).tolist() == [1.5, 1.5]
    assert figure.layout.xaxis.range == (0, 20)


def test_penalties_get_a_line_of_their_own() -> None:
    found = climbed(penalty=0.7)  # deviations, of 2
    figure = plot_climb(found).to_figure()
    assert figure.data[-1].name == "with penalties"
    wire = plot_climb(found).to_dict()["data"][-1]
    assert unpack(wire["y"]) == pytest.approx(found.activation.mean(1) - 1.4)
    least = replace(found, objective=-found.activation.mean(1) / 2 - 0.7)
    wire = plot_climb(least, negative=True).to_dict()["data"][-1]
    assert unpack(wire["y"]) == pytest.approx(found.activation.mean(1) + 1.4)


def test_a_sheet_says_which_channel_is_which() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), np.uint8)
    png, boxes = labelled_sheet(pictures, ["0 · 3", "1 · 4", ""], columns=2, wide=100)
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    for picture, (left, top, right, bottom) in zip(pictures, boxes, strict=True):
        zoom = (right - left) // 4
        assert np.array_equal(sheet[top:bottom:zoom, left:right:zoom, 0], picture[..., 0])
    below = [
        sheet[bottom : bottom + 16, left:right, 3].any() for left, _, right, bottom in boxes[:2]
    ]
    assert below == [True, True]


def test_before_the_first_step_and_without_real_pictures() -> None:
    none = replace(
        climbed(), objective=np.zeros(0, np.float32), activation=np.zeros((0, 2), np.float32)
    )
    assert plot_climb(none).to_figure().layout.annotations[0].text == "The first step is being made"
    alone = plot_climb(replace(climbed(), real=None)).to_figure()
    assert [trace.name for trace in alone.data] == ["moved, as steps see it", "as it is shown"]
