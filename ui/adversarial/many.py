"""A set of images: how many the network still knows under attack, with intervals."""

from __future__ import annotations

import csv
import io
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.autopsy.cells import own_dataset
from ui.charts import CHART_CONFIG
from ui.saliency.link import pick, read_number, read_word, slide
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.text import sentence_safe
from viz.figures.adversarial import KIND_NAMES, plot_attack_accuracy
from viz.results.adversarial import AttackAccuracy
from viz.results.picking import SplitLabels

SPLITS: Final = {"val": "Validation", "test": "Test"}
COUNTS: Final = (50, 200, 500, 1000)
MOST: Final = 2000  # that the lens attacks
_ALL: Final = "all"
STEPS: Final = 10


def render_many(chosen: Chosen) -> None:
    """The view."""
    split = read_word("split", list(SPLITS), "val", "set of held-out images")
    counts = count_words(_held_out(chosen, split))
    standard = "200" if "200" in counts else next(reversed(counts))
    count = read_word("count", list(counts), standard, "number of images")
    given = read_number("steps", 1, 100, "The number of steps")
    steps = STEPS if given is None else int(given)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-adversarial-set"):
        pick("Images", SPLITS, split, key="split", default="val")
        pick("How many", counts, count, key="count", default=standard)
        slide(
            "Steps of PGD", steps, key="steps", low=1, high=100, default=STEPS,
            explain="Each costs one forward and one backward pass an image and strength",
        )  # fmt: skip
    try:
        found: AttackAccuracy | None = watch(
            "attack_accuracy", chosen.model, None, key="adversarial.set", draw=_draw, timeout=600.0,
            split=split, images=MOST if count == _ALL else int(count), steps=steps, **chosen.options,
        )  # fmt: skip
    except EngineError as error:
        st.info(sentence_safe(error))
        return
    if found is None or not found.images:
        return
    st.html(_table(found))
    st.download_button(
        "The table (CSV)", lambda: accuracy_csv(found), "attack_accuracy.csv", "text/csv",
        key="adversarial.set.csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _held_out(chosen: Chosen, split: str) -> int | None:
    """Images of the split; None where the network's images are not here, which the lens says."""
    if own_dataset(chosen) is None:
        return None
    found: SplitLabels = ask_once("split_labels", chosen.base, split=split, **chosen.options)
    return len(found.labels)


def count_words(held_out: int | None) -> dict[str, str]:
    """How many images can be attacked of so many, as the link and the control call it."""
    if held_out is None:
        return {str(count): f"{count:,}" for count in COUNTS}
    few = {str(count): f"{count:,}" for count in COUNTS if count < held_out}
    return few | ({_ALL: f"All {held_out:,}"} if held_out <= MOST else {})


def _draw(found: AttackAccuracy) -> None:
    key = "adversarial.set.chart" if found.share >= 1 else f"adversarial.set.chart.{found.images}"
    st.plotly_chart(
        plot_attack_accuracy(found), key=key, config=CHART_CONFIG,
        alt="Accuracy over the strength of the attack",
    )  # fmt: skip
    st.html(html.caption(sentence(found)))


def sentence(found: AttackAccuracy) -> str:
    """What the curve says at 8/255, or the nearest strength to it."""
    at = int(abs(found.epsilons - 8).argmin())
    parts = []
    for kind, share, ends in zip(found.kinds, found.accuracy, found.bounds, strict=True):
        low, high = (html.whole_percent(float(end)) for end in ends[at])
        parts.append(f"{KIND_NAMES[kind]} {html.percent(float(share[at]))} ({low} to {high})")
    some = found.words if found.images == found.total else f"{found.images} of {found.words}"
    return (
        f"Right at ε = {found.epsilons[at]:g}/255: {', '.join(parts)}; {some}, away from the true "
        f"class. Bands and brackets: 95 % Wilson intervals. PGD takes {found.steps} steps from a random "
        "start; what it has turned stays turned at larger ε. A stronger attack may do more harm, so "
        "these are upper bounds of what the network withstands."
    )


def _table(found: AttackAccuracy) -> str:
    header = ("", *(f"ε = {epsilon:g}" for epsilon in found.epsilons.tolist()))
    rows = [
        (KIND_NAMES[kind], *(html.percent(float(each)) for each in share))
        for kind, share in zip(found.kinds, found.accuracy, strict=True)
    ]
    return html.table(header, rows, numeric=tuple(range(1, len(header))))


def accuracy_csv(found: AttackAccuracy) -> bytes:
    """Counts and intervals."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["change", "epsilon_255", "right", "images", "accuracy", "low95", "high95"])
    for row, kind in enumerate(found.kinds):
        for column, epsilon in enumerate(found.epsilons.tolist()):
            low, high = found.bounds[row, column]
            writer.writerow(
                [kind, epsilon, int(found.right[row, column]), found.images,
                 f"{found.accuracy[row, column]:.6f}", f"{low:.6f}", f"{high:.6f}"]
            )  # fmt: skip
    return text.getvalue().encode()
