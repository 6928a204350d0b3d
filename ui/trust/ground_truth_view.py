"""Ground truth: where the place of the object is known, how much of each map lies on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from ui import html
from ui.fresh import fresh_place
from ui.streaming import watch
from ui.subject.address import MAIN
from ui.subject.bar import Chosen
from ui.subject.model_picker import choose
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
    source,
)
from ui.trust.picks import read_picks
from ui.trust.subjects import SHAPES_NET, data_name
from ui.trust.words import against_chance, interpret, number
from ui.url_state import linked_int
from viz.figures.tiles import encode_png
from viz.figures.trust import map_picture, outline
from viz.results.trust import GroundTruth, Measurement, Shortcut, TrustExample

ROWS: Final = 4  # examples that are shown at once
PAGES: Final = 3  # of examples
_TEXTURES: Final = ("stripes", "checker", "dots")
_SIDE: Final = 96  # pixels of a picture on the page: scaled again, its outlines would break
_OBJECT: Final = "#111820"
_PATCH: Final = "#d8003c"


def render_ground_truth(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    if data_name(chosen) != "shapes":
        _way_there(chosen)
        return
    picks = read_picks(chosen)
    tolerance = linked_int("tolerance", 0, 8, 0, "Tolerance of the pointing game in pixels")
    page = linked_int("example", 0, PAGES - 1, 0, "Example")
    st.button(
        "Other examples", icon=":material/image:", key="trust.examples", type="tertiary",
        on_click=lambda: st.query_params.update(example=str((page + 1) % PAGES)),
    )  # fmt: skip
    charts = Charts("trust.ground_truth")

    def draw(found: GroundTruth) -> None:
        charts.begin(found.share)
        share, pointing = found.measurements
        if found.examples:
            shown = arrange(found)[page * ROWS : (page + 1) * ROWS]
            st.html(example_grid(found, [share], shown or found.examples[:ROWS]))
        for place, measurement, said in zip(
            st.columns(2, gap="medium"),
            (share, pointing),
            (f"{against_chance(share, 'the object')} {interpret(share)}", ""),
            strict=True,
        ):
            with place:
                show_measure(measurement, charts, said=said.strip())
        if any(found.empty.values()):
            empty = ", ".join(f"{name} {count}" for name, count in found.empty.items() if count)
            st.html(html.caption(f"Images for which nothing speaks for the answer: {empty}."))

    with fresh_place("trust.truth.result", [chosen.model, picks, tolerance]):
        found: GroundTruth | None = watch(
            "ground_truth", chosen.model, key="trust.ground_truth", draw=draw, timeout=TIMEOUT,
            examples=ROWS * PAGES, tolerance=tolerance, **picks.options(), **chosen.options,
        )  # fmt: skip
        if found is not None:
            downloads(
                "ground_truth",
                {
                    "Both measures (CSV)": (
                        "ground_truth.csv",
                        measurements_csv(found.measurements),
                    ),
                    "Every image (CSV)": ("ground_truth_images.csv", images_csv(found)),
                },
            )
            foot(found, [source("mask_share"), source("pointing")])


def _way_there(chosen: Chosen) -> None:
    st.info(
        f"Nobody has drawn where the object is in the images of {markdown_safe(chosen.title)}. In the "
        "Shapes data it is known to the pixel.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        st.button(
            "Look at a network trained on Shapes", icon=":material/arrow_forward:", type="primary",
            key="trust.shapes", on_click=lambda: choose(MAIN, SHAPES_NET),
        )  # fmt: skip
        st.page_link(
            "pages/train/live.py", label="Train one", icon=":material/play_arrow:",
            query_params={"data": "shapes"},
        )  # fmt: skip


def arrange(found: GroundTruth) -> list[TrustExample]:
    """The examples in pages of ROWS, a texture at the end of each as long as there are any."""
    classes = found.images.classes
    textures = [each for each in found.examples if classes[each.label] in _TEXTURES]
    outlines = [each for each in found.examples if classes[each.label] not in _TEXTURES]
    arranged: list[TrustExample] = []
    while outlines or textures:
        last = textures if len(arranged) % ROWS == ROWS - 1 else outlines
        arranged.append((last or outlines or textures).pop(0))
    return arranged


def example_grid(
    found: GroundTruth | Shortcut,
    shares: Sequence[Measurement],
    examples: Sequence[TrustExample] = (),
) -> str:
    """Some images with what each method marked; the object outlined in every map (HTML).

    Args:
        found: with its examples.
        shares: measures whose means stand below a method's name.
        examples: those that are shown; none: all.
    """
    shown = examples or found.examples
    names = list(shown[0].maps)
    columns = [("image", "")]
    for name in names:
        scores = [score for each in shares for score in each.scores if score.method == name]
        title = scores[0].title if scores else name
        told = " · ".join(number(score.mean, percent=True) for score in scores)
        columns.append((title, told))
    rows = [_row(found, example, names) for example in shown]
    patch = ", the patch red" if found.examples[0].patch is not None else ""
    height, width = found.examples[0].mask.shape
    return map_grid(columns, rows, tile=f"{width * _zoom(height)}px") + html.caption(
        f"Outlined: the object{patch}. Orange speaks for the answer, blue against it; a map without signs "
        "is bright where it is strong. Each map has a scale of its own. Per cent: mean share over all "
        "images."
    )


def _row(
    found: GroundTruth | Shortcut, example: TrustExample, names: Sequence[str]
) -> tuple[str, list[str]]:
    label = found.images.classes[example.explained]
    zoom = _zoom(example.image.shape[0])
    picture = outline(example.image, {}, zoom)
    cells = [html.picture(picture, f"{example.name}, {label}", title=example.name)]
    for name in names:
        masks = {_OBJECT if is_signed(name) else "#ffffff": example.mask}
        if example.patch is not None:
            masks[_PATCH] = example.patch
        pixels = outline(map_picture(example.maps[name], signed=is_signed(name)), masks, zoom)
        cells.append(html.image(encode_png(pixels), f"{name} map of {example.name}"))
    return label, cells


def _zoom(side: int) -> int:
    return max(1, _SIDE // side)
