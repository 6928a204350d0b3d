"""What an edit does: maps before and after, the answer for the image, accuracy, and how far it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.filters.edits import Edit
from ui.filters.numbers import largest
from ui.filters.scene import LOOK_SECONDS, Scene
from ui.looking import glance
from ui.map_words import padded_map_words
from ui.text import sentence_safe
from viz.figures.filters import plot_change_through
from viz.figures.tiles import fit_zoom, montage_maps
from viz.results.filters import EditAccuracy, Edited, PairedCounts

MAPS: Final = "maps"
"""What the link calls the layer whose maps are compared."""
_ONE: Final = 180  # pixels a side of a single map, about
_MANY: Final = 44
_SHOWN: Final = 24  # maps of another layer


def render(scene: Scene, result: Edited, layers: Sequence[str], edits: Sequence[Edit]) -> None:
    """Everything beside the tools; `layers` are those whose maps can be compared."""
    edited = bool(edits)
    _maps(scene, result, layers)
    answer, through = st.columns(2, gap="medium")
    with answer:
        _answer(result)
        accuracy = st.container()
    with through:
        st.plotly_chart(
            plot_change_through(result.layers, result.moved), key="filters.through",
            config=CHART_CONFIG, alt="How far the maps of each layer have moved",
        )  # fmt: skip
        if edited:
            st.caption(
                "For this image: length of the change of a layer's maps over the length of the maps."
            )
    with accuracy:  # last, for it looks at many images: the page is there while it waits
        try:
            _accuracy(_measure(scene, edits), edited=edited)
        except EngineError as error:
            st.caption(sentence_safe(error))


def _measure(scene: Scene, edits: Sequence[Edit]) -> EditAccuracy:
    chosen = scene.chosen
    found: EditAccuracy = glance(
        "edit_accuracy", chosen.model, edits=edits, timeout=LOOK_SECONDS, **chosen.options
    )
    return found


def _maps(scene: Scene, result: Edited, layers: Sequence[str]) -> None:
    """The image, and the maps before, after and their difference."""
    if result.maps_layer == result.layer:
        chosen, side = np.flatnonzero(result.channels == result.number), _ONE
        words = f"Map of filter {result.number}"
    else:
        change = np.abs(result.maps_after - result.maps_before).sum(axis=(1, 2))
        chosen = np.argsort(-np.nan_to_num(change), kind="stable")[:_SHOWN]
        side = _MANY
        words = f"{len(chosen)} of {result.num_channels} maps of {result.maps_layer}, what changes most first"
    heading, layer = st.columns([3, 2], vertical_alignment="bottom")
    with heading:
        st.html(html.heading(words))
    with layer:
        _choose_maps(scene, layers, result.maps_layer)
    before, after = result.maps_before[chosen], result.maps_after[chosen]
    signed = bool((before < 0).any() or (after < 0).any())
    limit = max(largest(before), largest(after))
    cells = [f"<figure><h4>Image</h4>{html.picture(result.image, 'The image')}</figure>"]
    for title, maps, below_0, top in (
        ("before", before, signed, limit),
        ("after", after, signed, limit),
        ("after − before", after - before, True, largest(after - before)),
    ):
        [tiles] = montage_maps(
            [maps], scaling="global", limit=top, signed=below_0, columns=min(len(chosen), 4),
            zoom=fit_zoom(maps.shape[-1], side),
        )  # fmt: skip
        picture = html.image(tiles.png(), f"{words}, {title}")
        bar = html.caption("No difference.")
        if top:
            bar = html.color_bar("diverging" if below_0 else "sequential", tiles.limit)
        cells.append(f"<figure><h4>{title}</h4>{picture}{bar}</figure>")
    st.html(f'<div class="cs-filters-four">{"".join(cells)}</div>')
    padded = padded_map_words(result.maps_layer, before.shape, result.image.shape)
    if note := f"{padded} {result.note}".strip():
        st.caption(sentence_safe(note))


def _choose_maps(scene: Scene, layers: Sequence[str], chosen: str) -> None:
    """The layer whose maps are compared, in the link as `?maps=`."""
    widget = "filters.maps"
    st.session_state[widget] = chosen

    def take() -> None:
        if st.session_state[widget] == scene.layer:
            st.query_params.pop(MAPS, None)
        else:
            st.query_params[MAPS] = st.session_state[widget]

    st.selectbox("Maps of", layers, key=widget, on_change=take)


def _answer(result: Edited) -> None:
    """The most probable classes, before and after, in the same order."""
    order = np.argsort(-np.maximum(result.probs_before, result.probs_after), kind="stable")[:3]
    names = [result.classes[index] for index in order]
    target = None
    if result.label is not None and result.label in order:
        target = int(np.flatnonzero(order == result.label)[0])
    sides = [
        f"<figure><h4>{title}</h4>"
        + html.probability_bars(probs[order], names, target=target, top=3)
        + "</figure>"
        for title, probs in (("before", result.probs_before), ("after", result.probs_after))
    ]
    st.html(
        html.heading("Answer for the image")
        + f'<div class="cs-filters-pair">{"".join(sides)}</div>'
    )


def _accuracy(result: EditAccuracy, *, edited: bool) -> None:
    """Accuracy on held-out images, how sure the difference is, and each class."""
    counts = result.counts
    if counts is None:
        st.caption(sentence_safe(result.counted))
        return
    before, after = (n / counts.num_images for n in (counts.right_before, counts.right_after))
    st.html(
        html.figures(
            [
                ("Accuracy before", html.percent(before), result.counted),
                ("after", html.percent(after), result.counted),
                ("broken", str(counts.broken), "Images right before and wrong after"),
                ("fixed", str(counts.fixed), "Images wrong before and right after"),
            ]
        )
    )
    st.caption(sentence_safe(f"{verdict(counts) if edited else ''} {result.counted}".strip()))
    if edited and counts.broken + counts.fixed:
        st.html(_classes(result))


def verdict(counts: PairedCounts) -> str:
    """How the accuracy changes, with its uncertainty, as a sentence."""
    if not counts.broken + counts.fixed:
        return "No held-out image changes sides."
    change, error = counts.change * 100, counts.change_error * 100
    sign = "+" if change > 0 else "−" if change < 0 else ""
    words = f"The accuracy changes by {sign}{abs(change):.1f} ± {error:.1f} percentage points"
    if abs(change) > 2 * error:
        return f"{words} (one standard error, of images answered twice)."
    return f"{words} (one standard error): no more than chance could make of it."


def _classes(result: EditAccuracy) -> str:
    """Right answers of each class that changes, before and after."""
    rows = [
        (
            name,
            f"{int(before)} of {int(total)}",
            f"{int(after)} of {int(total)}",
            f"{int(after - before):+d}".replace("-", "−"),
        )
        for name, total, before, after in zip(
            result.classes, result.totals, result.right_before, result.right_after, strict=True
        )
        if before != after
    ]
    return html.table(("class", "right before", "after", "change"), rows, numeric=(1, 2, 3))
