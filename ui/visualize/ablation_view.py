"""The same goal with more and more of the method: what each part is for, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import streamlit as st

from ui import html
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.url_state import write
from ui.visualize.goal_picker import Asked
from ui.visualize.linked import key_of, read_word
from ui.visualize.words import ablation_sentence, held, number
from viz.figures.visualize import pictures_png
from viz.results.visualize import Ablation
from viz.visualization.settings import ROW_TITLES, ROWS

_OFF: Final = "off"
_TIMEOUT: Final = 600.0
_KEPT: Final = ("steps", "rate", "seed", "size", "negative", "remedy")
_SIDE: Final = 256


def render_ablation(
    chosen: Chosen, asked: Asked, settings: Mapping[str, Any], image: str | None
) -> None:
    """The row, made when it is asked for (`?row=`).

    Raises:
        EngineError: with a sentence.
    """
    st.subheader("What each part is for", anchor=False)
    words = {_OFF: "Not now", **ROW_TITLES}
    row = read_word("row", words, _OFF)
    key = key_of("row")
    st.session_state[key] = row

    def take() -> None:
        write({"row": st.session_state[key]}, {"row": _OFF})

    st.segmented_control(
        "Row", list(words), key=key, on_change=take, format_func=words.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if row == _OFF:
        st.caption(
            "The same goal, optimised with nothing but the gradient, then with one part of the method "
            "after the other: the lesson is in the difference."
        )
        return
    kept = {name: value for name, value in settings.items() if name in _KEPT}
    watch(
        "visualization_ablation", chosen.model, image, key="visualize.ablation", draw=_draw(row),
        timeout=_TIMEOUT, goal=dict(asked.goal), row=row, settings=kept, **chosen.options,
    )  # fmt: skip


def _draw(row: str) -> Any:
    def draw(found: Ablation) -> None:
        st.caption(
            "Activation is that of the picture as it is shown. A good picture keeps it when it is shifted, "
            "turned and scaled a little, and has little contrast in the finest details, which is noise."
        )
        presets = {preset.name: preset for preset in ROWS[row]}
        cells = []
        for each in found.rows:
            preset = presets[each.name]
            picture = html.image(pictures_png(each.picture[None], side=_SIDE), preset.title)
            numbers = f"activation {number(each.value)}"
            if each.done:
                numbers += f"; moved a little it keeps {held(each)}"
                numbers += f"; {_rough(each.rough)} of its contrast is in details below 4 px"
            cells.append(
                f'<figure class="cs-visualize-way">{picture}<b>{escape(preset.title)}</b>'
                f"<span>{escape(numbers)}</span><span>{escape(preset.says)}</span></figure>"
            )
        st.html(f'<div class="cs-visualize-ways">{"".join(cells)}</div>')
        if found.share == 1:
            best = (
                f" The best real picture reaches {number(found.best)}."
                if math.isfinite(found.best)
                else ""
            )
            st.caption(sentence_safe(f"{ablation_sentence(found)}{best} {found.note}".strip()))

    return draw


def _rough(share: float) -> str:
    return html.whole_percent(share)
