"""The shortcut trap: a network is taught the wrong thing, looks splendid, and is found out.

In three steps: train it (a corner patch whose colour tells the label), see its accuracy with and
without the patch, ask every method where the network looks.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from models.references import RunRef, ShippedRef, parse_reference
from training.history import find_history
from training.spec import TrainSpec
from ui import html, runtime
from ui.fresh import fresh_place
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.subject.kept import ask_once
from ui.trust.ground_truth_view import example_grid
from ui.trust.parts import (
    TIMEOUT,
    Charts,
    downloads,
    foot,
    images_csv,
    measurements_csv,
    say,
    show_measure,
    source,
)
from ui.trust.picks import Picks, read_picks
from ui.trust.subjects import SHAPES_NET, planted
from ui.trust.training import (
    earlier_picker,
    earlier_runs,
    is_active,
    linked_network,
    train_button,
    trained,
)
from ui.trust.words import UNDECIDED, against_chance, beaten, interpret, join
from ui.url_state import choice
from viz.results.trust import Shortcut
from viz.trust.controls import CONTROLS
from viz.trust.trap import shortcut_spec

WHO: Final = {"trapped": "The trapped network", "honest": "One that never saw a patch"}
EXAMPLES: Final = 3
_SHOWN: Final = 8  # training images with the patch, before anything is trained
_UNTRAINED: Final = "random:lenet5"  # any network that takes shapes: only the images are looked at


def render_shortcut(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    st.html(
        html.caption(
            "Every training image gets a small patch in its corner, whose colour gives the label away in 95 "
            "of 100 images. The network may learn the patch instead of the shapes. On test images that have "
            "the patch, too, its accuracy looks splendid; only other images give it away. Do the maps?"
        )
    )
    trap = linked_network("trap")
    if trap is None and planted(chosen):
        trap = chosen.model
    if trap is None or not is_active(trap):
        earlier_picker("The trapped network", earlier_runs(is_trap), key="trap")
    if trap is None:
        _before()
        return
    if not trained(trap, key="trap"):
        if not is_active(trap):
            train_button("Train it again", shortcut_spec(), key="trap")
        return
    picks = read_picks(chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        who = choice("Which network", WHO, key="who", default="trapped")
        st.page_link(
            "pages/explain/saliency.py", label="Its maps, image by image",
            icon=":material/local_fire_department:",
            query_params={"model": trap if who == "trapped" else SHAPES_NET},
        )  # fmt: skip
    model = trap if who == "trapped" else SHAPES_NET
    st.html(
        html.caption(
            f"Measured is {_title(model)}, at the end of its training. The network and the moment at the "
            "top of the page are not used here."
        )
    )
    _measure(model, who, picks)


def is_trap(spec: TrainSpec) -> bool:
    """Whether a run was taught with the patch."""
    return spec.dataset.name == "shapes" and spec.dataset.shortcut > 0


def _title(model: str) -> str:
    reference = parse_reference(model)
    if not isinstance(reference, RunRef | ShippedRef):
        return model
    return find_history(reference, runtime.store()).title


def _before() -> None:
    """What the images look like, and how long it takes."""
    train_button("Train a network with the patch", shortcut_spec(), key="trap")
    st.html(
        html.caption(
            f"{shortcut_spec().epochs} epochs on Shapes: about a minute on an idle computer. You can watch "
            "it and end it early."
        )
    )
    taught = {"name": "shapes", "shortcut": 1.0}
    found = [
        ask_once("picture", _UNTRAINED, f"shapes/train/{index}", dataset=taught)
        for index in range(_SHOWN)
    ]
    cells = [
        html.picture(each.image, f"{each.label} with a patch in the corner")
        + html.caption(str(each.label))
        for each in found
    ]
    st.html(html.tiles(cells, width="6rem"))
    st.html(
        html.caption("Images as it will see them: the colour of the corner says what they show.")
    )


def _measure(model: str, who: str, picks: Picks) -> None:
    charts = Charts(f"trust.shortcut.{who}")

    def draw(found: Shortcut) -> None:
        charts.begin(found.share)
        st.html(_accuracies(found))
        say(found.verdict)
        named = {each.measure: each for each in found.measurements}
        if not named["patch_share"].scores:
            return
        if found.examples:
            st.html(example_grid(found, [named["patch_share"]]))
        say(finders(found))
        for place, measure in zip(
            st.columns(2, gap="medium"), ("patch_share", "patch_pointing"), strict=True
        ):
            with place:
                said = interpret(named[measure]) if found.relies else _innocent(found)
                show_measure(
                    named[measure], charts, said=said,
                    chance_name="chance" if found.relies else "its share of the image",
                    better="" if found.relies else "an honest map has at most its share of the image",
                )  # fmt: skip

    options = picks.options() | {"examples": EXAMPLES}
    options.pop("split")  # the pictures are drawn for it
    with fresh_place(f"trust.shortcut.{who}", [model, picks]):
        found: Shortcut | None = watch(
            "shortcut", model, key=f"trust.shortcut.{who}", draw=draw, timeout=TIMEOUT, **options
        )
        if found is None:
            return
        downloads(
            "shortcut",
            {
                "All measures (CSV)": ("shortcut.csv", measurements_csv(found.measurements)),
                "Every image (CSV)": ("shortcut_images.csv", images_csv(found)),
            },
        )
        foot(found, [source("patch_share"), source("patch_pointing")])


def _accuracies(found: Shortcut) -> str:
    """Accuracy with each version of the patch, with how sure it is (HTML)."""
    return html.table(
        ["test images on which", "right answers", "95 % interval", "images"],
        [
            (
                each.words,
                html.percent(each.share),
                f"{html.percent(each.low)} to {html.percent(each.high)}",
                f"{each.right:,} of {each.total:,}",
            )
            for each in found.accuracies
        ],
        numeric=(1, 2, 3),
    )


def finders(found: Shortcut) -> str:
    """Which methods find the patch that the network relies on."""
    share = next(each for each in found.measurements if each.measure == "patch_share")
    real = [score for score in share.scores if not score.control]
    controls = sum(score.control for score in share.scores)
    if not found.relies or not real:
        return ""
    finds = [score.title for score in real if len(beaten(share, score)) == controls]
    misses = [score.title for score in real if score.title not in finds]
    if controls < len(CONTROLS):
        return UNDECIDED
    if not finds:
        return "No method finds the patch clearly better than every map that knows nothing."
    verb = "find" if len(finds) > 1 else "finds"
    rest = f" {join(misses)} {'do' if len(misses) > 1 else 'does'} not." if misses else ""
    return f"{join(finds)} {verb} the patch.{rest} {against_chance(share, 'the patch')}"


def _innocent(found: Shortcut) -> str:
    return (
        "This network does not rely on the patch, so a map should give it no more than its share of the "
        f"image, {html.percent(found.patch_area)}."
    )
