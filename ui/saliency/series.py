"""Many maps asked one after the other, with one line above them that says how far it is and stops all.

`ui.streaming.watch` is for one picture: its bar and its Stop stand below that picture and are gone
with it. Here the line stays where it is from the first map to the last. Whoever presses Stop keeps
what is there, the unfinished map too, and nothing more is computed until it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import runtime
from ui.looking import NotYetError
from ui.saliency.asking import TIMEOUT, Question, lens_options
from ui.saliency.tiles import wait
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from viz.results.attribution import Attribution

_KEPT: Final = "saliency.series."


@dataclass(frozen=True)
class Item:
    """One map of a series: what is asked, the place it is drawn into, and how."""

    asked: Question
    place: Any
    make: Callable[[Attribution], str]


@dataclass
class _Kept:
    """What there is of a series, so that Stop can leave it on the page."""

    questions: str
    found: dict[int, Attribution | str] = field(default_factory=dict)  # or why there is none
    stopped: bool = False


def place_line() -> Any:
    """The place above the maps for how far it is, of one height, so that nothing jumps."""
    with st.container(key="cs-saliency-line"):
        return st.empty()


def run_series(
    items: Sequence[Item], chosen: Chosen, *, key: str, line: Any, words: str
) -> list[Attribution | None]:
    """Fill all places; the maps that are complete, None where one is not.

    Args:
        items: in the order in which they are computed.
        chosen: the subject of all.
        key: of this series on the page.
        line: of `place_line`.
        words: what stands in the line when all are there.

    Raises:
        NotYetError: the engine warms up.
    """
    questions = json.dumps([asdict(item.asked) for item in items], sort_keys=True)
    kept: _Kept | None = st.session_state.get(_KEPT + key)
    if kept is not None and kept.stopped and kept.questions == questions:
        return _show_kept(items, kept, key, line)
    if not runtime.engine().capacity().ready:
        raise NotYetError("The engine is warming up; pictures come in a few seconds.")
    kept = _Kept(questions)
    st.session_state[_KEPT + key] = kept
    bar = _Bar(line, key, len(items))
    for at, item in enumerate(items):
        try:
            _fill(item, chosen, kept, at, bar)
        except EngineError as error:
            kept.found[at] = str(error)
            wait(item.place, str(error))
        bar.move(at + 1)
    line.caption(sentence_safe(words))
    del st.session_state[_KEPT + key]
    return _complete(kept, len(items))


def _fill(item: Item, chosen: Chosen, kept: _Kept, at: int, bar: _Bar) -> None:
    asked = item.asked
    with closing(
        runtime.engine().watch(
            "attribution", asked.model, asked.image, timeout=TIMEOUT, **lens_options(asked, chosen)
        )
    ) as results:
        for result in results:
            if result is None:
                bar.show(at, 0.0 if at not in kept.found else None)
                continue
            kept.found[at] = result
            if result.share < 1:
                bar.show(at, float(result.share))
            item.place.html(item.make(result))


def _show_kept(items: Sequence[Item], kept: _Kept, key: str, line: Any) -> list[Attribution | None]:
    for at, item in enumerate(items):
        found = kept.found.get(at)
        if isinstance(found, Attribution):
            item.place.html(item.make(found))
        else:
            wait(item.place, "Not computed" if found is None else found)
    complete = _complete(kept, len(items))
    done = sum(one is not None for one in complete)
    with line.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Stopped: {done} of {len(items)} are complete.")
        st.button(
            "Compute the rest", icon=":material/play_arrow:", key=f"saliency.{key}.all",
            type="tertiary", on_click=_go_on, args=(key,),
        )  # fmt: skip
    return complete


def _complete(kept: _Kept, count: int) -> list[Attribution | None]:
    found = (kept.found.get(at) for at in range(count))
    return [
        one if isinstance(one, Attribution) and one.share >= 1 else None for one in found
    ]  # fmt: skip


class _Bar:
    """How far a series is, and the button that ends it; not there before it is needed, as answers
    that the engine has already come at once."""

    def __init__(self, line: Any, key: str, count: int) -> None:
        self._line, self._key, self._count = line, key, count
        self._bar: Any = None
        self._part = 0.0  # of the map under way

    def show(self, done: int, part: float | None) -> None:
        """Say that `done` maps are there and `part` of the next; None: as much as before.

        Drawing is also where Streamlit ends this script when the visitor has clicked.
        """
        if self._bar is None:
            with self._line.container(horizontal=True, vertical_alignment="center"):
                self._bar = st.empty()
                st.button(
                    "Stop", icon=":material/stop:", key=f"saliency.{self._key}.stop",
                    type="tertiary", on_click=_stop, args=(self._key,),
                )  # fmt: skip
        self._part = self._part if part is None else part
        self._draw(done)

    def move(self, done: int) -> None:
        """Another is there; where nothing had to be waited for, there is nothing to draw."""
        self._part = 0.0
        if self._bar is not None:
            self._draw(done)

    def _draw(self, done: int) -> None:
        self._bar.progress((done + self._part) / self._count, f"{done} of {self._count}")


def _stop(key: str) -> None:
    kept: _Kept | None = st.session_state.get(_KEPT + key)
    if kept is not None:
        kept.stopped = True


def _go_on(key: str) -> None:
    st.session_state.pop(_KEPT + key, None)
