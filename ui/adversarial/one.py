"""One image: before, the change, after, and as much noise; then over all strengths."""

from __future__ import annotations

import csv
import io
from html import escape
from typing import Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.adversarial.plan import Plan, read_plan, render_plan
from ui.autopsy.label_words import named
from ui.charts import CHART_CONFIG
from ui.downloads import download_picture
from ui.looking import glance
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from viz.figures.adversarial import magnify, plot_attack_curve, to_bytes
from viz.figures.theme import css_gradient
from viz.figures.tiles import encode_png
from viz.intervals import wilson
from viz.results import Classification, Floats
from viz.results.adversarial import Attack, AttackCurve

_PHOTO: Final = 128  # pixels a side from which pictures are scaled smoothly


def render_one(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: the network cannot be asked.
    """
    said: Classification = glance("classify", chosen.model, chosen.image, **chosen.options)
    plan = read_plan(said)
    render_plan(plan, said)
    found: Attack = glance(
        "attack", chosen.model, chosen.image, epsilon=plan.epsilon, timeout=120.0, **plan.options,
        **chosen.options,
    )  # fmt: skip
    st.html(_stage(found))
    st.html(f'<p class="cs-adversarial-sentence">{escape(sentence(found))}</p>')
    curve, numbers = st.columns([1.7, 1], gap="medium")
    with numbers:
        st.html(_figures(found))
        if found.note:
            st.html(html.caption(found.note))
        _download(found)
    with curve:
        try:
            watch(
                "attack_curve", chosen.model, chosen.image, key="adversarial.curve", timeout=600.0,
                draw=lambda result: _curve(result, plan), **plan.options, **chosen.options,
            )  # fmt: skip
        except EngineError as error:
            st.caption(sentence_safe(error))


def _stage(found: Attack) -> str:
    """Four pictures with what the network says about each."""
    difference, factor = magnify(found.original, found.attacked)
    grey = found.original.shape[2] == 1
    scale = (
        f'<div class="cs-scale"><span>−{found.largest:.3g}</span>'
        f'<i style="background:{css_gradient("diverging")}"></i><span>{found.largest:.3g} of 255</span></div>'
        if grey
        else html.caption(f"Mid-grey: no change; ×{factor:.3g}")
    )
    same = not found.changed
    cells = [
        ("The image", to_bytes(found.original), _bars(found, found.before)),
        (
            "No change" if same else f"The change, ×{factor:.3g}", difference,
            scale + html.caption(f"{html.whole_percent(found.changed)} of the values changed"),
        ),
        ("Attacked", to_bytes(found.attacked), _bars(found, found.after)),
        ("As much random noise", to_bytes(found.noisy), _bars(found, found.after_noise)),
    ]  # fmt: skip
    photo = " cs-adversarial-photo" if min(found.original.shape[:2]) >= _PHOTO else ""
    figures = "".join(
        f'<figure><div class="cs-adversarial-head">{escape(title)}</div>{html.picture(pixels, title)}{below}</figure>'
        for title, pixels, below in cells
    )
    return f'<div class="cs-adversarial-stage{photo}">{figures}</div>'


def _bars(found: Attack, probs: Floats) -> str:
    """The three most probable classes; blue: the truth, or the answer where nobody knows it."""
    known = found.label if found.label is not None else found.source
    return html.probability_bars(probs, found.classes, target=known)


def sentence(found: Attack) -> str:
    """What happened, and what the noise says about it."""
    if not np.isfinite(found.before).all():
        return "The network no longer answers with numbers: it has diverged."
    source, answer = named(found.classes, found.source), named(found.classes, found.answer)
    sure = html.percent(float(found.after[found.answer]))
    strength = f"at most {found.epsilon:g}/255 a value"
    if found.target == found.source:
        return f"The network says {source} already: choose another class to aim at."
    if found.succeeded:
        text = f"A change of {strength} turns {source} into {answer} ({sure})."
    elif found.target is not None and found.answer != found.source:
        wanted = named(found.classes, found.target)
        text = f"A change of {strength} turns {source} into {answer}, but not into {wanted}."
    else:
        before = html.percent(float(found.before[found.source]))
        now = html.percent(float(found.after[found.source]))
        text = f"A change of {strength} is not enough: {source} goes from {before} to {now}."
    rounded = int(np.nan_to_num(found.after_rounding, nan=-1).argmax())
    if found.succeeded and rounded != found.answer:
        text += " Rounded to whole grey levels, as a file keeps it, it does not hold."
    low, high = wilson(found.noise_flips, found.noise_draws)
    text += (
        f" Random noise of the same size changes the answer in {found.noise_flips} of "
        f"{found.noise_draws} draws (95 %: {html.whole_percent(low)} to {html.whole_percent(high)})"
    )
    if found.succeeded and found.noise_flips == 0:
        text += ": it is the direction that matters, not the size"
    return text + "."


def _figures(found: Attack) -> str:
    drop = float(found.before[found.source] - found.after[found.source])
    return html.figures(
        [
            ("largest change", f"{found.largest:.3g}/255", "Of any value of any pixel; at most ε"),
            ("probability lost", html.percent(drop), "Of the answer before the attack"),
            ("passes", f"{found.passes} + {found.passes}", "Forward and backward, for this image"),
            ("as a file", "holds" if _rounded_holds(found) else "another answer",
             "The answer after rounding to whole bytes, against that of the attacked image"),
        ]
    )  # fmt: skip


def _rounded_holds(found: Attack) -> bool:
    return int(np.nan_to_num(found.after_rounding, nan=-1).argmax()) == found.answer


def _curve(result: AttackCurve, plan: Plan) -> None:
    key = "adversarial.chart"
    if result.share < 1:  # one run may draw a key once
        key += f".{result.share:.4f}.{result.smallest}.{result.holds}"
    st.plotly_chart(
        plot_attack_curve(result, now=plan.epsilon), key=key, config=CHART_CONFIG,
        alt="Probability of the answer over the strength of the attack",
    )  # fmt: skip
    if result.share >= 1:
        st.html(html.caption(curve_sentence(result)))
        st.download_button(
            "The curve (CSV)", lambda: curve_csv(result), "attack_curve.csv", "text/csv",
            key="adversarial.curve.csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def curve_sentence(result: AttackCurve) -> str:
    """The least strength, and between which two it was seen."""
    what = (
        "the answer changes" if result.target is None
        else f"the answer becomes {named(result.classes, result.target)}"
    )  # fmt: skip
    flips = int(result.noise_flips.sum())
    draws = result.noise_draws * len(result.epsilons)
    noise = f" Noise changed it in {flips} of {draws} tries over all strengths."
    if result.smallest is None:
        end = float(result.epsilons[-1])
        return f"Up to ε = {end:g}/255 there is no strength tried at which {what}.{noise}"
    if result.holds is None:
        return f"At ε = 0 already {what}."
    return (
        f"The least strength found at which {what} is ε = {result.smallest:.3g}/255; at "
        f"{result.holds:.3g}/255 it does not.{noise} Dotted blue: the strength shown above."
    )


def curve_csv(result: AttackCurve) -> bytes:
    """Probabilities by strength."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["epsilon_255", *result.classes, "noise_probability", "noise_flips", "noise_draws"])  # fmt: skip
    for at, epsilon in enumerate(result.epsilons.tolist()):
        row = [f"{value:.6g}" for value in result.probs[at].tolist()]
        writer.writerow(
            [epsilon, *row, f"{result.noise[at]:.6g}", int(result.noise_flips[at]), result.noise_draws]
        )  # fmt: skip
    return text.getvalue().encode()


def _download(found: Attack) -> None:
    download_picture(
        f"Attacked {found.method} {found.epsilon:g}", key="adversarial.download",
        png=lambda: encode_png(to_bytes(found.attacked)),
        arrays={
            "original": found.original, "attacked": found.attacked, "noisy": found.noisy,
            "before": found.before, "after": found.after, "after_noise": found.after_noise,
        },
    )  # fmt: skip
