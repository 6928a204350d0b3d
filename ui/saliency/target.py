"""What is explained: a class, a class rather than another, or a unit or channel of any layer.

In the link: `?class=3&against=5`, or `?explain=unit&of=features.3&unit=7` with `unit=7,2,4` for one
place of channel 7. Without any of them: the class the network finds most probable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from ui import html
from ui.looking import glance
from ui.maps.parts import layer_colors, show_map
from ui.saliency.link import pick, put, read_number, say, select
from ui.subject.bar import Chosen
from ui.subject.layers import choose_layer
from ui.text import markdown_safe, sentence_safe
from viz.results import Classification
from viz.results.maps import LayerSheet
from viz.results.network import LayerInfo

BARS: Final = 5
_KINDS: Final = {"class": "A class", "unit": "A unit"}
_ANSWER: Final = "answer"
_NOBODY: Final = "none"
_UNIT: Final = re.compile(r"(\d{1,6})(?:,(\d{1,6}),(\d{1,6}))?")


@dataclass(frozen=True)
class Target:
    """What a lens is asked to explain."""

    request: dict[str, Any]  # `target` of the lens; empty: the most probable class
    words: str  # such as "seven" or "channel 3 of conv2"

    @property
    def is_unit(self) -> bool:
        """Whether it is no class."""
        return "layer" in self.request


def read_target(chosen: Chosen, said: Classification) -> Target:
    """What the link asks for; says what of it is left out."""
    if _kind() == "unit":
        names, default = _layers(chosen)
        if names:
            linked = st.query_params.get("of", default)
            return _unit_target(chosen, linked if linked in names else default)
        say("This network has no inner layer to explain a unit of.")
    classes = said.classes
    most = len(classes) - 1
    number = read_number("class", 0, most, f"Class, of which this network knows {most + 1},")
    against = read_number("against", 0, most, f"Class, of which this network knows {most + 1},")
    best = int(np.nan_to_num(said.probs, nan=-1).argmax())
    positive = best if number is None else int(number)
    request: dict[str, Any] = {} if number is None else {"class": positive}
    if against is None:
        return Target(request, classes[positive])
    if int(against) == positive:
        say(f"{classes[positive]} cannot be held against itself: choose another class.")
        return Target(request, classes[positive])
    words = f"{classes[positive]} rather than {classes[int(against)]}"
    return Target({"class": positive, "against": int(against)}, words)


def render_target(chosen: Chosen, said: Classification, target: Target) -> None:
    """The controls that choose what is explained."""
    pick("Explain", _KINDS, "unit" if target.is_unit else "class", key="explain", default="class")
    if target.is_unit:
        _render_unit(chosen)
    else:
        _render_class(said, target)


def render_bars(said: Classification, target: Target, when: str = "") -> None:
    """The most probable classes and the true one, as bars; a click explains a class.

    Args:
        said: the probabilities.
        target: what is explained.
        when: of which moment the bars are, where the page shows several.
    """
    shown = [int(index) for index in np.argsort(-np.nan_to_num(said.probs))[:BARS]]
    if said.label is not None and said.label not in shown:
        shown.append(said.label)
    with st.container(key="cs-saliency-bars", gap=None):
        st.html(f"<style>{''.join(_bar_style(said, index, target) for index in shown)}</style>")
        for index in shown:
            tick = "✓ " if index == said.label else ""
            share = share_words(float(said.probs[index]))
            st.button(
                f"{tick}{markdown_safe(said.classes[index])} **{markdown_safe(share)}**",
                key=f"saliency-bar-{index}", type="tertiary", width="stretch",
                help=_bar_help(said, index), on_click=_explain_class, args=(index,),
            )  # fmt: skip
    if when:
        st.caption(sentence_safe(when))


def _kind() -> str:
    text = st.query_params.get("explain", "class")
    if text not in _KINDS:
        say(f"The link's explain={text[:20]!r} is left out: it takes class or unit.")
        return "class"
    return text


def _bar_help(said: Classification, index: int) -> str:
    truth = " (the true class)" if index == said.label else ""
    return f"Explain {markdown_safe(said.classes[index])}{truth}"


def _bar_style(said: Classification, index: int, target: Target) -> str:
    """The share as the width of the button's colour; the class that is explained is outlined."""
    share = float(np.nan_to_num(said.probs[index]))
    tone = (
        "var(--cs-blue)" if index == said.label
        else "#8794a5" if said.label is None else "var(--cs-orange)"
    )  # fmt: skip
    best = int(np.nan_to_num(said.probs, nan=-1).argmax())
    explained = not target.is_unit and target.request.get("class", best) == index
    edge = "currentColor" if explained else "transparent"
    return (
        f".st-key-saliency-bar-{index} button {{--share:{share * 100:.1f}%;--tone:{tone};"
        f"--edge:{edge}}}"
    )


def _explain_class(index: int) -> None:
    _put_class(str(index), explain=None)


def _put_class(value: str | None, **more: str | None) -> None:
    """Another class to explain; it cannot be held against itself."""
    against = st.query_params.get("against")
    put(**{"class": value, "against": None if against == value else against, **more})


