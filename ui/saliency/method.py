"""Which method, with which settings, at which layer: the table of methods as controls.

Nothing here knows a method by name: titles, costs, caveats, sources, options and whether a layer is
to be chosen all stand in the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import streamlit as st

from ui.saliency.automatic import automatic
from ui.saliency.link import (
    SETTING,
    put,
    read_number,
    read_word,
    say,
    select,
    set_method,
    slide,
    switch_choice,
    type_number,
)
from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.subject.layers import choose_layer
from ui.text import sentence_safe
from viz.attribution.method import Family, Method, Option
from viz.attribution.table import METHODS
from viz.results.attribution import Attribution, AttributionSupport

FAMILIES: Final[Mapping[Family, str]] = {
    "gradient": "Gradient",
    "modified": "Modified",
    "cam": "CAM",
    "perturbation": "Perturbation",
}
DEFAULT: Final = next(iter(METHODS))
_FEW: Final = 10  # passes, of which no method makes fewer than it says
_WIDE: Final = 600  # whole numbers in a range that a slider cannot hit one by one


@dataclass(frozen=True)
class Asked:
    """A method as it is to be run."""

    method: Method
    settings: dict[str, Any]  # that differ from the defaults
    layer: str | None  # None: the method looks at none
    refusal: str  # why this network does not allow it; empty: it does


def fetch_support(chosen: Chosen) -> AttributionSupport:
    """Which methods and layers this network allows.

    Raises:
        EngineError: what `glance` raises.
    """
    found: AttributionSupport = ask_once("attribution_support", chosen.base, **chosen.options)
    return found


def read_method() -> Method:
    """The method of the link; the first of the table where it names none, or one that is not there."""
    return METHODS[read_word("method", list(METHODS), DEFAULT, "method")]


def read_asked(method: Method, support: AttributionSupport) -> Asked:
    """The method with what the link says about it; what cannot be used is said."""
    settings: dict[str, Any] = {}
    for option in method.options:
        value = _read_option(option)
        if value != option.default:
            settings[option.name] = value
    own = {SETTING + option.name for option in method.options}
    for key in [key for key in st.query_params if key.startswith(SETTING) and key not in own]:
        say(f"{method.title} has no setting {key.removeprefix(SETTING)[:30]!r}: it is left out.")
    return Asked(method, settings, layer_of(method, support), support.refusals.get(method.name, ""))


def layer_of(method: Method, support: AttributionSupport) -> str | None:
    """The layer of the link, or the default one; None for a method that looks at none."""
    if not method.layered:
        return None
    linked = st.query_params.get("layer")
    names = [layer.name for layer in support.layers]
    return linked if linked in names else support.default_layer


def render_method(
    asked: Asked, support: AttributionSupport, names: Sequence[str] = tuple(METHODS)
) -> None:
    """The list of methods, or of some; those that this network does not allow say so."""

    def words(name: str) -> str:
        method = METHODS[name]
        refused = "  (not for this network)" if name in support.refusals else ""
        return f"{FAMILIES[method.family]} · {method.title}{refused}"

    select(
        "Method", names, asked.method.name, key="method", words=words,
        take=lambda name: set_method(name, DEFAULT),
    )  # fmt: skip


def render_options(asked: Asked, chosen: Chosen, support: AttributionSupport) -> None:
    """The layer, where the method looks at one, and the method's settings."""
    if asked.method.layered:
        render_layer(chosen, support)
    render_settings(asked, chosen)


def render_settings(asked: Asked, chosen: Chosen) -> None:
    """The method's settings without its layer."""
    values = asked.method.settings(asked.settings)
    for option in asked.method.options:
        auto = automatic(option, values, chosen.network.input_shape)
        _option(option, values[option.name], auto)


def render_layer(chosen: Chosen, support: AttributionSupport) -> None:
    """Which layer a class activation map is made of, and why the default is what it is."""
    names = [layer.name for layer in support.layers]
    if names:
        choose_layer(names, chosen.network, default=support.default_layer)
    if support.why:
        st.caption(sentence_safe(support.why))


def render_card(asked: Asked, shape: tuple[int, ...], found: Attribution | None = None) -> None:
    """What the method computes, what that costs, how it misleads, and who says so.

    Args:
        asked: the method.
        shape: (C, H, W) of the image.
        found: what it gave, once it has: then its passes are told and not what they may be.
    """
    method = asked.method
    cost = cost_words(method, asked.settings, shape) if found is None else spent_words(found)
    rows = [
        (method.title, escape(method.what)),
        ("Cost", escape(cost)),
        ("Needs", escape(method.needs)),
        ("Beware", escape(method.caveat)),
        (
            "Source",
            f'<a href="{escape(method.url)}" target="_blank" rel="noopener">{escape(method.citation)}</a>',
        ),
    ]
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in rows if text)
    st.html(f'<dl class="cs-saliency-card">{lines}</dl>')


def cost_words(method: Method, settings: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """What the method may take: no more than that, as some stop earlier or work in portions."""
    channels, height, width = shape
    cost = method.cost(method.settings(settings), (channels, height, width))
    told = cost.words.startswith(("up to", "about")) or cost.passes <= _FEW
    words = cost.words if told else f"up to {cost.words}"
    return f"{words[0].upper()}{words[1:]}."


def spent_words(found: Attribution) -> str:
    """The passes that were really made."""
    return f"Made: {found.forward_passes:,} forward, {found.backward_passes:,} backward passes."


def _read_option(option: Option) -> float | int | str:
    key = SETTING + option.name
    if option.choices:
        return read_word(key, option.choices, str(option.default), option.label.lower())
    whole = isinstance(option.default, int)
    value = read_number(key, option.low, option.high, option.label, whole=whole)
    if value is None:
        return option.default
    return int(value) if whole else value


def _option(option: Option, value: Any, auto: int | None) -> None:
    key = SETTING + option.name
    explain = option.help or None
    label = option.label if auto is None or value else f"{option.label}: auto ({auto})"
    if sorted(option.choices) == ["no", "yes"]:
        switch_choice(
            option.label, str(value), key=key, default=str(option.default), explain=explain
        )
        return
    if option.choices:
        select(
            option.label, option.choices, str(value), key=key, explain=explain,
            take=lambda word: put(**{key: None if word == option.default else word}),
            words=lambda word: word.replace("_", " "),
        )  # fmt: skip
        return
    if isinstance(option.default, int) and option.high - option.low > _WIDE:
        type_number(
            label, int(value), key=key, low=int(option.low), high=int(option.high),
            default=option.default, explain=explain,
        )  # fmt: skip
        return
    slide(
        label, value, key=key, low=option.low, high=option.high, default=option.default,  # type: ignore[arg-type]
        step=_step(option), explain=explain,
    )  # fmt: skip


def _step(option: Option) -> float:
    """Fine enough for about a hundred places."""
    if isinstance(option.default, int):
        return 1
    power: float = 10.0 ** math.floor(math.log10((option.high - option.low) / 100))
    return power
