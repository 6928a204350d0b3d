"""Which moment of its training a network is looked at: the slider over its snapshots.

The step stands in the link as `?step=`; without it the newest weights are meant. Whatever moves
the moment (the slider, Play, another part of a page) calls `go_to`, and the whole page follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from models.references import RunRef
from training.history import History
from training.run_store import RunError
from ui import runtime
from ui.subject.address import MAIN, Slot, mend, put, read
from ui.subject.models import Model

NEWEST: Final = -1
"""The slider's last place: the newest weights, whichever they are."""
PLAY_SECONDS: Final = 0.33
GROW_SECONDS: Final = 1.0


def find_step(
    text: str | None, named: int | None, history: History | None
) -> tuple[int | None, str]:
    """The snapshot a link means, and a sentence where it is not the one that it names.

    Args:
        text: `?step=`, a number or "newest"; None: not there.
        named: the step that the model reference itself carries; `text` overrides it.
        history: of the network; None: it was not trained here.

    Returns:
        One of the history's steps, None for the newest; the sentence, mostly empty.
    """
    if history is None:
        said = "This network keeps no earlier moments: the link's step is left out."
        return None, said if text is not None else ""
    wanted = named
    if text == "newest":
        return None, ""
    if text is not None:
        if not (text.isascii() and text.isdecimal()) or len(text) > 9:
            return None, f"step={text[:20]} is no number of updates: the newest weights are shown."
        wanted = int(text)
    if wanted is None or wanted in history.steps:
        return wanted, ""
    if not history.steps:
        return None, "No moment of this run is kept yet: the newest weights are shown."
    target = wanted
    near = min(history.steps, key=lambda kept: abs(kept - target))
    return near, f"No weights are kept of update {wanted:,}: shown is update {near:,}, the nearest."


def go_to(slot: Slot, step: int | None) -> None:
    """Another moment, None for the newest. Call it in a callback, or `st.rerun()` after it."""
    st.session_state[slot.key("playing")] = None
    model = read(slot).get("model")
    base = None if model is None else model.partition("@")[0]
    newest = None if slot == MAIN else "newest"  # a second subject begins elsewhere
    put(slot, model=base, step=newest if step is None else str(step))


def played_step(slot: Slot) -> int | None:
    """Where playing is; it goes into the link when it ends. None: nothing is playing."""
    at: int | None = st.session_state.get(slot.key("playing"))
    return at


def step_title(step: int | None, history: History, *, active: bool) -> str:
    """`update 120`, or what the newest weights are."""
    if step is not None:
        return f"update {step:,}"
    if active or not history.steps:
        return "the newest weights"
    return f"update {history.steps[-1]:,}, the last"


def render_moment(slot: Slot, model: Model, step: int | None) -> None:
    """The slider with Play; it grows by itself while the network trains."""
    if model.history is None:
        return
    playing = played_step(slot) is not None
    ticks = PLAY_SECONDS if playing else GROW_SECONDS if model.active else None
    drawn = _Drawn(model, model.history, step, playing, read(slot))
    st.fragment(_moment, run_every=ticks)(slot, drawn)


@dataclass
class _Drawn:
    """What the page was drawn with: whatever differs from it now asks for the page to be redrawn."""

    model: Model
    history: History
    step: int | None
    playing: bool
    link: dict[str, str]
    ticks: int = 0


def _moment(slot: Slot, drawn: _Drawn) -> None:
    """The slider. Runs after the first are ticks, or answers to the widgets in here."""
    steps, active = _now(drawn)
    if drawn.ticks:
        mend()
        at = played_step(slot)
        if drawn.playing and at is not None:
            _advance(slot, steps, at)
            st.rerun()
        grown = drawn.step is None and steps != drawn.history.steps
        changed = read(slot) != drawn.link or (at is not None) != drawn.playing
        if changed or grown or active != drawn.model.active:
            st.rerun()
    drawn.ticks += 1
    _draw(slot, drawn, steps, active)


def _now(drawn: _Drawn) -> tuple[tuple[int, ...], bool]:
    """The snapshots there are by now, and whether more will come."""
    reference = drawn.history.reference
    if not isinstance(reference, RunRef) or not drawn.model.active:
        return drawn.history.steps, False
    store = runtime.store()
    try:
        active = store.status(reference.run_id).active
    except RunError:  # deleted: the page is drawn again and says so
        return drawn.history.steps, False
    return tuple(store.snapshot_steps(reference.run_id)), active


def _draw(slot: Slot, drawn: _Drawn, steps: tuple[int, ...], active: bool) -> None:
    if not steps:
        st.caption("No moment is kept yet; the first comes with the first update.")
        return
    # of a run that has ended the last snapshot is the newest weights: one place for both
    places = [*(steps if active else steps[:-1]), NEWEST]
    if len(places) < 2:
        st.caption(f"Its only moment: {step_title(None, drawn.history, active=active)}.")
        return
    widget = slot.key("moment")
    place = NEWEST if drawn.step is None or drawn.step not in places else drawn.step
    st.session_state[widget] = place

    def take() -> None:
        if played_step(slot) is None:  # else a tick brings along where the slider stood before
            chosen = st.session_state[widget]
            go_to(slot, None if chosen == NEWEST else chosen)

    def toggle() -> None:
        if drawn.playing:
            go_to(slot, played_step(slot))
        else:
            st.session_state[slot.key("playing")] = steps[0] if place == NEWEST else place

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Pause" if drawn.playing else "Play", key=slot.key("play"), on_click=toggle,
            icon=":material/pause:" if drawn.playing else ":material/play_arrow:",
            help="Go through the moments of the training, about three a second",
        )  # fmt: skip
        st.select_slider(
            "Moment of the training", places, key=widget, on_change=take,
            label_visibility="collapsed", format_func=lambda at: _place_title(at, steps, active),
            disabled=drawn.playing,  # a hand could not hold it against the ticks
        )  # fmt: skip


def _place_title(place: int, steps: tuple[int, ...], active: bool) -> str:
    if place != NEWEST:
        return f"update {place:,}"
    return "newest" if active else f"update {steps[-1]:,}"


def _advance(slot: Slot, steps: tuple[int, ...], at: int) -> None:
    """The next moment; at the last one playing ends.

    The link follows at the end only: each change of it would be a step back in the browser.
    """
    later = [one for one in steps if one > at]
    if len(later) > 1:
        st.session_state[slot.key("playing")] = later[0]
    else:
        go_to(slot, None)
