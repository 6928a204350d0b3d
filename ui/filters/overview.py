"""All filters of a layer as one picture that can be clicked, with what the chosen one consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.components.clickable import Box, clickable_picture
from ui.downloads import download_picture
from ui.filters.address import SCALES, choose, choose_part, put_number, read_number
from ui.filters.numbers import decimals, kernel_lines, kernel_table, signed
from ui.filters.scene import Scene
from ui.looking import TICK_PATIENCE, NotYetError
from ui.text import sentence_safe
from viz.figures.filters import (
    FilterTiles,
    Mark,
    filter_tiles,
    marked_png,
    plot_norms,
    plot_weight_histogram,
    stamp_png,
)
from viz.results import Filters, Floats
from viz.results.filters import FilterActivity, FilterLearning, FilterStatistics

WIDTH: Final = 880  # pixels of the picture, about
HEIGHT: Final = 520
WHOLE_TILES: Final = 96  # filters at once where a filter is a tile
ROWS: Final = 24  # where it is a row of kernels
COLUMNS: Final = 32
_WRITTEN: Final = 49  # weights of a kernel that are written out on hovering
_SHOWN: Final = {"weights": "Weights", "gradient": "Gradient", "momentum": "Momentum"}
_SIGNS: Final = {
    "weights": "Orange excites, blue inhibits, pale is 0.",
    "gradient": "Orange: the loss rises with this weight, so the update lowers it; blue: the reverse; pale is 0.",
    "momentum": "Orange: gathered gradients above 0, which the optimiser subtracts, so the weight is going down; "
    "blue: it is going up; pale is 0.",
}


Flags = np.typing.NDArray[np.bool_]  # (O,) a filter each


@dataclass(frozen=True)
class _Values:
    """What the tiles show: weights, or what training does to them."""

    kind: str  # key of _SHOWN
    array: Floats  # (O, I, kh, kw), the part that is shown
    layer_limit: float
    network_limit: float
    note: str  # what it is, as a sentence; empty for weights


def render(scene: Scene) -> None:
    """The view.

    Raises:
        EngineError: the weights cannot be had.
    """
    shape: Filters = scene.look("filters", num_filters=1, num_inputs=1)
    picture, side = st.columns([5, 2], gap="medium")
    with side:
        kind = choose("Show", _SHOWN, key="show", default="weights")
        scales = {k: v for k, v in SCALES.items() if kind == "weights" or k != "network"}
        scope = choose("One scale for", scales, key="scale", default="layer")
        part = _part(scene, shape)
        channel = _channel(scene, shape)
    found: Filters = scene.look("filters", **part)
    statistics: FilterStatistics = scene.look("filter_statistics")
    values = _values(scene, found, kind, part)
    with picture:
        if values is None:
            return
        tiles = filter_tiles(
            values.array, scope=scope, layer_limit=values.layer_limit,
            network_limit=values.network_limit, color=scene.in_color(found),
            width=WIDTH, height=HEIGHT,
        )  # fmt: skip
        tiles_place = st.empty()
        legend = st.empty()
        st.html(html.caption(_sentence(scene, found, values)))
        download_picture(
            f"{_SHOWN[values.kind]} of {scene.layer}", key="filters.download",
            png=lambda: marked_png(tiles, {}),
            arrays={values.kind: values.array, "first_filter": np.array(found.first_filter)},
        )  # fmt: skip
    with side:
        card = st.empty()
        _numbers_of(scene, found, values, channel)
    norms = _below(scene, statistics)
    activity = _activity(scene, found, statistics, tiles, tiles_place, legend, card)
    dead = activity.dead(len(statistics.norms))
    with tiles_place.container():
        _picture(scene, found, values, tiles, statistics, dead, channel)
    legend.html(_legend(scene, found, tiles, statistics, dead))
    card.html(_card(scene, statistics, activity))
    with norms:
        _strengths(scene, statistics, activity, dead)


def _activity(
    scene: Scene, found: Filters, statistics: FilterStatistics, tiles: FilterTiles,
    place: DeltaGenerator, legend: DeltaGenerator, card: DeltaGenerator,
) -> FilterActivity:  # fmt: skip
    """Which filters are dead. That takes many images: until it is known all else is shown."""
    try:
        quick: FilterActivity = scene.look("filter_activity", patience=TICK_PATIENCE)
    except NotYetError:
        pass
    except EngineError as error:
        return FilterActivity(scene.layer, None, None, str(error), None)
    else:
        return quick
    nobody = np.zeros(len(statistics.norms), bool)
    place.html(html.image(marked_png(tiles, {}), f"Filters of layer {scene.layer}"))
    legend.html(_legend(scene, found, tiles, statistics, nobody))
    card.html(_card(scene, statistics, None))
    try:
        measured: FilterActivity = scene.look("filter_activity")
    except EngineError as error:
        return FilterActivity(scene.layer, None, None, str(error), None)
    return measured


def _part(scene: Scene, shape: Filters) -> dict[str, int]:
    """Which filters and input channels are shown: options of the lens."""
    if scene.in_color(shape) or shape.num_inputs == 1:
        first = choose_part(shape.num_filters, WHOLE_TILES, key="from", what="filters")
        return {"first_filter": first, "num_filters": WHOLE_TILES}
    denser = 2 if shape.weights[0, 0].size == 1 else 1  # single numbers need less room
    first = choose_part(shape.num_filters, ROWS * denser, key="from", what="filters")
    channel = choose_part(shape.num_inputs, COLUMNS * denser, key="inputs", what="input channels")
    return {
        "first_filter": first, "num_filters": ROWS * denser,
        "first_input": channel, "num_inputs": COLUMNS * denser,
    }  # fmt: skip


def _channel(scene: Scene, shape: Filters) -> int:
    """The input channel in the link, where a filter has a kernel for each."""
    if scene.in_color(shape) or shape.num_inputs == 1:
        return 0
    return read_number("channel", shape.num_inputs, "input channels")


def _values(scene: Scene, found: Filters, kind: str, part: dict[str, int]) -> _Values | None:
    """What is shown; None where there is none, and that has been said."""
    if kind == "weights":
        return _Values(kind, found.weights, found.layer_limit, found.network_limit, "")
    learning: FilterLearning = scene.look("filter_learning", **part)
    if kind == "gradient":
        array, limit, note = learning.gradient, learning.layer_gradient, learning.gradient_note
    else:
        array, limit, note = learning.momentum, learning.layer_momentum, learning.momentum_note
    if array is None:
        st.info(sentence_safe(note), icon=":material/info:")
        return None
    return _Values(kind, array, limit, limit, note)


def _picture(
    scene: Scene, found: Filters, values: _Values, tiles: FilterTiles,
    statistics: FilterStatistics, dead: Flags, channel: int,
) -> None:  # fmt: skip
    """The tiles; a click chooses a filter, and of a row of kernels an input channel."""
    shown, per_filter = len(values.array), tiles.per_filter
    marks: dict[int, list[Mark]] = {}
    for row in range(shown):
        number = found.first_filter + row
        symbols: list[Mark] = []
        if dead[number]:
            symbols.append("dead")
        if statistics.in_pair[number]:
            symbols.append("alike")
        if symbols:
            marks[row * per_filter] = symbols
    row = scene.number - found.first_filter
    channel = channel - found.first_input if per_filter > 1 else 0
    inside = 0 <= row < shown and 0 <= channel < per_filter
    picked = clickable_picture(
        marked_png(tiles, marks), key="filters.tiles",
        grid=[Box(*box) for box in tiles.boxes],
        alt=f"{_SHOWN[values.kind]} of {shown} filters of layer {scene.layer}",
        texts=_texts(scene, found, values, statistics, dead, per_filter),
        selected=row * per_filter + channel if inside else None,
        width=f"{tiles.image.shape[1]}px",
    )  # fmt: skip
    if picked is not None:
        row, channel = divmod(picked, per_filter)
        put_number("filter", found.first_filter + row)
        put_number("channel", found.first_input + channel if per_filter > 1 else 0)
        st.rerun()


def _texts(
    scene: Scene, found: Filters, values: _Values, statistics: FilterStatistics, dead: Flags,
    per_filter: int,
) -> list[str]:  # fmt: skip
    """What each tile says: which filter, how strong, its numbers."""
    places = decimals(values.layer_limit)
    texts = []
    for row, filter_values in enumerate(values.array):
        number = found.first_filter + row
        head = f"Filter {number}{_state(statistics, dead, number)}"
        strength = f"norm {statistics.norms[number]:.3g}{_bias(statistics, number)}"
        if per_filter == 1:
            names = ("red", "green", "blue") if scene.in_color(found) else ("",)
            written = [
                f"{name}\n{kernel_lines(kernel, places)}".strip()
                for name, kernel in zip(names, filter_values, strict=False)
                if kernel.size <= _WRITTEN
            ]
            texts.append("\n".join([f"{head}: {strength}", *written]))
            continue
        for column, kernel in enumerate(filter_values):
            name = scene.input_name(found.first_input + column, found, number)
            lines = [f"{head}, {name}", strength]
            if kernel.size <= _WRITTEN:
                lines.append(kernel_lines(kernel, places))
            texts.append("\n".join(lines))
    return texts


def _state(statistics: FilterStatistics, dead: Flags, number: int) -> str:
    words = []
    if dead[number]:
        words.append("dead")
    if statistics.in_pair[number]:
        words.append("has a near-duplicate")
    return f" ({', '.join(words)})" if words else ""


def _bias(statistics: FilterStatistics, number: int) -> str:
    if statistics.biases is None:
        return ", no bias"
    return f", bias {signed(float(statistics.biases[number]), 3)}"


def _legend(
    scene: Scene, found: Filters, tiles: FilterTiles, statistics: FilterStatistics, dead: Flags
) -> str:
    """Colour bar, or what the colours of colour filters are, and what the marks mean."""
    parts = []
    if tiles.scale is not None:
        parts.append(html.color_bar(tiles.scale, tiles.limit))
    else:
        limit = "its own largest weight" if tiles.limit is None else f"±{tiles.limit:.3g}"
        parts.append(
            '<div class="cs-filters-legend"><i class="cs-filters-rgb"></i><span>red, green and blue '
            f"are the weights for each; mid-grey 0, full colour {limit}</span></div>"
        )
    for mark, there, words in (
        ("dead", int(dead.sum()), "dead"),
        ("alike", int(statistics.in_pair.sum()), "has a near-duplicate"),
    ):
        if there:
            symbol = html.image(stamp_png(mark), words)  # type: ignore[arg-type]
            parts.append(
                f'<div class="cs-filters-legend">{symbol}<span>{words}: {there}</span></div>'
            )
    return f'<div class="cs-filters-legends">{"".join(parts)}</div>'


def _sentence(scene: Scene, found: Filters, values: _Values) -> str:
    count, inputs, height, width = values.array.shape
    some = "" if count == found.num_filters else f" (shown: {count})"
    per = f"{height}×{width} weights"
    if found.groups == found.num_filters == found.num_filters * found.num_inputs:
        reads = f"{per}, each on an input channel of its own (depthwise)"
    elif found.groups > 1:
        reads = f"{per} on each of the {found.num_inputs} input channels of its group"
    elif found.num_inputs > 1:
        of = "" if inputs == found.num_inputs else f" (shown: {inputs})"
        reads = f"{per} on each of {found.num_inputs} input channels{of}"
    else:
        reads = f"{per} on one input channel"
    if scene.in_color(found):
        layout = "A tile is a filter."
    elif found.num_inputs == 1:
        layout = f"A tile is a filter. {_SIGNS[values.kind]}"
    else:
        layout = (
            "A row is one filter, with a kernel for each input channel: their answers are added up. "
            f"{_SIGNS[values.kind]}"
        )
    what = "" if values.kind == "weights" else f" {values.note}"
    when = "" if found.step is None else f"Update {found.step:,}. "
    return f"{when}{scene.layer}: {found.num_filters} filters{some} of {reads}. {layout}{what}"


def _card(scene: Scene, statistics: FilterStatistics, activity: FilterActivity | None) -> str:
    """The chosen filter in figures; None: it is not known yet how active it is."""
    norm = float(statistics.norms[scene.number])
    facts = [
        ("Filter", str(scene.number), "Click a tile to choose another"),
        ("Norm", f"{norm:.3g}", "L2: the root of the sum of its squared weights"),
    ]
    if statistics.biases is not None:
        bias = signed(float(statistics.biases[scene.number]), 3)
        facts.append(("Bias", bias, "Added to every position of its map"))
    if activity is None:
        facts.append(("Active on", "…", "Being measured"))
    elif activity.active is not None:
        share = html.whole_percent(float(activity.active[scene.number]))
        facts.append(("Active on", share, activity.measured))
    return html.figures(facts)


def _numbers_of(scene: Scene, found: Filters, values: _Values, channel: int) -> None:
    """The kernels of the chosen filter as tables of numbers."""
    row = scene.number - found.first_filter
    if not 0 <= row < len(values.array):
        st.caption("The chosen filter is not in the part that is shown.")
        return
    kernels = values.array[row]
    names: Sequence[str]
    if scene.in_color(found):
        names, chosen = ("red", "green", "blue"), kernels
    else:
        channel -= found.first_input
        channel = channel if 0 <= channel < len(kernels) else 0
        names = (
            _SHOWN[values.kind] if found.num_inputs == 1
            else scene.input_name(found.first_input + channel, found),
        )  # fmt: skip
        chosen = kernels[channel : channel + 1]
    if chosen[0].size <= 121:
        tables = (
            kernel_table(kernel, limit=values.layer_limit, title=name)
            for kernel, name in zip(chosen, names, strict=True)
        )
        st.html(f'<div class="cs-filters-kernels">{"".join(tables)}</div>')


def _below(scene: Scene, statistics: FilterStatistics) -> DeltaGenerator:
    """How the filters of the layer compare: the histogram, and where the rest comes."""
    left, right = st.columns(2)
    right.plotly_chart(
        plot_weight_histogram(statistics.histogram, statistics.edges),
        key="filters.histogram", config=CHART_CONFIG, alt="Histogram of the weights of the layer",
    )  # fmt: skip
    return left


def _strengths(
    scene: Scene, statistics: FilterStatistics, activity: FilterActivity, dead: Flags
) -> None:
    """Norms, and which filters are dead or alike."""
    st.plotly_chart(
        plot_norms(statistics.norms, dead=dead, alike=statistics.in_pair, selected=scene.number),
        key="filters.norms", config=CHART_CONFIG, alt="Strength of each filter",
    )  # fmt: skip
    lines = [activity.measured]
    if activity.active is not None:
        silent = np.flatnonzero(dead)
        lines.append(f"Here: {_numbers(silent)}." if len(silent) else "Here: none.")
    lines.append(statistics.compared)
    if statistics.num_pairs:
        pairs = ", ".join(
            f"{one} and {other} ({cosine:.2f})"
            for (one, other), cosine in zip(
                statistics.pairs[:8], statistics.cosines[:8], strict=True
            )
        )
        more = f" and {statistics.num_pairs - 8} more pairs" if statistics.num_pairs > 8 else ""
        lines.append(f"Here: {pairs}{more}.")
    elif "not looked for" not in statistics.compared:
        lines.append("Here: none.")
    st.caption(sentence_safe(" ".join(lines)))


def _numbers(found: np.typing.NDArray[np.int64]) -> str:
    """`3, 7, 12`, at most twenty of them."""
    text = ", ".join(str(number) for number in found[:20])
    return text + (f" and {len(found) - 20} more" if len(found) > 20 else "")
