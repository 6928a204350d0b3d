"""The colours keep their promises: readable on both pages, apart for colour-blind eyes, one scale
for figures and pictures; and a Drawing is a valid plotly figure."""

import itertools
import json

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import plotly.io
import plotly.tools
import pytest

from viz.figures import theme
from viz.figures.theme import SCALES, Drawing, to_rgb

PAGES = ("#ffffff", "#11161d")  # light and dark background

# Machado, Oliveira & Fernandes 2009, table 1, severity 1.0; on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color: str) -> npt.NDArray[np.float64]:
    """Linear RGB of #rrggbb."""
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIE Lab of linear RGB."""
    xyz = TO_XYZ @ rgb / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio."""
    low, high = sorted(float(TO_XYZ[1] @ linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


LINES = {*theme.RUN_COLORS, *theme.SPLIT_COLORS.values(), theme.ACCENT, theme.WARNING, theme.MUTED}


@pytest.mark.parametrize("color", sorted(LINES))
@pytest.mark.parametrize("page", PAGES)
def test_lines_are_seen_on_both_pages(color: str, page: str) -> None:
    assert contrast(color, page) >= 3


@pytest.mark.parametrize("eye", BLINDNESS)
@pytest.mark.parametrize("colors", [theme.RUN_COLORS, tuple(theme.SPLIT_COLORS.values())])
def test_line_colors_stay_apart_for_every_eye(eye: str, colors: tuple[str, ...]) -> None:
    seen = [lab(np.clip(np.array(BLINDNESS[eye]) @ linear(color), 0, 1)) for color in colors]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


def test_diverging_scale_is_symmetric_in_lightness_and_brightest_at_zero() -> None:
    lightness = [lab(linear(color))[0] for color in SCALES["diverging"]]
    assert len(lightness) % 2 == 1
    assert np.allclose(lightness, lightness[::-1], atol=6)
    half = len(lightness) // 2
    assert np.all(np.diff(lightness[: half + 1]) > 0)
    assert np.all(np.diff(lightness[half:]) < 0)


def test_sequential_scale_rises_steadily_in_lightness() -> None:
    assert np.all(np.diff([lab(linear(color))[0] for color in SCALES["sequential"]]) > 3)


@pytest.mark.parametrize("scale", ["diverging", "sequential"])
def test_pictures_have_the_colors_of_the_stops(scale: theme.ScaleName) -> None:
    stops = SCALES[scale]
    pixels = to_rgb(np.linspace(-2, 3, len(stops)), scale, vmin=-2, vmax=3)
    assert ["#" + bytes(pixel).hex() for pixel in pixels] == list(stops)


def test_to_rgb_clips_and_marks_what_is_not_a_number() -> None:
    pixels = to_rgb([[-9.0, 9.0, np.nan, np.inf]], "diverging", vmin=-1, vmax=1)
    assert pixels.shape == (1, 4, 3)
    assert pixels.dtype == np.uint8
    ends = [bytes.fromhex(color[1:]) for color in (SCALES["diverging"][0], SCALES["diverging"][-1])]
    assert [bytes(pixels[0, 0]), bytes(pixels[0, 1])] == ends
    assert pixels[0, 2].tolist() == pixels[0, 3].tolist() == list(theme.MISSING)


def test_to_rgb_of_a_constant_has_the_color_of_zero() -> None:
    assert bytes(to_rgb([5.0], "diverging", vmin=5, vmax=5)[0]).hex() == "f6f6f6"
    assert bytes(to_rgb([5.0], "sequential", vmin=5, vmax=5)[0]).hex() == "0a0d22"


def test_pack_is_what_plotly_itself_would_send() -> None:
    values = np.array([1.5, np.nan, -3], np.float32)
    figure = go.Figure(go.Scatter(y=values)).to_dict()
    assert theme.pack(values) == figure["data"][0]["y"]
    table = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert theme.pack(table) == go.Figure(go.Heatmap(z=table)).to_dict()["data"][0]["z"]
    assert theme.pack(np.arange(3))["dtype"] == "i4"


def test_streamlit_s_entrance_takes_a_drawing_as_it_is() -> None:
    drawing = Drawing([{"type": "scatter", "y": theme.pack([1.0])}], {"title": {"text": "t"}})
    wire = plotly.tools.return_figure_from_figure_or_data(drawing, validate_figure=True)
    assert wire is drawing.to_dict()
    assert json.loads(plotly.io.to_json(drawing, validate=False))["layout"]["title"]["text"] == "t"
    assert drawing.to_figure().layout.title.text == "t"


def test_empty_says_what_and_why() -> None:
    figure = theme.empty("Loss", "Nothing yet").to_figure()
    assert figure.layout.title.text == "Loss"
    assert figure.layout.annotations[0].text == "Nothing yet"


def test_typed_words_cannot_become_markup() -> None:
    assert theme.plain('<a href="x">run</a> & co') == '&lt;a href="x"&gt;run&lt;/a&gt; &amp; co'


def test_eighteen_runs_look_different() -> None:
    assert len({theme.run_style(i) for i in range(18)}) == 18
