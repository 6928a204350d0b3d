"""Effective fields as figures: axes, colours, moments without a width, nothing at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.viz.figures.reading import unpack, valid
from viz.figures.fields import field_png, map_png, plot_growth
from viz.figures.theme import MISSING, SCALES
from viz.results.fields import EffectiveField, FieldGrowth, Gaussian

NAN = float("nan")


def _field(step: int, sigma: tuple[float, float], area: int) -> EffectiveField:
    return EffectiveField(
        layer="conv2", unit=(2, 2), channel=None, heat=np.ones((8, 8), np.float32), box=(0, 0, 8, 8),
        whole=False, fit=Gaussian(sigma, (4, 4), 0.9), inside=1.0, area95=area, num_images=4,
        source="validation images", step=step,
    )  # fmt: skip


def test_growth_has_both_widths_and_the_extent_over_updates() -> None:
    growth = FieldGrowth((_field(0, (1, 2), 16), _field(10, (3, 4), 25), _field(200, (5, 6), 36)))
    figure = valid(plot_growth(growth, now=10))
    vertical, horizontal, extent = figure.data
    assert unpack(vertical.y).tolist() == [1, 3, 5]
    assert unpack(horizontal.y).tolist() == [2, 4, 6]
    assert unpack(extent.y).tolist() == [4, 5, 6]
    assert unpack(vertical.x).tolist() == [0.5, 10, 200]  # a log axis has no 0
    assert unpack(vertical.customdata).tolist() == [0, 10, 200]
    assert figure.layout.xaxis.ticktext == ("0", "1", "10", "100")
    assert figure.layout.shapes[0].x0 == 10


def test_growth_of_one_moment_before_training() -> None:
    figure = valid(plot_growth(FieldGrowth((_field(0, (1, 2), 16),))))
    assert figure.layout.xaxis.ticktext == ("0", "1")
    assert not figure.layout.shapes


def test_a_moment_without_a_peak_is_a_gap_not_a_zero() -> None:
    growth = FieldGrowth((_field(0, (1, 2), 16), _field(1, (NAN, NAN), 0)))
    figure = valid(plot_growth(growth))
    assert np.isnan(unpack(figure.data[0].y)[1])
    assert np.isnan(unpack(figure.data[2].y)[1])


def test_no_gradient_at_all_is_said() -> None:
    figure = valid(plot_growth(FieldGrowth((_field(0, (NAN, NAN), 0),))))
    assert "No gradient" in figure.layout.annotations[0].text


def _colors(png: bytes) -> list[tuple[int, ...]]:
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))[..., :3]
    return [tuple(int(part) for part in color) for color in pixels.reshape(-1, 3)]


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


def test_field_runs_from_dark_for_none_to_light_for_most() -> None:
    found = _colors(field_png([[0.0, 2.0], [np.nan, 0.0]]))
    low, high = _rgb(SCALES["sequential"][0]), _rgb(SCALES["sequential"][-1])
    assert found == [low, high, MISSING, low]
    assert _colors(field_png(np.zeros((1, 2)))) == [low, low]


@pytest.mark.parametrize(("values", "signed"), [([[0, 1]], False), ([[-1, 1]], True)])
def test_map_uses_the_scale_of_its_sign(values: list[list[float]], signed: bool) -> None:
    png, found = map_png(values)
    assert found == signed
    ends = SCALES["diverging" if signed else "sequential"]
    assert _colors(png) == [_rgb(ends[0]), _rgb(ends[-1])]
