"""The time machine: one slider over a network's snapshots moves every view of it at once.

All moments are fetched before the first is shown, so that scrubbing asks the server nothing. While
the network trains the page looks every two seconds whether a moment has been added.
"""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from training.history import History
from training.run_store import RunError
from ui.components.player import Played, player
from ui.subject.address import MAIN, locked, read
from ui.subject.bar import Chosen, subject_bar
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer
from ui.subject.moments import find_step, go_to
from ui.text import sentence_safe
from ui.time.download import download_menu
from ui.time.panels import build_frames, build_lines, build_panels
from ui.time.past import (
    Question,
    filter_moves,
    gather,
    is_active,
    steps_now,
    training_loss,
)
from ui.time.summary import summarize
from viz.results.fields import FieldTable
from viz.results.history import choose_moments
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
        st.page_link("pages/train/live.py", label="Train one", icon=":material/play_arrow:")
        return
    steps = choose_moments(chosen.history.steps)
    active = is_active(chosen.history)
    _show(chosen, chosen.history, active)
    if active:  # below everything else, so that nothing moves when it has gone
        st.fragment(_watch, run_every=GROW_SECONDS)(chosen.history, steps, [])


def _show(chosen: Chosen, history: History, active: bool) -> None:
    """Choices, player, downloads and the sentence; or why there is nothing to play."""
    if not history.steps:
        st.caption(
            ":material/hourglass_top: The first moment comes with the first update."
            if active
            else "This run ended before its first moment was kept: there is nothing to play."
        )
        return
    try:
        question, download = _choose(chosen)
        start, note = _linked(history)
        found = gather(question, history, also=(start.at, start.pinned))
        moves = [] if found is None else filter_moves(question, history, found)
        curve = training_loss(history)
    except (EngineError, RunError) as error:
        st.error(sentence_safe(error), icon=":material/error:")
        return
    if found is None:
        return
    if note:
        st.caption(f":material/info: {sentence_safe(note)}")
    shown = {
        "panels": build_panels(found), "lines": build_lines(found, curve), "live": active,
    }  # fmt: skip
    st.fragment(_play)(chosen, build_frames(found), shown)
    with download:
        download_menu(found, chosen.title)
    st.caption(summarize(found, moves, active=active))


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
    start, _ = _linked(chosen.history)
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
        if text.isascii() and text.isdecimal() and len(text) <= 9:
            pinned, said = find_step(text, None, history)
            note = f"{note} {said}".strip()
        else:
            note = (
                f"{note} pin={text[:20]} is no number of updates, so nothing is compared.".strip()
            )
    return Played(step, pinned, query.get(SCALE) == "own"), note


def _watch(history: History, drawn: tuple[int, ...], ticks: list[None]) -> None:
    """Nothing to see: has the page drawn again when there is a new moment, or the run has ended."""
    if ticks and (choose_moments(steps_now(history)) != drawn or not is_active(history)):
        st.rerun()
    ticks.append(None)
