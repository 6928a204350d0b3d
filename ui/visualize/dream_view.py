"""DeepDream: a layer is shown a picture and asked for more of what it sees there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.subject.layers import choose_layer
from ui.text import sentence_safe
from ui.url_state import write
from ui.visualize.linked import key_of, say
from ui.visualize.makers import (
    WIDTHS,
    Controls,
    answer_words,
    controls,
    leaves,
    picture,
    play,
    still_arrays,
    take_away,
    thumbnail,
)
from ui.visualize.words import number
from viz.figures.dream import picture_png, plot_dream
from viz.results.dream import Dream
from viz.visualization.makers import DREAM, dream_layer

_TIMEOUT: Final = 600.0
_FIRST: Final = ("octaves", "steps", "rate", "size")
_CHANNELS: Final = "dream-channels"
_LIST: Final = re.compile(r"\s*[0-9]{1,5}(\s*,\s*[0-9]{1,5})*\s*")
_SOURCE: Final = (
    "Gradient ascent on the mean square of what the layer puts out, at several sizes (octaves), each step divided "
    "by the gradient's mean size, on a picture rolled by some pixels: Mordvintsev, Olah and Tyka, Inceptionism "
    "and DeepDream, Google Research 2015."
)


def render(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    with st.container(key="cs-visualize"):
        side, middle, beside = st.columns(WIDTHS, gap="medium")
    settings = controls("dream", DREAM, chosen.network)
    with side:
        found = leaves(chosen.network)
        layer = choose_layer(
            [name for name, _ in found],
            chosen.network,
            key="dream-layer",
            default=dream_layer(found),
        )
        info = chosen.network.find(layer)
        channels = _channels(1 if info is None else info.out_shape[0])
        values = settings.read()
        settings.render(values, _FIRST)
        downloads = st.container()
    with middle:
        place = st.empty()
    with beside:
        numbers = st.empty()

    def draw(found: Dream) -> None:
        with place.container():
            st.html(picture(found.image, f"Dreamed with {found.layer}", step=len(found.objective)))
            st.html(_octaves(found))
        with numbers.container():
            _numbers(found, key=f"visualize.dream.{len(found.objective)}")

    with middle:
        dreamed = _watch(chosen, layer, channels, settings, values, draw)
    if dreamed is not None:
        with place.container():
            key = "visualize.dream.player." + repr(
                (chosen.model, chosen.image, layer, channels, values)
            )
            play(dreamed.stills, key=key, label="Step of the dream")
            st.html(_octaves(dreamed))
        with downloads:
            take_away(
                f"dream {layer}", "dream", lambda: picture_png(dreamed.image, side=512),
                lambda: _arrays(dreamed),
            )  # fmt: skip
    st.caption(_SOURCE)


def _watch(
    chosen: Chosen, layer: str, channels: Sequence[int], settings: Controls, values: dict[str, Any],
    draw: Any,
) -> Dream | None:  # fmt: skip
    try:
        found: Dream | None = watch(
            "deep_dream", chosen.model, chosen.image, key="visualize.dream", draw=draw,
            timeout=_TIMEOUT, layer=layer, channels=list(channels),
            settings=settings.asked(values), **chosen.options,
        )  # fmt: skip
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
        return None
    return found


def _channels(there: int) -> list[int]:
    """The channels that are dreamed with, in the link as `?dream-channels=3,5`; none: all."""
    text = st.query_params.get(_CHANNELS, "")
    chosen: list[int] = []
    if text and not _LIST.fullmatch(text):
        say(_CHANNELS, text, "Write numbers with commas between them.")
    elif text:
        asked = [int(part) for part in text.split(",")]
        chosen = sorted({each for each in asked if each < there})[:64]
        for each in asked:
            if each >= there:
                say(_CHANNELS, str(each), f"This layer has channels 0 to {there - 1}.")
    key = key_of(_CHANNELS)
    st.session_state[key] = ", ".join(map(str, chosen))

    def take() -> None:
        write({_CHANNELS: re.sub(r"\s+", "", st.session_state[key]) or None}, {_CHANNELS: None})

    st.text_input(
        "Channels", key=key, on_change=take, placeholder="all of them",
        help=f"Numbers from 0 to {there - 1} with commas between them; empty: the whole layer",
    )  # fmt: skip
    return chosen


def _octaves(found: Dream) -> str:
    """Where each octave ended, the smallest first, with what it began with."""
    ends = {still.image.shape[:2]: still for still in found.stills}
    cells = [thumbnail(found.before, "Before")]
    for index, size in enumerate(found.octaves):
        if size in ends:
            cells.append(thumbnail(ends[size].image, f"Octave {index + 1}", f"{size[1]}×{size[0]}"))
    return f'<div class="cs-visualize-strip">{"".join(cells)}</div>'


def _numbers(found: Dream, *, key: str) -> None:
    before, after = found.excited
    items = [("mean square before", number(before), "Of the layer's activations, at full size")]
    if math.isfinite(after):
        items.append(("after", number(after), "Of the same for the dreamed picture"))
        if before > 0:
            items.append(("times", f"{after / before:.2g}×", "After / before"))
    st.html(html.figures(items))
    st.plotly_chart(
        plot_dream(found), key=key, config=CHART_CONFIG, alt="What was climbed, octave by octave"
    )
    st.caption(sentence_safe(_sentence(found)))
    if found.note:
        st.caption(f":material/info: {sentence_safe(found.note)}")


def _sentence(found: Dream) -> str:
    first, last = found.answers
    whose = f"{found.layer} ({found.kind})"
    if found.channels:
        some = ", ".join(map(str, found.channels[:6])) + ("…" if len(found.channels) > 6 else "")
        many = "channel" if len(found.channels) == 1 else "channels"
        whose = f"{many} {some} of {whose}"
    text = f"What {whose} sees in the picture is put into it."
    if first is None or last is None:
        return text
    return (
        f"{text} The network takes the picture for {answer_words(first, found.classes, found.before)} before, and for "
        f"{answer_words(last, found.classes, found.image)} afterwards; the dream asks for no class."
    )


def _arrays(found: Dream) -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.image,
        "objective": found.objective,
        "octave": found.octave,
        **still_arrays(found.stills),
    }
