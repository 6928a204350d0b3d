"""Deletion and insertion, and ROAD: what happens to the answer as the marked pixels go."""

from __future__ import annotations

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
    measurements_csv,
    show_measure,
    source,
    to_csv,
)
from ui.trust.picks import read_picks
from ui.url_state import choice
from viz.figures.trust import plot_trust_curves
from viz.results.trust import Faithfulness, Road, Robustness, TrustCurve

_HIGH: Final = 0.5  # probability at the start from which insertion has little room to rise
STARTS: Final = {
    "published": "a blurred copy of the picture",
    "mean": "a plane of the mean colour",
    "blur": "a blurred copy of the picture",
    "black": "a black picture",
}
"""What insertion begins with."""
REPLACEMENTS: Final = {
    "published": "Grey out, blurred in (RISE paper)",
    "mean": "Mean colour",
    "blur": "Blur",
    "black": "Black",
}


def render_faithfulness(chosen: Chosen) -> None:
    """Deletion and insertion curves and the areas under them.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    picks = read_picks(chosen)
    replacement = choice("Removed pixels become", REPLACEMENTS, key="fill", default="published")
    grey = replacement in ("published", "mean")
    removed = "the mean colour" if grey else "black" if replacement == "black" else "blurred"
    st.html(
        html.caption(
            "Does the answer hang on the pixels that a map marks? The most important go first. Deletion: "
            f"they become {removed}. Insertion: they are put into {STARTS[replacement]}. {BANDS}"
        )
    )
    charts = Charts("trust.faithfulness")

    def draw(found: Faithfulness) -> None:
        charts.begin(found.share)
        warning = high_start(found)
        if warning:
            st.warning(warning, icon=":material/warning:")
        for place, measurement in zip(st.columns(2, gap="medium"), found.measurements, strict=True):
            with place:
                kind = measurement.measure
                charts.show(
                    plot_trust_curves(
                        _of(found.curves, kind), ORDER, title=measurement.title,
                        x_title=f"pixels {'removed' if kind == 'deletion' else 'put in'}",
                        y_title="probability p of the answer",
                    ),
                    f"{kind}.curve", f"{measurement.title} curves",
                )  # fmt: skip
                show_measure(measurement, charts)

    with fresh_place("trust.faithfulness.result", [chosen.model, picks, replacement]):
        found: Faithfulness | None = watch(
            "faithfulness", chosen.model, key="trust.faithfulness", draw=draw, timeout=TIMEOUT,
            replacement=replacement, **picks.options(), **chosen.options,
        )  # fmt: skip
        if found is not None:
            downloads(
                "faithfulness",
                {
                    "Areas (CSV)": ("deletion_insertion.csv", measurements_csv(found.measurements)),
                    "Curves (CSV)": ("deletion_insertion_curves.csv", curves_csv(found.curves)),
                    "Every image (CSV)": ("deletion_insertion_images.csv", images_csv(found)),
                },
            )
            foot(found, [source("deletion"), source("insertion")])


def render_road(chosen: Chosen) -> None:
    """ROAD curves and the combined measure.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    picks = read_picks(chosen)
    st.html(
        html.caption(
            "Deletion without a hole to see: removed pixels are filled in from their neighbours, so that "
            "the shape of what is missing gives nothing away. MoRF: the most relevant first; LeRF: the "
            f"least relevant first. {BANDS}"
        )
    )
    charts = Charts("trust.road")

    def draw(found: Road) -> None:
        charts.begin(found.share)
        for place, kind, title in zip(
            st.columns(2, gap="medium"),
            ("morf", "lerf"),
            ("MoRF: steeper is better", "LeRF: flatter is better"),
            strict=True,
        ):
            with place:
                charts.show(
                    plot_trust_curves(
                        _of(found.curves, kind), ORDER, title=title, x_title="pixels removed",
                        y_title="change of the probability",
                    ),
                    kind, f"ROAD curves, {title}",
                )  # fmt: skip
        for measurement in found.measurements:
            show_measure(measurement, charts)

    with fresh_place("trust.road.result", [chosen.model, picks]):
        found: Road | None = watch(
            "road", chosen.model, key="trust.road", draw=draw, timeout=TIMEOUT,
            **picks.options(), **chosen.options,
        )  # fmt: skip
        if found is not None:
            downloads(
                "road",
                {
                    "ROAD (CSV)": ("road.csv", measurements_csv(found.measurements)),
                    "Curves (CSV)": ("road_curves.csv", curves_csv(found.curves)),
                    "Every image (CSV)": ("road_images.csv", images_csv(found)),
                },
            )
            foot(found, [source("road")])


def render_robustness(chosen: Chosen) -> None:
    """Sensitivity and infidelity.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    picks = read_picks(chosen)
    charts = Charts("trust.robustness")

    def draw(found: Robustness) -> None:
        charts.begin(found.share)
        for place, measurement in zip(st.columns(2, gap="medium"), found.measurements, strict=True):
            with place:
                show_measure(measurement, charts)

    with fresh_place("trust.robustness.result", [chosen.model, picks]):
        found: Robustness | None = watch(
            "robustness", chosen.model, key="trust.robustness", draw=draw, timeout=TIMEOUT,
            **picks.options(), **chosen.options,
        )  # fmt: skip
        if found is not None:
            downloads(
                "robustness",
                {
                    "Both measures (CSV)": ("robustness.csv", measurements_csv(found.measurements)),
                    "Every image (CSV)": ("robustness_images.csv", images_csv(found)),
                },
            )
            foot(found, [source("infidelity"), source("sensitivity")])


def high_start(found: Faithfulness) -> str:
    """A sentence where the picture that insertion begins with is answered already; else nothing."""
    starts = [float(each.mean[0]) for each in found.curves if each.curve == "insertion"]
    start = float(np.mean(starts)) if starts else 0.0
    if start < _HIGH:
        return ""
    return (
        f"{STARTS[found.replacement].capitalize()} is already answered with p = {start:.2f} on average: "
        "insertion can rise little from there and hardly separates the methods. Begin with the mean "
        "colour or black instead."
    )


def curves_csv(curves: tuple[TrustCurve, ...]) -> bytes:
    """One line a curve and point."""
    rows = [
        [each.curve, each.method, share, mean, low, high]
        for each in curves
        for share, mean, low, high in zip(each.shares, each.mean, each.low, each.high, strict=True)
    ]
    return to_csv(["curve", "method", "share_of_pixels", "mean", "low95", "high95"], rows)


def _of(curves: tuple[TrustCurve, ...], kind: str) -> list[TrustCurve]:
    return [each for each in curves if each.curve == kind]
