"""What DeepDream, inversion and style transfer have in common on the page: settings and layers in the link,
the way a picture came about, and what can be taken away.

Every tab has a word of its own before its names in the link, such as `dream-steps`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import streamlit as st

from ui import html
from ui.components.player import Frame, Panel, Pictures, player
from ui.downloads import pack
from ui.url_state import write
from ui.visualize.linked import key_of, say
from ui.visualize.settings_picker import size_title
from viz.figures.dream import picture_png
from viz.results import Bytes
from viz.results.dream import Answer, Still
from viz.results.network import NetworkMap
from viz.visualization.knobs import Knob, SettingError, Table, check
from viz.visualization.makers import suited

SHOWN: Final = 480  # pixels a side, about
WIDTHS: Final = [1.15, 1.45, 1.65]  # of controls, picture, and what stands beside
_NUMBER: Final = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
_STILLS: Final = 9  # that are played


@dataclass(frozen=True)
class Controls:
    """The settings of one tab.

    Args:
        prefix: of their names in the link.
        table: all of them.
        standard: the defaults for the network at hand.
        shape: (C, H, W) that it takes.
    """

    prefix: str
    table: Table
    standard: Mapping[str, Any]
    shape: tuple[int, ...]  # (C, H, W) of the network's pictures

    def read(self) -> dict[str, Any]:
        """Every setting, from the link or else the default; what cannot be used is said."""
        found = dict(self.standard)
        for name, kind in self.table.items():
            text = st.query_params.get(self._link(name))
            if text is None:
                continue
            try:
                found[name] = check(kind, _parse(kind, text))
            except SettingError as error:
                say(self._link(name), text, str(error))
        return found

    def asked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a lens is told: only what differs from its own defaults."""
        return {name: value for name, value in values.items() if value != self.standard[name]}

    def render(self, values: Mapping[str, Any], first: Sequence[str]) -> None:
        """The `first` as they are, two in a row; the others in a popover."""
        self._rows(first, values)
        others = [name for name in self.table if name not in first]
        with st.popover("All settings", icon=":material/tune:", width="stretch"):
            self._rows(others, values)
            st.button(
                "Back to the defaults", key=key_of(f"{self.prefix}-reset"), on_click=self._reset,
                width="stretch",
            )  # fmt: skip

    def _rows(self, names: Sequence[str], values: Mapping[str, Any]) -> None:
        columns = st.columns(2, gap="small")
        for place, name in enumerate(names):
            with columns[place % 2]:
                self._draw(name, values[name])

    def _draw(self, name: str, value: Any) -> None:
        kind, link = self.table[name], self._link(name)
        key = key_of(link)
        st.session_state[key] = value

        def take() -> None:
            write({link: st.session_state[key]}, {link: self.standard[name]})

        if kind.choices is not None:
            st.selectbox(
                kind.title, list(kind.choices), key=key, on_change=take, help=kind.help,
                format_func=kind.choices.__getitem__,
            )  # fmt: skip
            return
        sort = int if kind.whole else float
        title = size_title(kind.title, value, self.shape) if name == "size" else kind.title
        st.number_input(
            title, sort(kind.low), sort(kind.high), step=sort(kind.step), key=key,
            on_change=take, help=kind.help, format=None if kind.whole else "%g",
        )  # fmt: skip

    def _link(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def _reset(self) -> None:
        for name in self.table:
            st.query_params.pop(self._link(name), None)


def controls(prefix: str, table: Table, network: NetworkMap) -> Controls:
    """The settings of a tab, with defaults that suit the network."""
    standard = {name: kind.default for name, kind in table.items()}
    return Controls(
        prefix, table, standard | suited(table, network.input_shape), network.input_shape
    )


def leaves(network: NetworkMap, *, maps: bool = False) -> list[tuple[str, str]]:
    """(name, class name) of the layers that may be asked, in the order they run."""
    return [
        (each.name, each.kind)
        for each in network.layers
        if each.leaf and (len(each.out_shape) == 3 or (len(each.out_shape) == 1 and not maps))
    ]


def choose_several(
    label: str, name: str, offered: Sequence[str], default: Sequence[str], most: int
) -> list[str]:
    """Some of the layers, in the link as `?name=a,b`; what the network does not have is said.

    Returns:
        At least one.
    """
    text = st.query_params.get(name)
    chosen = list(default)
    if text is not None:
        asked = [part for part in text.split(",") if part]
        known = [part for part in asked if part in offered][:most]
        for part in asked:
            if part not in offered:
                say(name, part, "This network has no such layer to choose here.")
        chosen = known or chosen
    key = key_of(name)
    # In the order in which they run, whatever the order of clicks.
    st.session_state[key] = chosen = [each for each in offered if each in chosen]

    def take() -> None:
        picked = [each for each in offered if each in st.session_state[key]]
        write({name: ",".join(picked) or None}, {name: None})
        if picked == list(default) or not picked:
            st.query_params.pop(name, None)

    # Names alone: with kinds and shapes only one would be seen at a time.
    st.multiselect(label, list(offered), key=key, on_change=take, max_selections=most)
    return chosen


def picture(image: Bytes, alt: str, *, step: int, side: int = SHOWN) -> str:
    """One made picture while it is made, where and as large as the player shows it afterwards; small
    networks keep their pixels, photos are smooth."""
    smooth = " cs-visualize-smooth" if min(image.shape[:2]) > 96 else ""
    png = html.image(picture_png(image, side=side), alt)
    head = f'<div class="cs-visualize-moment"><b>Step {step}</b>{pixels(image)}</div>'
    return f'{head}<div class="cs-visualize-picture{smooth}">{png}</div>'


def thumbnail(image: Bytes, title: str, note: str = "") -> str:
    """A small picture with a word above it."""
    more = html.caption(note) if note else ""
    return (
        f'<figure class="cs-visualize-thumb">{html.heading(title)}'
        f"{html.image(picture_png(image, side=SHOWN // 3), title)}{more}</figure>"
    )


def answer_words(answer: Answer, classes: Sequence[str], image: Bytes) -> str:
    """`cat, 83 % at 224×224 px`: at another size a network may answer otherwise."""
    said = f"{classes[answer.best]}, {html.whole_percent(answer.share)}"
    return f"{said} at {pixels(image)}"


def pixels(image: Bytes) -> str:
    """`320×240 px`: width and height of a picture (H, W, C)."""
    return f"{image.shape[1]}×{image.shape[0]} px"


@st.fragment
def play(stills: Sequence[Still], *, key: str, label: str) -> None:
    """The way one picture came about, to scrub through."""
    frames = [
        Frame(
            label=f"Step {still.step}", png=picture_png(still.image, side=SHOWN),
            caption=f"{still.words} · {pixels(still.image)}", at=still.step,
        )
        for still in stills
    ]  # fmt: skip
    player(frames, key=key, label=label)


@st.fragment
def play_side_by_side(
    titles: Sequence[str], ways: Sequence[Sequence[Still]], *, key: str, label: str
) -> None:
    """Several pictures of as many steps side by side."""
    steps = sorted(set.intersection(*({still.step for still in way} for way in ways)))
    places = np.unique(np.linspace(0, len(steps) - 1, min(_STILLS, len(steps))).round().astype(int))
    steps = [steps[place] for place in places]
    panels: list[Panel] = []
    for title, way in zip(titles, ways, strict=True):
        by_step = {still.step: still.image for still in way}
        pngs = [picture_png(by_step[step], side=SHOWN // 3) for step in steps]
        panels.append(Pictures(title, pngs, alt=f"Rebuilt from {title}", pixels=220))
    frames = [Frame(label=f"Step {step}", at=step) for step in steps]
    player(frames, key=key, panels=panels, label=label)


def take_away(
    name: str, key: str, png: Callable[[], bytes], arrays: Callable[[], Mapping[str, Any]]
) -> None:
    """A menu with the picture and the numbers, made when asked for."""
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_")[:80] or "picture"
    with st.popover("Download", icon=":material/download:", width="stretch"):
        st.download_button(
            "The picture (PNG)", data=png, file_name=f"{stem}.png", mime="image/png",
            key=key_of(f"{key}.png"), on_click="ignore", width="stretch",
        )  # fmt: skip
        st.download_button(
            "Numbers and pictures (NumPy)", data=lambda: pack(arrays()), file_name=f"{stem}.npz",
            mime="application/zip", key=key_of(f"{key}.npz"), on_click="ignore", width="stretch",
        )  # fmt: skip


def still_arrays(stills: Sequence[Still]) -> dict[str, Any]:
    """The way as arrays by name."""
    return {f"still_{still.step:04}": still.image for still in stills}


def _parse(kind: Knob, text: str) -> Any:
    if kind.choices is not None or not _NUMBER.fullmatch(text):
        return text
    return float(text)
