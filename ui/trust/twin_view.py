"""The label-randomised twin: trained by a button, then its maps beside those of the network."""

from __future__ import annotations

from typing import Final

import streamlit as st

from training.spec import TrainSpec
from training.twin import twin_spec
from ui import html, runtime
from ui.fresh import fresh_place
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import markdown_safe
from ui.trust.parts import (
    TIMEOUT,
    Charts,
    downloads,
    foot,
    images_csv,
    is_signed,
    map_grid,
    measurements_csv,
    show_measure,
)
from ui.trust.picks import Picks, read_picks
from ui.trust.training import (
    earlier_picker,
    earlier_runs,
    is_active,
    linked_network,
    train_button,
    trained,
)
from ui.trust.words import join, number
from viz.figures.trust import heat_png, sort_scores
from viz.results.randomisation import TwinComparison
from viz.trust.sanity import CITATION, HALF, URL

_FITTED: Final = 0.95  # of its labels that the paper's twins had learned


def render_twin(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    st.html(
        html.caption(
            "The twin has the same architecture and learned labels that were drawn at random, by heart. It "
            "knows nothing of the classes, so its maps should look different from the network's."
        )
    )
    spec = _twin_of(chosen)
    if spec is None:
        st.info(
            f"{markdown_safe(chosen.title)} was not trained here, so it cannot be trained again on random "
            "labels: choose a run, or a network that comes with ConvScope."
        )
        return
    twin = linked_network("twin")
    images = spec.dataset.train_limit or 0
    if twin is None or not is_active(twin):
        earlier_picker("The twin", earlier_runs(lambda other: is_twin(other, spec)), key="twin")
    if twin is None:
        train_button("Train a twin", spec, key="twin")
        st.html(
            html.caption(
                f"{images} images with random labels, at most {spec.total_steps(images)} updates: half a "
                "minute to a few minutes, by the size of the network. It ends by itself once it knows "
                "them all, and you can end it earlier."
            )
        )
        return
    if not trained(twin, key="twin", by_heart=images):
        if not is_active(twin):
            train_button("Train another twin", spec, key="twin")
        return
    _compare(chosen, read_picks(chosen, explain=False), twin)


def is_twin(other: TrainSpec, spec: TrainSpec) -> bool:
    """Whether a run is a twin such as `spec` describes: same network, same images, random labels."""
    mine, its = spec.dataset, other.dataset
    return (
        other.network == spec.network
        and (its.name, its.image_size) == (mine.name, mine.image_size)
        and its.label_noise >= mine.label_noise > 0
    )


def _twin_of(chosen: Chosen) -> TrainSpec | None:
    if chosen.history is None:
        return None
    spec = chosen.history.spec
    info = runtime.dataset_info(spec)
    return twin_spec(spec, len(info.classes), info.num_train)


def _compare(chosen: Chosen, picks: Picks, twin: str) -> None:
    charts = Charts("trust.twin")

    def draw(found: TwinComparison) -> None:
        charts.begin(found.share)
        st.html(_figures(found))
        st.html(
            html.caption(
                f"Right answers of the twin on its {found.fitted_images} training images, by their random "
                "labels; then of both networks on test images, by the true ones. Chance is 1 over the "
                "number of classes."
            )
        )
        chart, maps = st.columns([1, 1.2], gap="medium")
        with chart:
            for measurement in found.measurements:
                show_measure(measurement, charts, said=said(found))
        with maps:
            st.html(_maps(found))

    with fresh_place("trust.twin.result", [chosen.model, picks, twin]):
        found: TwinComparison | None = watch(
            "twin_comparison", chosen.model, key="trust.twin", draw=draw, timeout=TIMEOUT, twin=twin,
            **picks.options(explain=False), **chosen.options,
        )  # fmt: skip
        if found is not None:
            downloads(
                "twin",
                {
                    "Correlations (CSV)": ("twin.csv", measurements_csv(found.measurements)),
                    "Every image (CSV)": ("twin_images.csv", images_csv(found)),
                },
            )
            foot(found, [f"[{CITATION}]({URL}), section 4."])


def _figures(found: TwinComparison) -> str:
    own, other = found.accuracy
    return html.figures(
        [
            (
                "the twin's own labels", html.percent(found.fitted),
                f"right answers on its {found.fitted_images} training images, by the random labels",
            ),
            ("the twin, true labels", html.percent(other), "of test images; chance is 1 over the classes"),
            ("this network, true labels", html.percent(own), "of test images"),
        ]
    )  # fmt: skip


def said(found: TwinComparison) -> str:
    """What the correlations say, and whether the twin has learned its labels at all."""
    early = (
        f"The twin has learned only {html.percent(found.fitted)} of its labels, so this says little yet. "
        if found.fitted < _FITTED
        else ""
    )
    if not found.measurements:
        return early
    scores = [each for each in sort_scores(found.measurements[0]) if not each.control]
    if not scores:
        return early
    same = [each.title for each in scores if each.low > HALF]
    if same:
        verb = "mark" if len(same) > 1 else "marks"
        return (
            f"{early}{join(same)} {verb} nearly the same in a network that knows nothing of the classes "
            f"(ρ clearly above {HALF:g})."
        )
    most = max(scores, key=lambda each: each.mean)
    return (
        f"{early}No method marks the same in the twin: the most alike are the maps of {most.title}, "
        f"ρ = {number(most.mean)}."
    )


def _maps(found: TwinComparison) -> str:
    """Maps of both networks for one image a row pair (HTML)."""
    columns = [(each.title, "") for each in found.changes]
    rows = []
    for place, image in enumerate(found.examples[:2]):
        label = found.images.classes[int(found.images.explained[image])]
        for stage, name in enumerate(("this network", "the twin")):
            cells = []
            for change in found.changes:
                png = heat_png(change.maps[stage, place], signed=is_signed(change.method))
                rho = number(float(change.rank[stage, image])) if stage else ""
                alt = f"{change.title}, {name}"
                cells.append(html.image(png, alt) + (f"<small>{rho}</small>" if rho else ""))
            rows.append((f"{label}: {name}", cells))
    return map_grid(columns, rows, tile="5.2rem")
