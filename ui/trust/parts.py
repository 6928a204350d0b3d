"""What the views of the page share: a chart of one measure with its words, what was left out, the
numbers to take away, and grids of maps.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import count
from typing import Any, Final

import streamlit as st

from ui import html
from ui.charts import CHART_CONFIG
from ui.text import markdown_safe, sentence_safe
from ui.trust.picks import start_methods
from ui.trust.words import interpret, is_percent
from viz.attribution.table import METHODS
from viz.figures.theme import Drawing
from viz.figures.trust import plot_scores
from viz.results.trust import Measurement, TrustResult
from viz.trust.controls import CONTROLS, title_of
from viz.trust.measures import MEASURES

ORDER: Final = (*start_methods(), *(name for name in METHODS if name not in start_methods()))
"""Of the methods' colours: those measured first take those that differ most."""
BANDS: Final = "Lines are means over the images, bands their 95 % intervals; grey: controls."
TIMEOUT: Final = 600.0


class Charts:
    """Charts of a place that is drawn again and again in one run of the page, where a key may stand
    once: each drawing has keys of its own, but for the last, whose charts stay as they are in later
    runs.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._drawn = count()
        self._now = ""

    def begin(self, share: float) -> None:
        """Before each drawing: how much of the result is there."""
        self._now = "" if share >= 1 else f".{next(self._drawn)}"

    def show(self, figure: Drawing, name: str, alt: str) -> None:
        """One chart."""
        st.plotly_chart(
            figure, key=f"{self._prefix}.{name}{self._now}", config=CHART_CONFIG, alt=alt
        )


def show_measure(
    measurement: Measurement,
    charts: Charts,
    *,
    chance_name: str = "chance",
    said: str = "",
    better: str = "",
) -> None:
    """One measure of all methods: what it asks, the chart, what the numbers say.

    Args:
        measurement: of the methods so far.
        charts: of the place.
        chance_name: of the line at what knowing nothing gives.
        said: a sentence that takes the place of the standard one.
        better: words in the title that take the place of which way is better.
    """
    st.html(html.caption(f"{measurement.what} Whiskers: 95 % intervals."))
    charts.show(
        plot_scores(
            measurement, ORDER, percent=is_percent(measurement), chance_name=chance_name,
            better=better,
        ),
        measurement.measure, f"{measurement.title} of each method",
    )  # fmt: skip
    say(said or interpret(measurement))


def say(text: str) -> None:
    """A sentence of interpretation; nothing where there is nothing to say yet."""
    if text:
        whole = escape(text).replace(" %", "&nbsp;%")  # a number keeps its unit on its line
        st.html(f'<p class="cs-trust-said">{whole}</p>')


def source(measure: str) -> str:
    """Where a measure comes from and how it can mislead, as Markdown."""
    row = MEASURES[measure]
    return f"{row.title}: [{row.citation}]({row.url}). {row.caveat}"


def foot(result: TrustResult, sources: Sequence[str]) -> None:
    """On which images, how, what was left out and why, and the sources."""
    st.html(
        html.caption(
            f"Measured on {result.images.source}, in {result.seconds:.1f} s. {result.note}"
        )
    )
    left_out(result.refusals)
    st.caption(" · ".join(sources))


def left_out(refusals: Mapping[str, str]) -> None:
    """Methods that this network does not allow, each with the reason."""
    if not refusals:
        return
    with st.expander(f"{len(refusals)} not measured", icon=":material/block:"):
        for name, why in refusals.items():
            st.markdown(f"**{markdown_safe(title_of(name))}**: {sentence_safe(why)}")


def measurements_csv(measurements: Iterable[Measurement]) -> bytes:
    """One line a measure and method."""
    rows = [
        [found.measure, score.method, "yes" if score.control else "no", score.mean, score.low,
         score.high, len(score.values)]
        for found in measurements for score in found.scores
    ]  # fmt: skip
    return to_csv(["measure", "method", "control", "mean", "low95", "high95", "images"], rows)


def images_csv(result: TrustResult) -> bytes:
    """One line a measure, method and image."""
    images = result.images
    rows = [
        [found.measure, score.method, name, images.classes[int(explained)], value]
        for found in result.measurements
        for score in found.scores
        for name, explained, value in zip(images.names, images.explained, score.values, strict=True)
    ]
    return to_csv(["measure", "method", "image", "explained", "value"], rows)


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as the bytes of a file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def downloads(name: str, files: Mapping[str, tuple[str, bytes]]) -> None:
    """A menu of files: label to file name and content."""
    with st.popover("Download", icon=":material/download:", width="content"):
        for label, (file, content) in files.items():
            st.download_button(
                label, content, file, "text/csv", key=f"trust.{name}.{file}", on_click="ignore",
                width="stretch",
            )  # fmt: skip
        st.caption("Each chart's own menu saves it as SVG.")


def map_grid(
    columns: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, Sequence[str]]],
    *,
    tile: str = "6rem",
) -> str:
    """Pictures in a grid with heads above and to the left; wider than the page it scrolls.

    Args:
        columns: head and the quiet line below it.
        rows: head and the cells' HTML, one a column.
        tile: CSS width of a cell.
    """
    heads = "".join(
        f"<th>{escape(head)}<small>{escape(small)}</small></th>" for head, small in columns
    )
    lines = "".join(
        f"<tr><th>{escape(head)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for head, cells in rows
    )
    return (
        f'<div class="cs-scroll"><table class="cs-trust-grid" style="--tile:{tile}">'
        f"<tr><th></th>{heads}</tr>{lines}</table></div>"
    )


def is_signed(method: str) -> bool:
    """Whether negative values of a method's maps mean evidence against."""
    return method in METHODS and METHODS[method].signed and method not in CONTROLS
