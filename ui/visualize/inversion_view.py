"""Feature inversion: what is left of the picture in each layer, side by side."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.visualize.makers import (
    SHOWN,
    answer_words,
    choose_several,
    controls,
    leaves,
    play_side_by_side,
    still_arrays,
    take_away,
)
from viz.figures.dream import picture_png, plot_lost, plot_nearing
from viz.figures.tiles import encode_png
from viz.results import Bytes
from viz.results.dream import Answer, Inversion, Rebuilt
from viz.visualization.makers import INVERSION, MOST_LAYERS, inversion_layers

_TIMEOUT: Final = 600.0
_FIRST: Final = ("steps", "seeds", "tv", "size")
_ALIKE: Final = 0.02  # disagreement below which the starts ended in one picture, a few grey levels
_SOURCE: Final = (
    "Starting from noise, a picture is changed until the layer puts out the same numbers as for the picture "
    "above. Minimised is "
    "‖f(x) − f(x₀)‖² / ‖f(x₀)‖² plus total variation, by L-BFGS. Mahendran and Vedaldi, Understanding "
    "deep image representations by inverting them, CVPR 2015; total variation as in Rudin, Osher and Fatemi, "
    "Nonlinear total variation based noise removal algorithms, Physica D 60, 1992, with |dx| + |dy|. "
    "A picture that comes back proves that the layer kept it; one that does not may also have been missed "
    "by the optimiser, which a small error in the layer rules out."
)


def render(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there are no pictures, with a sentence.
    """
    with st.container(key="cs-visualize"):
        side, main = st.columns([1.15, 3.1], gap="medium")
    settings = controls("inv", INVERSION, chosen.network)
    found = leaves(chosen.network)
    if not found:
        st.caption("This network has no layer to rebuild a picture from: choose another above.")
        return
    with side:
        layers = choose_several(
            "Layers", "inv-layers", [name for name, _ in found],
            inversion_layers(found) or [found[0][0]], MOST_LAYERS,
        )  # fmt: skip
        values = settings.read()
        settings.render(values, _FIRST)
        downloads = st.container()
    with main:
        place = st.empty()

        def draw(found: Inversion) -> None:
            with place.container():
                _draw(found, key=f"visualize.inv.{found.share:.4f}")

        try:
            done: Inversion | None = watch(
                "feature_inversion", chosen.model, chosen.image, key="visualize.inv", draw=draw,
                timeout=_TIMEOUT, layers=layers, settings=settings.asked(values), **chosen.options,
            )  # fmt: skip
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")
            done = None
        if done is not None:
            _finish(done, repr((chosen.model, chosen.image, layers, values)))
    if done is not None:
        with downloads:
            take_away(
                f"inversion {chosen.title}", "inv", lambda: _sheet(done), lambda: _arrays(done)
            )
    st.caption(_SOURCE)


def _draw(found: Inversion, *, key: str) -> None:
    st.html(_strip(found))
    st.caption(sentence_safe(_sentence(found)))
    if found.note:
        st.caption(f":material/info: {sentence_safe(found.note)}")
    left, right = st.columns(2, gap="medium")
    left.plotly_chart(
        plot_lost(found), key=f"{key}.lost", config=CHART_CONFIG,
        alt="How like the picture each layer's rebuilt one is",
    )  # fmt: skip
    right.plotly_chart(
        plot_nearing(found), key=f"{key}.near", config=CHART_CONFIG,
        alt="Error in each layer while its picture is made",
    )  # fmt: skip


def _finish(found: Inversion, question: str) -> None:
    """The way there, of the layers that are done."""
    if not found.rebuilt:
        return
    last = found.rebuilt[0].stills[-1].step if found.rebuilt[0].stills else 0
    done = [each for each in found.rebuilt if each.stills and each.stills[-1].step == last]
    if len(done[0].stills) > 1:
        play_side_by_side(
            [each.layer for each in done], [each.stills for each in done],
            key=f"visualize.inv.player.{question}", label="Step of the optimiser",
        )  # fmt: skip


def _strip(found: Inversion) -> str:
    cells = [_first(found)]
    cells += [_cell(each, found) for each in found.rebuilt]
    for layer in found.layers[len(found.rebuilt) :]:
        cells.append(
            f'<figure class="cs-visualize-way"><b>{escape(layer)}</b><span>to come</span></figure>'
        )
    return f'<div class="cs-visualize-ways">{"".join(cells)}</div>'


