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
from ui.saliency.display import Display, draw, has_sign
from ui.saliency.link import pick, put, read_word, say, select
from ui.saliency.method import fetch_support
from ui.saliency.tiles import tile_html
from ui.streaming import watch
from ui.text import sentence_safe
from viz.attribution.method import Method
from viz.attribution.table import METHODS
from viz.figures.attribution import compose_sheet
from viz.results.attribution import Attribution, AttributionSupport

_FINE: Final = 8  # places a side from which a class activation map says where in a small image
_PHOTO: Final = 128  # pixels a side from which a few places do: things in photographs are large
_WISHED: Final = ("integrated_gradients", "occlusion")  # they speak about pixels
_SUBJECT: Final = ("model", "data", "step")  # in the link
_SHOWN: Final = {"over": "On the image", "map": "Map alone"}


def render_why(case: Case) -> None:
    """Three maps side by side.

    Raises:
        EngineError: the network cannot be asked.
    """
    support = fetch_support(case.chosen)
    name, shown = _controls(case, support)
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
        shared = max(draw(each, Display()).extent.limit for each in complete[:2])
        what = (this, that, f"{that} rather than {this}")
        for place, each, limit, words in zip(
            places, complete, (shared, shared, None), what, strict=True
        ):
            line = html.caption(where_words(each, words))
            place.html(tile_html(each, Display(), shown, limit=limit, line=line))
        _words(case, complete, name)


def standard_method(support: AttributionSupport, image_side: int) -> tuple[str, str]:
    """The method to begin with, and why it is that one.

    Args:
        support: which methods the network allows, at which layers.
        image_side: pixels of the shorter side.
    """
    allowed = [name for name in METHODS if name not in support.refusals]
    shape = next(
        (layer.shape for layer in support.layers if layer.name == support.default_layer), None
    )
    fine = shape is not None and (min(shape[1:]) >= _FINE or image_side >= _PHOTO)
    if shape is not None and fine and "grad_cam" in allowed:
        height, width = shape[1:]
        return "grad_cam", (
            f"Grad-CAM is the method to begin with here: it is quick, and {support.default_layer}, its "
            f"layer, still has {height} × {width} places."
        )
    name = next((name for name in (*_WISHED, *allowed) if name in allowed), "saliency")
    coarse = (
        "this network has no layer for Grad-CAM" if shape is None
        else f"Grad-CAM would show only the {shape[1]} × {shape[2]} places of {support.default_layer}"
    )  # fmt: skip
    return name, f"{METHODS[name].title} is the method to begin with here: {coarse}."


def _controls(case: Case, support: AttributionSupport) -> tuple[str, str]:
    allowed = [name for name in METHODS if name not in support.refusals]
    standard, reason = standard_method(support, min(case.said.image.shape[:2]))
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
    if name == standard:
        st.html(html.caption(reason))
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
    st.html(
        html.caption(
            f"{sign_words(METHODS[name])} The first two share one scale. {METHODS[name].caveat} "
            "Paint out tries it on this image."
        )
    )
    st.page_link(
        "pages/explain/trust.py", label="How far to believe it: Trust",
        icon=":material/verified:", query_params=trust_link(case),
    )  # fmt: skip
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


def trust_link(case: Case) -> dict[str, str]:
    """What the Trust page is to look at: the same network and image."""
    return {key: st.query_params[key] for key in _SUBJECT if key in st.query_params} | (
        {} if case.chosen.image is None else {"image": case.chosen.image}
    )


def sign_words(method: Method) -> str:
    """What the colours say, and what this method cannot say."""
    if has_sign(method):
        return "Orange speaks for the class of the heading, blue against it."
    if method.family == "cam":
        return (
            "The lighter the colour, the more a place speaks for the class of the heading; what speaks "
            "against it is cut off."
        )
    return (
        "The lighter the colour, the more a pixel matters to the class of the heading; whether for or "
        "against it, this method does not say."
    )


def where_words(found: Attribution, what: str) -> str:
    """The share of the evidence for `what` that lies in one quarter of the picture."""
    method = METHODS[found.method]
    speaks = "speaks for" if method.signed or method.family == "cam" else "matters to"
    positive = np.clip(np.nan_to_num(found.values.sum(axis=0)), 0, None)
    total = float(positive.sum())
    if total <= 0:
        return f"Nothing in this map {speaks} {what}."
    height, width = positive.shape
    if min(height, width) < 2:
        return ""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    parts = {
        "upper left": positive[:rows, :columns], "upper right": positive[:rows, -columns:],
        "lower left": positive[-rows:, :columns], "lower right": positive[-rows:, -columns:],
    }  # fmt: skip
    name, part = max(parts.items(), key=lambda item: float(item[1].sum()))
    share = html.whole_percent(float(part.sum()) / total)
    return f"{share} of what {speaks} {what} lies in the {name} quarter."
