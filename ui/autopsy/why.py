"""Why: what spoke for the truth, what for the answer, and what for the one rather than the other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.case import Case
from ui.autopsy.label_words import named
from ui.downloads import download_picture
from ui.maps.parts import heading
from ui.saliency.display import Display, draw
from ui.saliency.link import pick, put, read_word, say, select
from ui.saliency.method import fetch_support
from ui.saliency.tiles import tile_html
from ui.streaming import watch
from ui.text import sentence_safe
from viz.attribution.table import METHODS
from viz.figures.attribution import compose_sheet
from viz.results.attribution import Attribution, AttributionSupport

_WISHED: Final = ("grad_cam", "integrated_gradients")
_SHOWN: Final = {"over": "On the image", "map": "Map alone"}


def render_why(case: Case) -> None:
    """Three maps side by side.

    Raises:
        EngineError: the network cannot be asked.
    """
    support = fetch_support(case.chosen)
    name, shown = _controls(support)
    answer, rival = case.answer, case.rival
    this, that = named(case.classes, rival), named(case.classes, answer)
    true = "the truth" if case.wrong else "the second guess"
    aims: list[tuple[str, dict[str, Any]]] = [
        (f"For {this}, {true}", {"class": rival}),
        (f"For {that}, the answer", {"class": answer}),
        (f"{that} rather than {this}", {"class": answer, "against": rival}),
    ]  # fmt: skip
    found: list[Attribution | None] = []
    places = []
    for at, (column, (title, target)) in enumerate(
        zip(st.columns(3, gap="small"), aims, strict=True)
    ):
        with column:
            st.html(heading(title))
            place = st.empty()
            places.append(place)
            with place.container(gap=None):
                found.append(_ask(case, name, target, shown, at))
    complete = [each for each in found if each is not None and each.share >= 1]
    if len(complete) == len(aims):
        # Two classes are compared by eye, so their maps share one scale.
        limit = max(draw(each, Display()).extent.limit for each in complete[:2])
        for place, each in zip(places[:2], complete[:2], strict=True):
            place.html(tile_html(each, Display(), shown, limit=limit))
        _words(case, complete, name)


def _controls(support: AttributionSupport) -> tuple[str, str]:
    allowed = [name for name in METHODS if name not in support.refusals]
    standard = next((name for name in (*_WISHED, *allowed) if name in allowed), "saliency")
    name = read_word("method", list(METHODS), standard, "method")
    if name in support.refusals:
        say(f"{METHODS[name].title}: {support.refusals[name]}")
        name = standard
    shown = read_word("show", list(_SHOWN), "over", "way to show a map")
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-autopsy-controls"):
        select(
            "Method", allowed or [standard], name, key="method",
            take=lambda value: put(method=None if value == standard else value),
            words=lambda value: METHODS[value].title, explain=METHODS[name].what,
        )  # fmt: skip
        pick("Show", _SHOWN, shown, key="show", default="over", hidden=True)
    return name, shown


def _ask(
    case: Case, method: str, target: dict[str, Any], shown: str, at: int
) -> Attribution | None:
    def show(result: Attribution) -> None:
        st.html(tile_html(result, Display(), shown))

    chosen = case.chosen
    try:
        found: Attribution | None = watch(
            "attribution", chosen.model, chosen.image, key=f"autopsy.why.{at}", draw=show,
            timeout=600.0, method=method, target=target, **chosen.options,
        )  # fmt: skip
    except EngineError as error:
        st.caption(sentence_safe(error))
        return None
    return found


def _words(case: Case, found: list[Attribution], name: str) -> None:
    """What the three say together, and how far to believe it."""
    contrast = found[2]
    where = _where(contrast)
    st.html(
        html.caption(
            f"Orange speaks for the class of the heading, blue against it; the first two share one "
            f"scale. {where} {METHODS[name].caveat} The Trust page measures how far this method can be "
            "believed on this network; Paint out tries it on this image."
        )
    )
    pictures = [
        (each.aim, draw(each, Display()).over)
        for each in found
    ]  # fmt: skip
    download_picture(
        f"Autopsy {METHODS[name].title}", key="autopsy.why.download",
        png=lambda: compose_sheet(
            pictures, draw(found[2], Display()).extent,
            f"{METHODS[name].title}, {case.chosen.title}",
        ),
        arrays={"truth": found[0].values, "answer": found[1].values, "contrast": found[2].values},
    )  # fmt: skip


def _where(contrast: Attribution) -> str:
    """The share of the evidence for the answer that lies in one quarter of the picture."""
    heat = contrast.values.sum(axis=0)
    positive = np.clip(np.nan_to_num(heat), 0, None)
    total = float(positive.sum())
    if total <= 0:
        return "Nothing in the map speaks for the answer rather than the other class."
    height, width = heat.shape
    if min(height, width) < 2:
        return ""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    parts = {
        "upper left": positive[:rows, :columns], "upper right": positive[:rows, -columns:],
        "lower left": positive[-rows:, :columns], "lower right": positive[-rows:, -columns:],
    }  # fmt: skip
    name, part = max(parts.items(), key=lambda item: float(item[1].sum()))
    share = html.whole_percent(float(part.sum()) / total)
    return f"{share} of what speaks for the answer lies in the {name} quarter."