def _render_class(said: Classification, target: Target) -> None:
    order = [str(int(index)) for index in np.argsort(-np.nan_to_num(said.probs), kind="stable")]
    linked = target.request.get("class")
    best = said.classes[int(order[0])]

    def words(value: str) -> str:
        if value in (_ANSWER, _NOBODY):
            return f"{best} · its answer" if value == _ANSWER else "none"
        share = share_words(float(said.probs[int(value)]))
        truth = " ✓ true" if int(value) == said.label else ""
        return f"{said.classes[int(value)]} · {share}{truth}"

    chosen = _ANSWER if linked is None or "class" not in st.query_params else str(linked)
    select(
        "Class",
        [_ANSWER, *order],
        chosen,
        key="class",
        words=words,
        take=lambda value: _put_class(None if value == _ANSWER else value),
    )
    positive = order[0] if chosen == _ANSWER else chosen
    against = target.request.get("against")
    select(
        "Compare with class", [_NOBODY, *(each for each in order if each != positive)],
        _NOBODY if against is None else str(against), key="against", words=words,
        take=lambda value: put(against=None if value == _NOBODY else value),
        explain="What speaks for the first class and not for this one: the difference of their logits "
        "is explained.",
    )  # fmt: skip


def _layers(chosen: Chosen) -> tuple[list[str], str]:
    """Layers whose units can be explained; the default: the last convolution, else the last."""
    names = [
        each.name for each in chosen.network.layers if each.leaf and len(each.out_shape) in (1, 3)
    ]
    convolutions = [each.name for each in chosen.network.convolutions if each.name in names]
    return names, (convolutions or names or [""])[-1]


def _unit_target(chosen: Chosen, layer: str) -> Target:
    info = chosen.network.find(layer)
    shape = (1,) if info is None else info.out_shape
    channel, place = _read_unit(shape)
    request: dict[str, Any] = {"layer": layer, "channel": channel}
    words = f"channel {channel} of {layer}"
    if place is not None:
        request["unit"] = list(place)
        words += f" at row {place[0]}, column {place[1]}"
    return Target(request, words)


def _read_unit(shape: tuple[int, ...]) -> tuple[int, tuple[int, int] | None]:
    """Channel and place of the link; what the layer does not have is left out with a sentence."""
    text = st.query_params.get("unit")
    if text is None:
        return 0, None
    match = _UNIT.fullmatch(text)
    size = "×".join(map(str, shape))
    if match is None:
        say(f"{text[:30]!r} names no unit: write channel or channel,row,column.")
        return 0, None
    channel = int(match[1])
    if channel >= shape[0]:
        say(f"There is no channel {channel} in this layer of {size}: channel 0 is explained.")
        return 0, None
    if match[2] is None:
        return channel, None
    row, column = int(match[2]), int(match[3])
    if len(shape) < 3 or row >= shape[1] or column >= shape[2]:
        say(
            f"Unit {channel}, {row}, {column} is not in this layer of {size}: the channel is explained."
        )
        return channel, None
    return channel, (row, column)


def _render_unit(chosen: Chosen) -> None:
    names, default = _layers(chosen)
    layer = choose_layer(names, chosen.network, key="of", default=default, label="Layer")
    info = chosen.network.find(layer)
    if info is None:
        return
    channel, place = _read_unit(info.out_shape)
    widget = "saliency.channel"
    st.session_state[widget] = channel

    def take() -> None:
        put(unit=str(int(st.session_state[widget])))

    st.number_input(
        "Channel", 0, info.out_shape[0] - 1, key=widget, on_change=take,
        help=f"From 0 to {info.out_shape[0] - 1}",
    )  # fmt: skip
    if len(info.out_shape) == 3 and info.out_shape[1:] != (1, 1):
        _map_of_units(chosen, info, channel, place)


def _map_of_units(
    chosen: Chosen, info: LayerInfo, channel: int, place: tuple[int, int] | None
) -> None:
    """The channel's map: a click explains the unit at that place."""
    sheet: LayerSheet = glance(
        "layer_maps", chosen.model, chosen.image, layer=info.name, **chosen.options
    )
    picked = show_map(
        sheet.maps[channel], key="saliency.units", alt=f"Channel {channel} of {info.name}",
        colors=layer_colors(sheet.maps), selected=place, side=150,
    )  # fmt: skip
    if picked is not None:
        put(unit=f"{channel},{picked[0]},{picked[1]}")
        st.rerun()
    what = "the mean of the channel" if place is None else f"the unit at {place[0]}, {place[1]}"
    st.html(html.caption(f"Explained: {what}. Click a unit of its map to explain that one."))
    if place is not None:
        st.button(
            "The whole channel", key="saliency.whole", type="tertiary",
            icon=":material/select_all:", on_click=lambda: put(unit=str(channel)),
        )  # fmt: skip


def share_words(share: float) -> str:
    """A probability in per cent. A softmax never gives all or nothing, only numbers that are rounded
    to it: one list must not say `>99 %` here and `100 %` there."""
    return html.whole_percent(min(max(share, 1e-9), 1 - 1e-9)) if share == share else html.NO_NUMBER


def truth_words(said: Classification) -> str:
    """What the network says and what is true, for a heading."""
    best = int(np.nan_to_num(said.probs, nan=-1).argmax())
    text = f"It says <b>{escape(said.classes[best])}</b>"
    if said.label is None:
        return text
    if said.label == best:
        return f"{text}, rightly"
    return f"{text}; the truth is <b>{escape(said.classes[said.label])}</b>"
