"""Lesion study: what the network no longer knows without a filter, or without a layer."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui import html
from ui.charts import CHART_CONFIG
from ui.components.clickable import Box, clickable_picture
from ui.filters.address import choose, choose_part, put_number
from ui.filters.damage_table import damage_table
from ui.filters.scene import Scene
from viz.figures.filters import filter_tiles, marked_png, plot_damage
from viz.results import Filters
from viz.results.filters import Lesion

_PARTS: Final = {"filters": "Filters of the layer", "layers": "Whole layers"}
_SECONDS: Final = 240.0
_AT_ONCE: Final = 256
_TILES: Final = 96  # filters in the picture of the ranking
_BARS: Final = 24


def render(scene: Scene) -> None:
    """The view.

    Raises:
        EngineError: the images are not here, or it takes too long.
    """
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        parts = choose("Knock out", _PARTS, key="parts", default="filters")
    first = 0
    with right:
        if parts == "filters":
            first = choose_part(scene.count, _AT_ONCE, key="from", what="filters")
    if parts == "layers":
        result: Lesion = scene.look("lesion", whole_layers=True, timeout=_SECONDS)
    else:
        result = scene.look("lesion", first_filter=first, timeout=_SECONDS)
    _draw(scene, result, first)


def _draw(scene: Scene, result: Lesion, first: int) -> None:
    ranking = result.ranking()
    counts = [result.counts(int(part)) for part in ranking]
    drops = np.array([-count.change for count in counts])
    errors = np.array([count.change_error for count in counts])
    names = [_name(result, int(part)) for part in ranking]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if result.layer is not None:
            _ranked_tiles(scene, result, ranking, drops, first)
        st.html(damage_table(result, names, ranking, selected=_selected(scene, result)))
        st.html(html.caption(_sentence(result, names, drops)))
    with right:
        st.plotly_chart(
            plot_damage(names[:_BARS], drops[:_BARS], errors[:_BARS]), key="filters.damage",
            config=CHART_CONFIG, alt="Accuracy lost without each part, most first",
        )  # fmt: skip
        more = f" The {_BARS} most damaging." if len(names) > _BARS else ""
        st.caption(
            "Orange: accuracy is lost; blue: it is won. Lines: one standard error, from the images "
            f"on which the network with and without the part differ.{more}"
        )


def _ranked_tiles(
    scene: Scene,
    result: Lesion,
    ranking: NDArray[np.int64],
    drops: NDArray[np.float64],
    first: int,
) -> None:
    """The filters in the order of their damage; a click chooses one."""
    found: Filters = scene.look("filters", first_filter=first, num_inputs=16)
    numbers = [int(result.parts[part]) for part in ranking[:_TILES]]
    color = scene.in_color(found)
    weights = found.weights[[number - first for number in numbers]]
    if not color:
        # One picture a filter: its kernel of the input channel that weighs most.
        flat = np.nan_to_num(weights)
        strongest = (flat**2).sum(axis=(2, 3)).argmax(axis=1)
        weights = weights[np.arange(len(weights)), strongest][:, None]
    tiles = filter_tiles(
        weights, scope="filter", layer_limit=found.layer_limit, network_limit=found.network_limit,
        color=color, width=760, height=150 if len(numbers) <= 32 else 240,
    )  # fmt: skip
    picked = clickable_picture(
        marked_png(tiles, {}), key="filters.ranking", grid=[Box(*box) for box in tiles.boxes],
        alt="The filters, the most damaging to lose first",
        texts=[
            f"Filter {number}: {_points(drop)} without it"
            for number, drop in zip(numbers, drops, strict=False)
        ],
        selected=numbers.index(scene.number) if scene.number in numbers else None,
        width=f"{tiles.image.shape[1]}px",
    )  # fmt: skip
    which = "" if color or found.num_inputs == 1 else ", each by its strongest kernel"
    st.caption(f"Most damaging to lose first{which}; a click chooses a filter.")
    if picked is not None:
        put_number("filter", numbers[picked])
        st.rerun()


def _selected(scene: Scene, result: Lesion) -> int | None:
    """Position of the chosen filter, or of the chosen layer, among the parts."""
    wanted = scene.layer if result.layer is None else str(scene.number)
    return result.parts.index(wanted) if wanted in result.parts else None


def _name(result: Lesion, part: int) -> str:
    return result.parts[part] if result.layer is None else f"filter {result.parts[part]}"


def _points(drop: float) -> str:
    """`−3.9 points`: the accuracy's change when the part is lost."""
    return f"{-drop * 100:+.1f} points".replace("-", "−")


def _sentence(result: Lesion, names: list[str], drops: NDArray[np.float64]) -> str:
    """What the ranking says."""
    whole = int(result.right_whole.sum()) / result.num_images
    some = len(result.parts)
    limit = "" if some == result.num_parts else f" {some} of {result.num_parts} were tried."
    words = f"With everything in place {html.percent(whole)} are right."
    harmless = int((drops <= 0).sum())
    if drops[0] > 0:
        words += f" Without {names[0]} {html.percent(max(whole - float(drops[0]), 0.0))} are."
    if harmless:
        plural = "parts" if result.layer is None else "filters"
        words += f" {harmless} of {some} {plural} can go without a loss on these images."
    return f"{words}{limit} {result.note}"
