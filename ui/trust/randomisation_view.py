"""Randomisation: do maps follow the weights, and do they follow the labels?

The first is shown live, layer by layer, with the maps as they fall apart or do not; the second needs
a network that has learned random labels, which a button trains.
"""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from ui import html
from ui.fresh import fresh_place
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.trust.parts import (
    BANDS,
    ORDER,
    TIMEOUT,
    Charts,
    downloads,
    foot,
    images_csv,
    is_signed,
    map_grid,
    say,
    to_csv,
)
from ui.trust.picks import Picks, read_picks
from ui.trust.twin_view import render_twin
from ui.trust.words import VERDICTS, number, verdict_sentence
from ui.url_state import choice, linked_int
from viz.figures.randomisation import BEFORE, plot_randomisation
from viz.figures.trust import heat_png
from viz.results.randomisation import MethodChange, Randomisation
from viz.trust.sanity import CITATION, HALF, SIMILARITIES, URL, judge

CHECKS: Final = {
    "cascading": "Weights, from the last layer on",
    "independent": "Weights, one layer at a time",
    "labels": "Labels: the twin",
}
MOST_IMAGES: Final = 64
SOURCE: Final = f"[{CITATION}]({URL})"


def render_randomisation(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    check = choice("What is random", CHECKS, key="check", default="cascading")
    with fresh_place("trust.check", check):
        if check == "labels":
            render_twin(chosen)
        else:
            _weights(chosen, read_picks(chosen, explain=False, most=MOST_IMAGES), check)


def _weights(chosen: Chosen, picks: Picks, order: str) -> None:
    measures = {name: title for name, (title, _) in SIMILARITIES.items()}
    st.html(
        html.caption(
            "Layers forget what they learned, the last one first: their weights are drawn anew, as before "
            "training. A map that shows what the network learned must change."
        )
    )
    measure = choice("Compared by", measures, key="alike", default="rank")
    example = linked_int("example", 0, 2, 0, "Example")
    st.button(
        "Another example", icon=":material/image:", key="trust.example", type="tertiary",
        on_click=_next_example, args=(example,),
    )  # fmt: skip
    charts = Charts(f"trust.randomisation.{measure}")

    def draw(found: Randomisation) -> None:
        charts.begin(found.share)
        figure, said = st.columns([1.45, 1], gap="medium")
        with figure:
            charts.show(
                plot_randomisation(found, measure, ORDER), "curve", "Similarity of maps over layers"
            )
        with said:
            st.html(html.caption(f"{SIMILARITIES[measure][1]} {BANDS}"))
            st.html(verdict_table(found))
        shown = strips(found, example)
        if shown:
            st.html(shown)
        upper = range(1, found.upper + 1)
        say(verdict_sentence([(each, judge(each, upper)) for each in found.changes]))

    with fresh_place("trust.weights.result", [chosen.model, picks, order]):
        found: Randomisation | None = watch(
            "randomisation", chosen.model, key="trust.randomisation", draw=draw, timeout=TIMEOUT,
            order=order, **picks.options(explain=False),
            **chosen.options,
        )  # fmt: skip
        if found is None:
            return
        downloads(
            "randomisation",
            {
                "Curves (CSV)": ("randomisation.csv", changes_csv(found)),
                "Every image (CSV)": ("randomisation_images.csv", images_csv(found)),
            },
        )
        foot(
            found,
            [
                f"{SOURCE}. A method that fails cannot be trusted here; one that passes has not shown that "
                "it can: a random map passes, too. Edges and a centred bump never change, because they ask "
                "no network.",
            ],
        )


def _next_example(now: int) -> None:
    st.query_params["example"] = str((now + 1) % 3)


def verdict_table(found: Randomisation) -> str:
    """Every method with what is left of its maps over the upper half, and the verdict (HTML)."""
    upper = range(1, found.upper + 1)
    judged = [(change, judge(change, upper)) for change in found.changes]
    judged.sort(key=lambda each: (each[0].control, -np.nan_to_num(each[1].rank[0])))
    rows = []
    for change, verdict in judged:
        words, tone = VERDICTS[verdict.verdict]
        kind = ' class="cs-trust-control"' if change.control else ""
        badge = "<small>knows no network</small>" if change.control else html.badge(words, tone)
        if verdict.empty:
            badge += f"<small> {verdict.empty} of {verdict.maps} maps empty</small>"
        rows.append(
            f"<tr{kind}><td>{escape(change.title)}<br>{badge}</td>"
            f'<td class="cs-num">{number(verdict.rank[0])}</td>'
            f'<td class="cs-num">{number(verdict.similarity[0])}</td></tr>'
        )
    hint = (
        f"Mean over the upper half of the layers. It hardly follows the weights where both are clearly "
        f"above {HALF:g}, follows them where both are clearly below (95 % intervals)."
    )
    return (
        '<div class="cs-scroll"><table class="cs-table cs-trust-verdicts"><tr>'
        "<th>left of the map, upper half random</th>"
        f'<th class="cs-num">rank ρ</th><th class="cs-num">SSIM</th></tr>{"".join(rows)}'
        f"</table></div>{html.caption(hint)}"
    )


def strips(found: Randomisation, example: int) -> str:
    """Each method's maps of one image over the layers drawn anew (HTML)."""
    if not found.changes or not len(found.pictures):
        return ""
    place = min(example, len(found.pictures) - 1)
    image = found.examples[place]
    label = found.images.classes[int(found.images.explained[image])]
    columns = [(BEFORE, f"p {_share(found, 0, image)}")]
    for stage, layer in enumerate(found.layers, start=1):
        known = stage < len(found.probs)
        columns.append((layer, f"p {_share(found, stage, image)}" if known else ""))
    rows = [(change.title, _strip(change, place, image, len(columns))) for change in found.changes]
    picture = html.picture(found.pictures[place], f"The image, {label}")
    return (
        f'<div class="cs-trust-example"><div>{picture}{html.caption(f"explained: {label}")}</div>'
        f"{map_grid(columns, rows, tile='5.2rem')}</div>"
        + html.caption(
            "Each map has a scale of its own; orange speaks for the class, blue against it. Below each: "
            "rank correlation with the map as trained. p: probability of the class."
        )
    )


def _share(found: Randomisation, stage: int, image: int) -> str:
    return html.whole_percent(float(found.probs[stage][image]))


def _strip(change: MethodChange, place: int, image: int, columns: int) -> list[str]:
    cells = []
    signed = is_signed(change.method)
    for stage in range(columns):
        if stage >= len(change.maps):
            cells.append('<div class="cs-trust-empty">…</div>')
            continue
        png = heat_png(change.maps[stage, place], signed=signed)
        rho = change.rank[stage, image]
        cells.append(
            html.image(png, f"{change.title}, stage {stage}")
            + f"<small>{number(float(rho))}</small>"
        )
    return cells


def changes_csv(found: Randomisation) -> bytes:
    """One line a method, stage and way of comparing."""
    rows = [
        [change.method, measure, stage, (BEFORE, *found.layers)[stage], band.mean[stage],
         band.low[stage], band.high[stage], int(change.empty[stage])]
        for change in found.changes
        for measure, band in change.bands.items()
        for stage in range(len(band.mean))
    ]  # fmt: skip
    return to_csv(
        ["method", "compared_by", "stage", "layer", "mean", "low95", "high95", "empty_maps"], rows
    )