def _first(found: Inversion) -> str:
    words = [_answered(found.answer, found, found.image, found.label)]
    words.append(f"{found.image.size:,} numbers")
    return _figure(found.image, "The picture", words, "The picture")


def _cell(each: Rebuilt, found: Inversion) -> str:
    more = "".join(
        html.image(picture_png(image, side=64), f"Rebuilt from {each.layer}, another start")
        for image in each.images[1:]
    )
    words = [
        f"{each.kind}, {_size(each)}",
        f"error in the layer {html.percent(float(each.feature_error.mean()))}",
        f"likeness {_decibel(float(each.psnr.mean()))}",
    ]
    if math.isfinite(each.disagreement):
        words.append(f"starts differ by {255 * each.disagreement:.1f} grey levels")
    words.append(_answered(each.answers[0], found, each.images[0], found.answer.best))
    return _figure(each.images[0], each.layer, words, f"Rebuilt from {each.layer}", more)


def _figure(image: Bytes, title: str, words: list[str], alt: str, more: str = "") -> str:
    smooth = " cs-visualize-smooth" if min(image.shape[:2]) > 96 else ""
    lines = "".join(f"<span>{escape(line)}</span>" for line in words)
    others = f'<div class="cs-visualize-starts">{more}</div>' if more else ""
    png = html.image(picture_png(image, side=SHOWN // 2), alt)
    return f'<figure class="cs-visualize-way{smooth}"><b>{escape(title)}</b>{png}{others}{lines}</figure>'


def _answered(answer: Answer, found: Inversion, image: Bytes, truth: int | None) -> str:
    tick = "✓ " if answer.best == truth else ""
    return f"{tick}taken for {answer_words(answer, found.classes, image)}"


def _size(each: Rebuilt) -> str:
    sides = f"{'×'.join(map(str, each.shape))} = " if len(each.shape) > 1 else ""
    return f"{sides}{each.numbers:,} numbers"


def _decibel(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "exact"


def _sentence(found: Inversion) -> str:
    """What the strip says."""
    if found.share < 1 or not found.rebuilt:
        return "Each layer in turn: a picture is made from noise until the layer puts out the same numbers for both."
    best = max(found.rebuilt, key=lambda each: float(each.psnr.mean()))
    worst = min(found.rebuilt, key=lambda each: float(each.psnr.mean()))
    text = (
        f"{best.layer} gives most back ({_decibel(float(best.psnr.mean()))}), {worst.layer} least "
        f"({_decibel(float(worst.psnr.mean()))}; 10 dB less is ten times the mean square error)."
    )
    free = [each.layer for each in found.rebuilt if each.disagreement > _ALIKE]
    if free:
        some = ", ".join(free[:3]) + ("…" if len(free) > 3 else "")
        verb = "leads" if len(free) == 1 else "lead"
        text += (
            f" From other starts {some} {verb} to other pictures: what differs is not in the layer."
        )
    kept = sum(each.answers[0].best == found.answer.best for each in found.rebuilt)
    return f"{text} {kept} of {len(found.rebuilt)} are still taken for {found.classes[found.answer.best]}."


def _sheet(found: Inversion) -> bytes:
    """The strip as one picture, a row a start."""
    starts = max(len(each.images) for each in found.rebuilt)
    columns = [np.stack([found.image] * starts), *(each.images for each in found.rebuilt)]
    columns = [stack for stack in columns if len(stack) == starts]
    rows = [np.concatenate([stack[start] for stack in columns], 1) for start in range(starts)]
    sheet = np.concatenate(rows)
    return encode_png(sheet, zoom=max(1, 1200 // sheet.shape[1]))


def _arrays(found: Inversion) -> dict[str, Any]:
    arrays: dict[str, Any] = {"picture": found.image}
    for each in found.rebuilt:
        arrays |= {
            f"{each.layer}/images": each.images,
            f"{each.layer}/feature_error": each.feature_error,
            f"{each.layer}/psnr": each.psnr,
            f"{each.layer}/curve": each.curve,
        }
        arrays |= {
            f"{each.layer}/{name}": image for name, image in still_arrays(each.stills).items()
        }
    return arrays
