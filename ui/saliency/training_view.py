"""The same method at the same image while the network learned: when the evidence moved to the object."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import streamlit as st

from ui import html
from ui.components.player import Bars, Frame, Panel, Pictures, Played, Values, player
from ui.saliency.asking import Question
from ui.saliency.display import Display, draw, has_sign
from ui.saliency.link import put, read_number
from ui.saliency.method import render_method, render_options
from ui.saliency.scene import Scene
from ui.saliency.series import Item, place_line, run_series
from ui.saliency.target import Target, render_bars, render_target, share_words
from ui.saliency.tiles import open_view, place_tiles, tile, tile_html, wait
from ui.subject.address import MAIN
from ui.subject.moments import go_to
from ui.text import markdown_safe, sentence_safe
from viz.attribution.table import METHODS
from viz.figures.attribution import Floats, find_extent
from viz.figures.tiles import encode_png, fit_zoom
from viz.results import Classification
from viz.results.attribution import Attribution
from viz.results.history import choose_moments

MOST: Final = 12  # moments
_BARS: Final = 10
_TILE: Final = 118


def render_training(scene: Scene) -> None:
    """The view."""
    chosen = scene.chosen  # at the newest weights: the player's slider is the only one
    if not chosen.steps:
        why = "has no moment yet" if chosen.history is not None else "was not trained here"
        st.info(
            f"{markdown_safe(chosen.title)} {why}, so there are no earlier moments of it: choose a network "
            "that comes with ConvScope, or train one.",
            icon=":material/history_toggle_off:",
        )
        return
    with st.container(key="cs-saliency-training"):
        controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_method(scene.asked, scene.support)
        render_target(chosen, scene.said, scene.target)
        render_bars(
            scene.said, scene.target,
            f"After the last update, {chosen.steps[-1]:,}: what is explained at every moment is chosen here.",
        )  # fmt: skip
        render_options(scene.asked, chosen, scene.support)
    with stage:
        if scene.asked.refusal:
            st.info(sentence_safe(scene.asked.refusal), icon=":material/block:")
            return
        _moments(scene, choose_moments(chosen.steps, MOST))


def fixed_target(target: Target, said: Classification) -> dict[str, Any]:
    """The same class at all moments: where none is chosen, the answer of the moment looked at."""
    if target.is_unit or "class" in target.request:
        return dict(target.request)
    return {**target.request, "class": int(np.nan_to_num(said.probs, nan=-1).argmax())}


def _moments(scene: Scene, steps: Sequence[int]) -> None:
    """The strip fills moment by moment; when all are there they can be played."""
    chosen = scene.chosen
    line = place_line()
    stage = st.container()
    with place_tiles():
        places = [
            tile(
                f"step-{step}", f"{step:,}", width=_TILE, explain="Open this moment",
                open_it=_open, args=(step,),
            )
            for step in steps
        ]  # fmt: skip
    for place in places:
        wait(place, "Waiting")
    request = fixed_target(scene.target, scene.said)

    def make(found: Attribution) -> str:
        return tile_html(
            found, scene.display, "over", line=_line(found), settings=scene.asked.settings
        )

    items = [
        Item(
            Question(
                f"{chosen.base}@{step}", chosen.image, scene.asked.method.name, request,
                scene.asked.layer, scene.asked.settings,
            ),
            place, make,
        )
        for step, place in zip(steps, places, strict=True)
    ]  # fmt: skip
    answers = run_series(
        items, chosen, key="training", line=line,
        words=f"{METHODS[scene.asked.method.name].title} for {scene.target.words}, update by update.",
    )  # fmt: skip
    found = [(step, one) for step, one in zip(steps, answers, strict=True) if one is not None]
    with stage:
        if found:
            _play(scene, found)
    st.html(
        html.caption(
            "Each small map has a scale of its own, the large one keeps one scale for all moments."
        )
    )


def _line(found: Attribution) -> str:
    if found.positive is None:
        return ""
    return f"<span>{html.percent(float(found.probs[found.positive]))}</span>"


def _play(scene: Scene, found: Sequence[tuple[int, Attribution]]) -> None:
    frames = [
        Frame(label=f"Update {step:,}", caption=_caption(one), at=step) for step, one in found
    ]
    panels = build_panels([one for _, one in found], scene.display, scene.asked.settings)
    linked = read_number("at", 0, 10**9, "Update")
    steps = [step for step, _ in found]
    start = Played(int(linked) if linked in steps else None)
    st.fragment(_player)(_key(scene, steps), frames, panels, start)


def _player(key: str, frames: list[Frame], panels: list[Panel], start: Played) -> None:
    played = player(frames, key=key, panels=panels, start=start, label="Moment of the training")
    linked = st.query_params.get("at")
    now = None if played.at is None else str(played.at)
    if now != linked:
        put(at=now)


def _key(scene: Scene, steps: Sequence[int]) -> str:
    """Another question is another player."""
    asked = [
        scene.chosen.base, scene.chosen.image, scene.asked.method.name, scene.asked.layer,
        scene.asked.settings, scene.target.request, list(steps),
    ]  # fmt: skip
    digest = hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=6)
    return f"saliency.player.{digest.hexdigest()}"


def build_panels(
    found: Sequence[Attribution], display: Display, settings: Mapping[str, Any] | None = None
) -> list[Panel]:
    """The map on one scale for all moments, the same on the image, and the probabilities."""
    method = METHODS[found[0].method]
    display = replace(display, dark=False)  # the player has the scale of light pages
    drawn = [draw(one, display, settings=settings) for one in found]
    stack: Floats = np.stack([one.placed for one in drawn])  # (T, H, W)
    # The widest of the moments' own scales: many pale early ones must not clip the late ones.
    widest = max(one.extent.limit for one in drawn)
    extent = find_extent(stack, percentile=100.0, signed=has_sign(method, settings), limit=widest)
    over = [draw(one, display, limit=extent.limit, settings=settings).over for one in found]
    zoom = fit_zoom(max(over[0].shape[:2]), 320)
    first = found[0]
    classes = _classes(found)
    probs = np.stack([one.probs for one in found])[:, classes]
    return [
        Values(
            method.title, stack[:, None], extent.limit, scale=extent.scale, tile="", grow=1.5,
            note=f"For {first.aim}. One scale for all moments, ends at {extent.limit:.3g}.",
            pixels=400,
        ),
        Pictures(
            "On the image", [encode_png(one, zoom=zoom) for one in over], grow=1.5, pixels=400,
            alt=f"{method.title} for {first.aim} on the image",
        ),
        Bars(
            "Prediction", [first.classes[at] for at in classes], probs,
            classes.index(first.label) if first.label in classes else None, grow=1.0,
        ),
    ]  # fmt: skip


def _classes(found: Sequence[Attribution]) -> list[int]:
    """The classes of the bars: all, or those that were ever likely, always in the same order."""
    probs = np.nan_to_num(np.stack([one.probs for one in found]))
    if probs.shape[1] <= _BARS:
        return list(range(probs.shape[1]))
    chosen = {int(at) for at in np.argsort(-probs.max(axis=0), kind="stable")[:_BARS]}
    chosen |= {at for at in (found[0].label, found[0].positive) if at is not None}
    return sorted(chosen)


def _caption(found: Attribution) -> str:
    best = int(np.nan_to_num(found.probs, nan=-1).argmax())
    return f"says {found.classes[best]} with {share_words(float(found.probs[best]))}"


def _open(step: int) -> None:
    go_to(MAIN, step)
    open_view("one")
