"""The looks into one run's network below its curves: predictions, filters, maps, mistakes, health.

Each `view_*` draws one of them; the caller decides which and how often. The pictures come from the
engine's lenses, never from this process. While a run is live each look costs its network one
forward pass in another process and this one a few milliseconds.
"""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from training.follow import RunFollower
from training.run_store import RunStatus
from ui import html, runtime
from ui.charts import CHART_CONFIG
from ui.mistakes import render_cell, selected_cell
from viz.figures.confusion import plot_class_accuracy, plot_confusion
from viz.figures.health import plot_health
from viz.figures.tiles import Montage, fit_zoom, montage_filters, montage_maps
from viz.results import FeatureMaps, Filters, LayerSignals, Predictions

PREDICTION_COUNT: Final = 18
MAX_LAYERS: Final = 8
MAPS_A_ROW: Final = 8
TILE_PIXELS: Final = 56
FILTER_PIXELS: Final = 84


def view_predictions(follower: RunFollower, status: RunStatus) -> None:
    """Held-out images with the three most probable classes; the truth is ticked."""
    if not _has_weights(follower):
        return
    found: Predictions = runtime.engine().look(
        "predictions", f"run:{follower.run_id}", count=PREDICTION_COUNT
    )
    right = int((found.probs.argmax(axis=1) == found.labels).sum())
    cells = [
        html.picture(image, f"A held-out {found.classes[int(label)]}")
        + html.probability_bars(probs, found.classes, target=int(label))
        for image, label, probs in zip(found.images, found.labels, found.probs, strict=True)
    ]
    st.html(
        html.tiles(cells, width="6.2rem")
        + html.caption(
            f"Update {found.step:,}: {right} of these {len(cells)} right. The network never trains on these "
            "images. Bars: its three most probable classes; ✓ and blue: the true one."
        )
    )


def view_filters(follower: RunFollower, status: RunStatus) -> None:
    """The weights of the first convolution, a tile a filter."""
    if not _has_weights(follower):
        return
    found: Filters = runtime.engine().look("filters", f"run:{follower.run_id}")
    tiles = montage_filters(
        found.weights, zoom=fit_zoom(found.weights.shape[-1], FILTER_PIXELS), columns=10, gap=6
    )
    count, channels, height, width = found.weights.shape
    st.html(
        _montage(tiles, f"{count} filters of layer {found.layer}")
        + _scale(tiles)
        + html.caption(
            f"Update {found.step:,}. {found.layer}: {count} filters of {height}×{width} weights over "
            f"{channels} input channel{'s' if channels > 1 else ''}. "
            + (
                "Colours are the weights for red, green and blue; mid-grey is 0."
                if channels == 3
                else "Orange weights excite, blue ones inhibit; pale is 0."
            )
        )
    )


def view_feature_maps(follower: RunFollower, status: RunStatus) -> None:
    """What each layer makes of one held-out image."""
    if not _has_weights(follower):
        return
    image = f"{runtime.store().spec(follower.run_id).dataset.name}/test/0"
    found: FeatureMaps = runtime.engine().look("feature_maps", f"run:{follower.run_id}", image)
    rows = [
        f"<h4>Input</h4>{html.picture(found.image, 'The input image')}",
    ]
    for layer in found.layers[:MAX_LAYERS]:
        zoom = fit_zoom(layer.maps.shape[-1], TILE_PIXELS)
        [tiles] = montage_maps([layer.maps], columns=MAPS_A_ROW, zoom=zoom)
        blank = int(tiles.blank.sum())
        note = f", {blank} blank: nothing in this image excites them" if blank else ""
        shown = len(layer.maps)
        more = f" (first {shown})" if shown < layer.num_channels else ""
        size = "×".join(str(side) for side in layer.maps.shape[1:])
        rows.append(
            f"<h4>{escape(layer.layer)} <span>{layer.num_channels} maps{more} of {size}{note}</span></h4>"
            + _montage(tiles, f"Feature maps of {layer.layer}")
        )
    st.html(
        f'<div class="cs-maps">{"".join(f"<div>{row}</div>" for row in rows)}</div>'
        + html.caption(
            f"Update {found.step:,}. Every layer has its own scale. Dark is 0 where a layer cannot be "
            "negative; elsewhere pale is 0, blue negative, orange positive."
        )
    )


def view_confusion(follower: RunFollower, status: RunStatus) -> None:
    """Which classes are taken for which; after the run, a click shows the images of a cell."""
    scores = follower.test or follower.validation or follower.sample
    if scores is None:
        st.caption("The first validation has not happened yet.")
        return
    classes = runtime.classes(follower.run_id)
    counts = np.array(scores.confusion)
    which = {"test": "the test images, never used before", "val": "the validation images"}[
        scores.split
    ]
    amount = "all" if scores.complete else "a fixed sample of"
    matrix, bars = st.columns([3, 2])
    final = not status.active and scores.complete
    with matrix:
        chosen = st.plotly_chart(
            plot_confusion(counts, classes, height=380),
            key=f"live.confusion.{scores.split}", config=CHART_CONFIG,
            on_select="rerun" if final else "ignore", selection_mode="points",
            alt="Confusion matrix: true classes down, predicted classes across",
        )  # fmt: skip
    bars.plotly_chart(
        plot_class_accuracy(counts, classes), key="live.class_accuracy", config=CHART_CONFIG,
        alt="Accuracy of each class",
    )  # fmt: skip
    st.caption(
        f"Update {scores.step:,}, {amount} {which}: {html.percent(scores.accuracy)} right. "
        + (
            "Click a cell to see its images."
            if final
            else "When the run has ended, a click on a cell shows its images."
        )
    )
    if final:
        render_cell(follower.run_id, scores.split, selected_cell(chosen), classes)


def view_health(follower: RunFollower, status: RunStatus) -> None:
    """Per layer: how large activations, gradients and updates are, and how many units are dead."""
    health = follower.health
    if health is None:
        st.caption(
            "Measuring starts with the next update…" if status.active
            else "Layer health is measured while a run trains and this view is open."
        )  # fmt: skip
        return
    layers = health.layers
    signals = LayerSignals(
        layers=tuple(layer.layer for layer in layers),
        activation_mean=np.array([layer.activation_mean for layer in layers]),
        activation_std=np.array([layer.activation_std for layer in layers]),
        dead=np.array([np.nan if layer.dead is None else layer.dead for layer in layers]),
        gradient_norm=np.array([layer.gradient_norm for layer in layers]),
        update_ratio=np.array([layer.update_ratio for layer in layers]),
    )
    st.plotly_chart(
        plot_health(signals),
        key="live.health",
        config=CHART_CONFIG,
        alt="Training signals of each layer",
    )
    st.caption(
        f"Update {health.step:,}, one batch. Activations should neither shrink nor explode from layer to layer; "
        "a unit is dead when no image of the batch excites it; an update near a thousandth of the weights "
        "is healthy (Karpathy, CS231n notes, Neural networks 3)."
    )


def _has_weights(follower: RunFollower) -> bool:
    if follower.snapshots:
        return True
    st.caption("There are no weights to look at yet.")
    return False


def _montage(tiles: Montage, alt: str) -> str:
    width = tiles.pixels.shape[1]
    return f'<div class="cs-montage" style="--w:{width}px">{html.image(tiles.png(), alt)}</div>'


def _scale(tiles: Montage) -> str:
    return "" if tiles.scale is None else html.color_bar(tiles.scale, tiles.limit)
