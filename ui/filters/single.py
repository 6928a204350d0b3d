"""One filter closely: its numbers beside what training does to them, the waves it answers to, and
what it makes of the image.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.filters.address import choose
from ui.filters.channels import choose_channel
from ui.filters.numbers import kernel_table, signed
from ui.filters.scene import Scene
from ui.map_words import padded_map_words
from ui.text import sentence_safe
from viz.figures.filters import plot_spectrum, plot_weight_histogram
from viz.figures.tiles import fit_zoom, montage_maps
from viz.results import Filters
from viz.results.filters import Edited, FilterDetail, FilterLearning

_SPECTRA: Final = {"kernel": "This kernel", "filter": "All its kernels"}
_MAP: Final = 168  # pixels a side, about


def render(scene: Scene) -> None:
    """The view.

    Raises:
        EngineError: the weights cannot be had.
    """
    part = {"first_filter": scene.number, "num_filters": 1}
    found: Filters = scene.look("filters", **part)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        channel = choose_channel(scene, found)
        detail: FilterDetail = scene.look("filter_detail", number=scene.number, channel=channel)
        _facts(detail)
        _numbers(scene, found, channel)
        _map(scene)
    with right:
        _spectrum(detail, found)
        st.plotly_chart(
            plot_weight_histogram(
                _layer_histogram(scene), detail.edges,
                chosen=detail.histogram, chosen_name=f"filter {detail.number}",
            ),
            key="filters.histogram", config=CHART_CONFIG,
            alt="Histogram of the weights of this filter and of its layer",
        )  # fmt: skip


def _layer_histogram(scene: Scene) -> np.typing.NDArray[np.int64]:
    counts: np.typing.NDArray[np.int64] = scene.look("filter_statistics").histogram
    return counts


def _facts(detail: FilterDetail) -> None:
    alike = ", ".join(
        f"{number} ({cosine:.2f})"
        for number, cosine in zip(detail.nearest[:3], detail.cosines[:3], strict=True)
    )
    facts = [
        ("Norm", f"{detail.norm:.3g}", "L2: the root of the sum of all its squared weights"),
        ("Bias", "none" if detail.bias is None else signed(detail.bias, 4), "Added everywhere"),
        ("Weights", f"{detail.kernels[0].size * detail.num_inputs:,}", "height × width × inputs"),
    ]
    if alike:
        facts.append(
            ("Most like", alike, "Other filters, by cosine similarity: 1 the same up to strength,"
             " 0 unrelated, −1 opposite; the bias does not count")
        )  # fmt: skip
    st.html(html.figures(facts))


def _numbers(scene: Scene, found: Filters, channel: int) -> None:
    """Weights, gradient and momentum of one kernel, each on its own scale."""
    part = {
        "first_filter": scene.number, "num_filters": 1, "first_input": channel, "num_inputs": 1,
    }  # fmt: skip
    kernel = scene.look("filters", **part).weights[0, 0]
    tables = [kernel_table(kernel, limit=found.layer_limit, title="Weights")]
    notes = []
    try:
        learning: FilterLearning = scene.look("filter_learning", **part)
    except EngineError as error:
        notes.append(str(error))
    else:
        for values, limit, title, note in (
            (learning.gradient, learning.layer_gradient, "Gradient", learning.gradient_note),
            (learning.momentum, learning.layer_momentum, "Momentum", learning.momentum_note),
        ):
            if values is not None:
                tables.append(kernel_table(values[0, 0], limit=limit, title=title))
            notes.append(note)
    st.html(f'<div class="cs-filters-kernels">{"".join(tables)}</div>')
    st.caption(sentence_safe("Each table has the colour scale of its layer. " + " ".join(notes)))


def _map(scene: Scene) -> None:
    """What the filter makes of the image: the convolution's output, before norm and activation."""
    result: Edited = scene.look("edited", image=scene.chosen.image, number=scene.number)
    (place,) = np.flatnonzero(result.channels == scene.number)
    found = result.maps_before[place]
    [tiles] = montage_maps([found[None]], zoom=fit_zoom(found.shape[-1], _MAP), signed=True)
    limit = tiles.limit
    pictures = (
        f"<figure><h4>Image</h4>{html.picture(result.image, 'The image')}</figure>"
        f"<figure><h4>Its map</h4>{html.image(tiles.png(), 'The map of this filter')}"
        f"{html.color_bar('diverging', limit)}</figure>"
    )
    st.html(f'<div class="cs-filters-pair">{pictures}</div>')
    padded = padded_map_words(result.layer, found.shape, result.image.shape)
    if note := f"{padded} {result.note}".strip():
        st.caption(sentence_safe(note))


def _spectrum(detail: FilterDetail, found: Filters) -> None:
    """The frequency response, and what it says in words."""
    chosen = "kernel"
    if found.num_inputs > 1:
        chosen = choose("Frequency response of", _SPECTRA, key="spectrum", default="kernel")
    values = detail.spectrum if chosen == "kernel" else detail.total
    st.plotly_chart(
        plot_spectrum(values, detail.frequencies, title="Frequency response"),
        key="filters.spectrum", config=CHART_CONFIG,
        alt="Magnitude of the two-dimensional Fourier transform of the kernel",
    )  # fmt: skip
    st.caption(describe_spectrum(values, detail.frequencies))


def describe_spectrum(
    spectrum: np.typing.NDArray[np.float32], frequencies: np.typing.NDArray[np.float32]
) -> str:
    """What waves a kernel answers to most, from |frequency response| (S, S), as a sentence.

    The middle is frequency 0: an area of one value.
    """
    if not np.isfinite(spectrum).all():
        return "The weights are no numbers any more."
    top, low = float(spectrum.max()), float(spectrum.min())
    if top == 0:
        return "All weights are 0: it answers to nothing."
    if low > 0.98 * top:
        return "It answers to waves of every length and direction alike, as a single number does."
    y, x = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    down, across = float(frequencies[y]), float(frequencies[x])
    length = math.hypot(down, across)
    middle = float(spectrum[len(frequencies) // 2, len(frequencies) // 2])
    if length < 0.05:
        return (
            "The magnitude of the 2-D Fourier transform, frequency 0 in the middle. Strongest there: "
            "it blurs, answering most to even areas and slow changes (low-pass)."
        )
    angle = math.degrees(math.atan2(across, down)) % 180  # along the stripes, from the right, up
    rest = (
        "hardly anything of an even area passes" if middle < 0.2 * top
        else f"an even area passes with {middle / top:.0%} of that"
    )  # fmt: skip
    return (
        "The magnitude of the 2-D Fourier transform, frequency 0 in the middle. Strongest for "
        f"stripes {1 / length:.1f} cells apart that run at {_direction(angle)}; {rest}."
    )


def _direction(angle: float) -> str:
    """Degrees counter-clockwise from the horizontal, with words where there are some."""
    for middle, words in ((0, "0° (level)"), (90, "90° (upright)"), (180, "0° (level)")):
        if abs(angle - middle) < 8:
            return words
    return f"{angle:.0f}° ({'rising' if angle < 90 else 'falling'} to the right)"
