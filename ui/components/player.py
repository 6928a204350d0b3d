"""Plays a row of moments in the browser: drag, play, step, hold two side by side.

Nothing is asked of the server while a person scrubs; it hears where they came to rest, so that the
link can say it. Frames that are added while it plays on leave the moment that is looked at in
place, or are followed where the newest was being looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.components.assets import renderer
from ui.components.player_data import Bars, Frame, Line, Panel, Pictures, Values, encode

__all__ = ["Bars", "Frame", "Line", "Panel", "Pictures", "Played", "Values", "player"]


@dataclass(frozen=True)
class Played:
    """What a person looks at: frames by their `at`."""

    at: int | None  # where they came to rest; None: at the last, and follows it
    pinned: int | None = None  # held as A beside it
    own_scale: bool = False  # each moment has a scale of its own


def player(
    frames: Sequence[Frame],
    *,
    key: str,
    panels: Sequence[Panel] = (),
    lines: Sequence[Line] = (),
    start: Played | None = None,
    label: str = "Moment",
    live: bool = False,
) -> Played:
    """Show frames with a slider below a strip of curves; a rerun follows when it comes to rest.

    Call it inside an `st.fragment` so that only that is rerun. Arrow keys step, Home and End go to
    the ends, Space plays.

    Args:
        frames: at least one; more may come later with the same `key`, in between too.
        key: names the player. Another key is another player, which begins at its `start`.
        panels: what stands side by side, each with something for every frame. Without panels the
            frames' own pictures are played.
        lines: curves above the slider, over the frames' `at`.
        start: where it begins the first time; default: at the last frame.
        label: what the slider chooses, for those who hear it.
        live: whether more frames are to be expected, which is said.

    Raises:
        ValueError: no frames, or panels that do not fit them.
    """
    begin, visit = _begin(key, start or Played(None))
    result: Any = renderer("player")(
        key=key,
        data={
            **encode(frames, panels, lines),
            "start": {"at": begin.at, "pinned": begin.pinned, "own": begin.own_scale},
            "visit": visit,
            "label": label,
            "live": live,
        },
        default={"view": None},
        on_view_change=lambda: None,
    )
    return decode_view(result.view, begin)


def decode_view(value: object, begin: Played) -> Played:
    """What a message of the browser says; `begin` before there is one and for anything malformed."""
    if not isinstance(value, dict):
        return begin
    at, pinned, own = value.get("at"), value.get("pinned"), value.get("own")
    numbers = [number for number in (at, pinned) if number is not None]
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        return begin
    return Played(at, pinned, own is True)


def _begin(key: str, start: Played) -> tuple[Played, str]:
    """Where this player began, and a name for this visit to it.

    What it is sent must not change as it is scrubbed, or all of it would be sent again. The browser
    goes on where it was when Streamlit builds it anew within the same visit.
    """
    if key not in st.session_state:  # it is not on the page yet, or no longer
        st.session_state[f"{key}.begin"] = start, secrets.token_hex(6)
    begun: tuple[Played, str] = st.session_state[f"{key}.begin"]
    return begun
