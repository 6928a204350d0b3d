"""The looks into one run's network below its curves: predictions, filters, maps, health.

Each `view_*` draws one of them; the caller decides which and how often. The pictures come from the
engine's lenses, never from this process. While a run is live each look costs its network one
forward pass in another process and this one a few milliseconds; one that takes longer leaves the
last picture in place, so that it never holds the curves up.

All of them raise EngineError where there is no newer picture, after drawing the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Final

import numpy as np
import streamlit as st

from training.follow import RunFollower
from training.run_store import RunStatus
from ui import html, runtime
from ui.charts import CHART_CONFIG
from ui.looking import TICK_PATIENCE, glance
from ui.prediction_tiles import prediction_tiles
from ui.try_it import own_image
from viz.figures.health import plot_health
from viz.figures.tiles import Montage, fit_zoom, montage_filters, montage_maps
from viz.results import FeatureMaps, Filters, LayerSignals, Predictions

PREDICTION_COUNT: Final = 18
MAX_LAYERS: Final = 8
MAPS_A_ROW: Final = 8
TILE_PIXELS: Final = 56
FILTER_PIXELS: Final = 84
PICTURES: Final = "live.pictures"
"""Session key of the last picture (HTML) of each view, by run and view."""


def view_predictions(follower: RunFollower, status: RunStatus) -> None:
    """Held-out images with the three most probable classes; the truth is ticked."""
    if not _has_weights(follower):
        return
    _show("predictions", follower, status, _predictions)


def _predictions(run_id: str, patience: float | None) -> str:
    found: Predictions = glance(
        "predictions", f"run:{run_id}", count=PREDICTION_COUNT, patience=patience
    )
    if np.isfinite(found.probs).all():
        right = int((found.probs.argmax(axis=1) == found.labels).sum())
        result = f"{right} of these {len(found.labels)} right"
    else:
        result = "the network no longer answers with numbers"
    return prediction_tiles(found, top=3, width="6.2rem") + html.caption(
        f"Update {found.step:,}: {result}. The network never trains on these images. "
        "Bars: its three most probable classes; ✓ and blue: the true one."
    )


def view_filters(follower: RunFollower, status: RunStatus) -> None:
    """The weights of the first convolution, a tile a filter."""
    if not _has_weights(follower):
        return
    _show("filters", follower, status, _filters)


def _filters(run_id: str, patience: float | None) -> str:
    found: Filters = glance("filters", f"run:{run_id}", patience=patience)
    tiles = montage_filters(
        found.weights, zoom=fit_zoom(found.weights.shape[-1], FILTER_PIXELS), columns=10, gap=6
    )
    count, channels, height, width = found.weights.shape
    return (
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
    """What each layer makes of the visitor's own image, or else of a held-out one."""
    if not _has_weights(follower):
        return
    _show("maps", follower, status, _feature_maps)


def _feature_maps(run_id: str, patience: float | None) -> str:
    own: str | None = st.session_state.get(own_image(run_id))
    image = own or f"{runtime.follower(run_id).spec.dataset.name}/test/0"
    found: FeatureMaps = glance(
        "feature_maps", f"run:{run_id}", image, first=MAX_LAYERS, patience=patience
    )
    rows = [
        f"<h4>Input</h4>{html.picture(found.image, 'The input image')}",
    ]
    for layer in found.layers:
        zoom = fit_zoom(layer.maps.shape[-1], TILE_PIXELS)
        # Packing is most of the cost: half the pixels a side, and the browser doubles them.
        grown = 2 if zoom % 2 == 0 else 1
        [tiles] = montage_maps([layer.maps], columns=MAPS_A_ROW, zoom=zoom // grown, gap=2 // grown)
        blank = int(tiles.blank.sum())
        note = f", {blank} blank: nothing in this image excites them" if blank else ""
        shown = len(layer.maps)
        more = f" (first {shown})" if shown < layer.num_channels else ""
        size = "×".join(str(side) for side in layer.maps.shape[1:])
        rows.append(
            f"<h4>{escape(layer.layer)} <span>{layer.num_channels} maps{more} of {size}{note}</span></h4>"
            + _montage(tiles, f"Feature maps of {layer.layer}", grown=grown)
        )
    return (
        f'<div class="cs-maps">{"".join(f"<div>{row}</div>" for row in rows)}</div>'
        + html.caption(
            f"Update {found.step:,}, {'your image' if own else 'a test image; draw or upload your own beside it'}. "
            "Every layer has its own scale. Dark is 0 where a layer cannot be "
            "negative; elsewhere pale is 0, blue negative, orange positive."
        )
    )


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
        f"Update {health.step:,}, up to 32 images of one batch. Activations should neither shrink nor "
        "explode from layer to layer; a unit is dead when no image of the batch excites it; an update near "
        "a thousandth of the weights is healthy (Karpathy, CS231n notes, Neural networks 3)."
    )


def _show(
    name: str, follower: RunFollower, status: RunStatus, picture: Callable[[str, float | None], str]
) -> None:
    """The newest picture; where it is not ready, the last one before the error goes on."""
    run_id = follower.run_id
    kept = st.session_state.setdefault(PICTURES, {})
    if any(of_run != run_id for of_run, _ in kept):
        kept.clear()
    try:
        kept[run_id, name] = picture(run_id, TICK_PATIENCE if status.active else None)
    finally:
        if (run_id, name) in kept:
            st.html(_Whole(kept[run_id, name]))


class _Whole(str):
    """HTML to be sent as it is: Streamlit searches a plain string for indentation to take away,
    which takes longer over pictures of 50 kB than drawing them."""

    def _repr_html_(self) -> str:
        return self


def _has_weights(follower: RunFollower) -> bool:
    if follower.snapshots:
        return True
    st.caption("There are no weights to look at yet.")
    return False


def _montage(tiles: Montage, alt: str, *, grown: int = 1) -> str:
    width = tiles.pixels.shape[1] * grown
    return f'<div class="cs-montage" style="--w:{width}px">{html.image(tiles.png(), alt)}</div>'


def _scale(tiles: Montage) -> str:
    return "" if tiles.scale is None else html.color_bar(tiles.scale, tiles.limit)
