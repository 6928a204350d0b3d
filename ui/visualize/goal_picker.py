"""What a picture is to excite, chosen by what there is in the network; all of it stands in the link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import streamlit as st

from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer, choose_unit, set_unit
from ui.text import sentence_safe
from ui.visualize.linked import key_of, read_word, select, standing_at, whole_number
from viz.results import Classification
from viz.results.network import LayerInfo, NetworkMap

GOALS: Final = {
    "channel": "Channel",
    "unit": "Unit",
    "class": "Class",
    "layer": "Whole layer",
    "direction": "Direction",
    "between": "Two channels",
    "sheet": "All channels",
}
WITH_IMAGE: Final = ("class", "direction")  # that an image has a say in
SAYS: Final = {
    "channel": (
        "The mean of one channel's map. That of a first convolution is linear and knows no place: "
        "choose the ReLU behind it, or a unit. Olah et al. 2017."
    ),
    "unit": "One channel at one place of its map. Erhan et al. 2009.",
    "class": (
        "A class's score before the softmax; unless one is chosen, the class that the network takes the "
        "image above for. Simonyan et al. 2014."
    ),
    "layer": "The mean square of a whole layer, as DeepDream climbs it. Mordvintsev et al. 2015.",
    "direction": "What the layer makes of the image above, as a direction in the space of its channels.",
    "between": (
        "Two channels in mixed shares, a row from one to the other, or both at once. One channel's numbers "
        "may be far larger than the other's, so each is counted in standard deviations over real pictures."
    ),
    "sheet": (
        "A small picture for each channel, with its number and its activation below; as many at a time as "
        "this network draws in a reasonable time. A click opens one."
    ),
}
_MIXES: Final = {"row": "A row from one to the other", "both": "Both at once"}
_ROW: Final = 5
_COUNTS: Final = {"1": "1", "2": "2", "4": "4", "6": "6", "9": "9"}
MOST_SHEET: Final = 64
_SHEET_MACS: Final = 400_000_000  # of one step over all pictures


@dataclass(frozen=True)
class Asked:
    """A goal as the lens takes it, and how it is to be shown."""

    kind: str  # of GOALS
    goal: Mapping[str, Any]
    pictures: int
    layer: str | None
    channel: int | None  # whose best patches can be shown beside
    first: int = 0  # of a sheet
    there: int = 0  # channels of a sheet's layer
    more: Mapping[str, Any] = field(default_factory=dict)  # settings of its own

    @property
    def several(self) -> bool:
        """Whether pictures of one goal are made together."""
        return self.pictures > 1 and self.kind != "sheet"


def layers_to_climb(network: NetworkMap) -> list[str]:
    """Every layer that puts out maps or a row of numbers."""
    return [
        each.name
        for each in network.layers
        if len(each.out_shape) in (1, 3) and (each.leaf or each.kind != "Sequential")
    ]


def default_layer(network: NetworkMap) -> str | None:
    """The last convolution whose map has several places, else the last."""
    found = [each for each in network.convolutions if len(each.out_shape) == 3]
    wide = [each for each in found if min(each.out_shape[1:]) > 1]
    best = wide or found
    return best[-1].name if best else None


def choose_kind() -> str:
    """The kind of goal as `?goal=`."""
    kind = read_word("goal", GOALS, "channel")
    key = key_of("goal")
    st.session_state[key] = kind

    def take() -> None:
        if st.session_state[key] == "channel":
            st.query_params.pop("goal", None)
        else:
            st.query_params["goal"] = st.session_state[key]

    st.pills(
        "Excite", list(GOALS), key=key, on_change=take, format_func=GOALS.__getitem__,
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    return kind


def choose_goal(chosen: Chosen, kind: str) -> Asked:
    """The rest of the goal, in the column at hand."""
    return _CHOOSERS[kind](chosen)


def _channel(chosen: Chosen) -> Asked:
    layer, info = _layer(chosen)
    channel = _channel_number("Channel", "channel", info, 0)
    goal = {"kind": "channel", "layer": layer, "channel": channel}
    return Asked("channel", goal, _count(), layer, channel)


def _unit(chosen: Chosen) -> Asked:
    layer, info = _layer(chosen)
    shape = _shape(info)
    linked = choose_unit(shape)
    unit = linked or (0, shape[1] // 2, shape[2] // 2)
    keys = [key_of(name) for name in ("unit.channel", "unit.row", "unit.column")]

    def take() -> None:
        channel, row, column = (int(st.session_state[key]) for key in keys)
        set_unit((channel, row, column))

    labels = ("Channel", "Row", "Column")
    for place, label, key, side, at in zip(st.columns(3), labels, keys, shape, unit, strict=True):
        with place:
            st.number_input(label, 0, side - 1, key=key, on_change=take, **standing_at(key, at))
    goal: dict[str, Any] = {"kind": "unit", "layer": layer, "channel": unit[0]}
    goal["unit"] = list(unit[1:])
    # A picture of another size has a map of another size, with other places.
    size = {} if "size" in st.query_params else {"size": 0}
    return Asked("unit", goal, _count(), layer, unit[0], more=size)


def _class(chosen: Chosen) -> Asked:
    classes = chosen.network.classes
    words = {str(index): name for index, name in enumerate(classes)}
    index = int(select("Class", "class", words, str(_taken_for(chosen))))
    return Asked("class", {"kind": "class", "class": index}, _count(), None, None)


def _taken_for(chosen: Chosen) -> int:
    """The class that the image is most probably of, as the network has it."""
    if chosen.image is None:
        return 0
    found: Classification = ask_once("classify", chosen.model, chosen.image, **chosen.options)
    return int(np.nan_to_num(found.probs).argmax())


def _whole_layer(chosen: Chosen) -> Asked:
    layer, _ = _layer(chosen)
    return Asked("layer", {"kind": "layer", "layer": layer}, _count(), layer, None)


def _direction(chosen: Chosen) -> Asked:
    layer, info = _layer(chosen)
    shape = _shape(info)
    goal: dict[str, Any] = {"kind": "direction", "layer": layer}
    linked = choose_unit(shape)
    words = {"mean": "The mean over the map", "unit": "One place of the map"}
    if shape[1:] != (1, 1):
        where = "mean" if linked is None else "unit"
        key = key_of("where")
        st.session_state[key] = where

        def take() -> None:
            middle = (0, shape[1] // 2, shape[2] // 2)
            set_unit(middle if st.session_state[key] == "unit" else None)

        st.selectbox("Of", list(words), key=key, on_change=take, format_func=words.__getitem__)
        if linked is not None:
            goal["unit"] = _place(shape, linked)
    return Asked("direction", goal, _count(), layer, None)


def _place(shape: tuple[int, int, int], unit: tuple[int, int, int]) -> list[int]:
    keys = [key_of(name) for name in ("place.row", "place.column")]

    def take() -> None:
        row, column = (int(st.session_state[key]) for key in keys)
        set_unit((unit[0], row, column))

    labels = ("Row", "Column")
    for column, label, key, side, at in zip(
        st.columns(2), labels, keys, shape[1:], unit[1:], strict=True
    ):
        with column:
            st.number_input(label, 0, side - 1, key=key, on_change=take, **standing_at(key, at))
    return list(unit[1:])


def _between(chosen: Chosen) -> Asked:
    layer, info = _layer(chosen)
    left, right = st.columns(2)
    with left:
        first = _channel_number("From channel", "channel", info, 0)
    with right:
        last = _channel_number("To channel", "channel2", info, min(1, _shape(info)[0] - 1))
    ends = [{"kind": "channel", "layer": layer, "channel": each} for each in (first, last)]
    if select("Mix", "mix", _MIXES, "row") == "row":
        return Asked("between", {"kind": "between", "ends": ends}, _ROW, layer, None)
    return Asked("between", {"kind": "joint", "parts": ends}, _count(), layer, None)


def _sheet(chosen: Chosen) -> Asked:
    layer, info = _layer(chosen)
    there = _shape(info)[0]
    # A small network draws all at once, a large one as many as it can in a reasonable time.
    fits = max(6, min(MOST_SHEET, _SHEET_MACS // max(chosen.network.macs, 1)))
    first = 0
    if there > fits:
        first = whole_number("From channel", "first", 0, there - 1, 0, step=fits)
        st.caption(f"{fits} of {there} channels at a time.")
    channels = list(range(first, min(there, first + fits)))
    goal = {"kind": "channel", "layer": layer, "channels": channels}
    steps = {} if "steps" in st.query_params else {"steps": 64}
    return Asked("sheet", goal, 1, layer, None, first, there, steps)


def _layer(chosen: Chosen) -> tuple[str, LayerInfo]:
    names = layers_to_climb(chosen.network)
    layer = choose_layer(names, chosen.network, default=default_layer(chosen.network))
    info = chosen.network.find(layer)
    if info is None:
        raise LookupError(f"{layer} is not in the network")
    return layer, info


def _shape(info: LayerInfo) -> tuple[int, int, int]:
    shape = info.out_shape
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], 1, 1)


def _channel_number(label: str, name: str, info: LayerInfo, default: int) -> int:
    return whole_number(label, name, 0, _shape(info)[0] - 1, default)


def _count() -> int:
    return int(
        select(
            "Pictures", "pictures", _COUNTS, "1",
            help="Optimised together, each from its own noise; with diversity they pay for being alike",
        )
    )  # fmt: skip


_CHOOSERS: Final[dict[str, Callable[[Chosen], Asked]]] = {
    "channel": _channel,
    "unit": _unit,
    "class": _class,
    "layer": _whole_layer,
    "direction": _direction,
    "between": _between,
    "sheet": _sheet,
}


def kind_sentence(kind: str) -> str:
    """What is climbed, with its source."""
    return sentence_safe(SAYS[kind])
