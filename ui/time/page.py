"""The time machine: one slider over a network's snapshots moves every view of it at once.

All moments are fetched before the first is shown, so that scrubbing asks the server nothing. While
the network trains the page looks every two seconds whether a moment has been added.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from training.history import History
from training.run_store import RunError
from ui import html
from ui.components.player import Played, player
from ui.subject.address import MAIN, locked, read
from ui.subject.bar import Chosen, subject_bar
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer
from ui.subject.moments import find_step, go_to
from ui.text import sentence_safe
from ui.time.download import download_menu
from ui.time.panels import build_frames, build_lines, build_panels
from ui.time.past import Question, gather, is_active, steps_now, training_loss
from viz.results.fields import FieldTable
from viz.results.history import Moments, choose_moments
from viz.results.network import NetworkMap

GROW_SECONDS: Final = 2.0
PIN: Final = "pin"
SCALE: Final = "scale"
_NORMS: Final = ("BatchNorm2d", "GroupNorm", "InstanceNorm2d", "LayerNorm", "Identity", "Dropout")


def render() -> None:
    """The whole page."""
    chosen = subject_bar(moment=False)
    if chosen is None:
        return
    if chosen.history is None or chosen.image is None:
        st.info(
            f"{sentence_safe(chosen.title)} was not trained here, so no earlier moments of it are kept. "
            "Choose a network that comes with ConvScope, or train one: every run has a past.",
            icon=":material/history_toggle_off:",
        )
        return
    _grow(chosen.history, choose_moments(chosen.history.steps), is_active(chosen.history))
    if not chosen.history.steps:
        st.caption(":material/hourglass_top: The first moment comes with the first update.")
        return
    try:
        question, download = _choose(chosen)
        found = gather(question, chosen.history)
        curve = training_loss(chosen.history)
    except (EngineError, RunError) as error:
        st.error(sentence_safe(error), icon=":material/error:")
        return
    if found is None:
        return
    active = is_active(chosen.history)
    shown = {
        "panels": build_panels(found), "lines": build_lines(found, curve), "live": active,
    }  # fmt: skip
    st.fragment(_play)(chosen, build_frames(found), shown)
    with download:
        download_menu(found, chosen.title)
    st.caption(_say(found, active))


def default_layer(network: NetworkMap) -> str | None:
    """What the first convolution becomes before it is mixed again: its activation, else itself."""
    maps = network.maps
    convolutions = [layer.name for layer in network.convolutions]
    names = [layer.name for layer in maps]
    if not convolutions or convolutions[0] not in names:
        return names[0] if names else None
    for layer in maps[names.index(convolutions[0]) + 1 :]:
        if layer.name in convolutions or "Pool" in layer.kind:
            break
        if layer.kind not in _NORMS:
            return layer.name
    return convolutions[0]


def field_layers(table: FieldTable, network: NetworkMap) -> list[str]:
    """Layers with maps whose units are several and see a part of the image; else all with maps."""
    names = [layer.name for layer in network.maps]
    placed = {layer.layer for layer in table.layers if layer.placed and layer.units != (1, 1)}
    return [name for name in names if name in placed] or names


def _choose(chosen: Chosen) -> tuple[Question, Any]:
    """The layers to look at, and the place for the downloads beside them."""
    network = chosen.network
    names = [layer.name for layer in network.maps]
    layer = default_layer(network)
    fields = field_layers(ask_once("receptive_fields", chosen.base), network)
    field = fields[-1] if fields else None
    left, middle, right = st.columns([4, 4, 2], vertical_alignment="bottom")
    if names and not locked():
        with left:
            layer = choose_layer(names, network, default=layer, label="Filters and maps of")
        with middle:
            field = choose_layer(
                fields, network, key="field", default=field, label="Effective receptive field of"
            )
    return Question(chosen.base, chosen.image or "", layer, field), right


def _play(chosen: Chosen, frames: list[Any], shown: dict[str, Any]) -> None:
    """The player; where it comes to rest goes into the link. Reruns alone."""
    start, note = _linked(chosen.history)
    if note:
        st.caption(f":material/info: {sentence_safe(note)}")
    played = player(
        frames,
        key=f"time.player.{chosen.base}",
        start=start,
        label="Moment of the training",
        **shown,
    )
    query = st.query_params
    if played != start:
        go_to(MAIN, played.at)
        for name, value in (
            (PIN, None if played.pinned is None else str(played.pinned)),
            (SCALE, "own" if played.own_scale else None),
        ):
            if value is None:
                query.pop(name, None)
            else:
                query[name] = value


def _linked(history: History | None) -> tuple[Played, str]:
    """Where the link says to begin, and a sentence about what of it is left out."""
    link, query = read(MAIN), st.query_params
    named = link.get("model", "").partition("@")[2]
    step, note = find_step(link.get("step"), int(named) if named else None, history)
    pinned = None
    if PIN in query:
        text = query[PIN]
        if text.isdecimal() and len(text) <= 9:
            pinned = int(text)
        else:
            note = (
                f"{note} pin={text[:20]} is no number of updates, so nothing is compared.".strip()
            )
    return Played(step, pinned, query.get(SCALE) == "own"), note


def _grow(history: History, drawn: tuple[int, ...], active: bool) -> None:
    """Nothing to see: has the page drawn again when there is a new moment, or the run has ended."""
    if active:
        st.fragment(_watch, run_every=GROW_SECONDS)(history, drawn, [])


def _watch(history: History, drawn: tuple[int, ...], ticks: list[None]) -> None:
    if ticks and (choose_moments(steps_now(history)) != drawn or not is_active(history)):
        st.rerun()
    ticks.append(None)


def _say(found: Moments, active: bool) -> str:
    """One sentence about the whole history, and what its colours mean."""
    steps = [one.step for one in found.moments]
    accuracy = np.array([one.accuracy for one in found.moments])
    words = []
    if found.missing:
        words.append(f"No confusion and accuracy: {sentence_safe(found.missing)}")
    elif len(steps) > 1 and accuracy[-1] > accuracy[0]:
        half = (accuracy[0] + accuracy[-1]) / 2
        at = int(np.argmax(accuracy >= half))
        words.append(
            f"From update {steps[0]:,} to {steps[-1]:,} accuracy goes from {html.percent(accuracy[0])} to "
            f"{html.percent(accuracy[-1])} of {found.held_out}; half of the way is done at update {steps[at]:,}."
        )
    changed = _largest_change(found)
    if changed is not None:
        words.append(
            f"The filters of {sentence_safe(found.filter_layer)} move most between updates "
            f"{steps[changed]:,} and {steps[changed + 1]:,}."
        )
    words.append("Each panel keeps one colour scale over the whole history.")
    if active:
        words.append("The network is still training: moments are added as they come.")
    if found.note:
        words.append(sentence_safe(found.note))
    return " ".join(words)


def _largest_change(found: Moments) -> int | None:
    """Between which moment and its next the filters changed most, by the norm of the difference."""
    filters = [one.filters for one in found.moments if one.filters is not None]
    if len(filters) < 2 or len(filters) != len(found.moments):
        return None
    moved = [
        float(np.linalg.norm(np.nan_to_num(after - before)))
        for before, after in itertools.pairwise(filters)
    ]
    return int(np.argmax(moved)) if max(moved) > 0 else None
