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

_SELDOM: Final = 0.2  # where noise does as much less often than this, its direction is to blame
_PHOTO: Final = 128  # pixels a side from which pictures are scaled smoothly


def render_one(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: the network cannot be asked.
    """
    said: Classification = glance("classify", chosen.model, chosen.image, **chosen.options)
    plan = read_plan(chosen, said)
    render_plan(plan, said)
    found: Attack | None = watch(
        "attack", chosen.model, chosen.image, key="adversarial.attack", timeout=600.0, draw=_draw,
        epsilon=plan.epsilon, **plan.options, **chosen.options,
    )  # fmt: skip
    if found is None:
        return
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
                draw=lambda result: _curve(result, plan, found.answer), **plan.options,
                **chosen.options,
            )  # fmt: skip
        except EngineError as error:
            st.caption(sentence_safe(error))


def _draw(found: Attack) -> None:
    """The pictures and what they show, as far as the attack has come."""
    st.html(_stage(found))
    st.html(f'<p class="cs-adversarial-sentence">{escape(sentence(found))}</p>')


def _stage(found: Attack) -> str:
    """Four pictures with what the network says about each."""
    difference, factor = magnify(found.original, found.attacked)
    scale = (
        f'<div class="cs-scale"><span>−{found.largest:.3g}</span>'
        f'<i style="background:{css_gradient("diverging")}"></i><span>{found.largest:.3g} of 255</span></div>'
        if factor is None
        else html.caption("Mid-grey: no change")
    )
    times = "" if factor is None else f", ×{factor:g}"
    cells = [
        ("The image", to_bytes(found.original), _bars(found, found.before)),
        (
            f"The change{times}" if found.changed else "No change", difference,
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
    """The three most probable classes; blue with a tick: the truth, where anybody has said it."""
    return html.probability_bars(probs, found.classes, target=found.label)


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
    return f"{text}{noise_sentence(found)}"


def noise_sentence(found: Attack) -> str:
    """What as much noise does, and no more than that many draws can say."""
    if not found.noise_draws:
        return ""
    low, high = wilson(found.noise_flips, found.noise_draws)
    text = (
        f" Random noise of the same size changes the answer in {found.noise_flips} of "
        f"{found.noise_draws} draws (95 %: {html.whole_percent(low)} to {html.whole_percent(high)})"
    )
    if found.succeeded and high <= _SELDOM:
        text += ": what counts is the direction of the change, not its size alone"
    return f"{text}."


def _figures(found: Attack) -> str:
    before, after = (float(each[found.source]) for each in (found.before, found.after))
    return html.figures(
        [
            ("largest change", f"{found.largest:.3g}/255", "Of any value of any pixel; at most ε"),
            (
                f"probability of {named(found.classes, found.source)}", points(before, after),
                f"The answer before the attack: from {html.percent(before)} to {html.percent(after)}",
            ),
            ("passes", f"{found.passes} + {found.passes}", "Forward and backward, for this image"),
            ("as a file", "holds" if _rounded_holds(found) else "another answer",
             "The answer after rounding to whole bytes, against that of the attacked image"),
        ]
    )  # fmt: skip


def points(before: float, after: float) -> str:
    """A change of a probability in percentage points: the difference of the two as they are shown."""
    change = round(100 * after, 1) - round(100 * before, 1)
    if not np.isfinite(change):
        return html.NO_NUMBER
    return f"{change:+.1f} points".replace("-", "−")


def _rounded_holds(found: Attack) -> bool:
    return int(np.nan_to_num(found.after_rounding, nan=-1).argmax()) == found.answer


def _curve(result: AttackCurve, plan: Plan, answer: int) -> None:
    key = "adversarial.chart"
    if result.share < 1:  # one run may draw a key once
        key += f".{result.share:.4f}.{result.smallest}.{result.holds}"
    st.plotly_chart(
        plot_attack_curve(result, now=plan.epsilon, answer=answer), key=key, config=CHART_CONFIG,
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
    noise = _curve_noise(result)
    if result.smallest is None:
        end = float(result.epsilons[-1])
        return f"Up to ε = {end:g}/255 there is no strength tried at which {what}.{noise}"
    if result.holds is None:
        return f"At ε = 0 already {what}."
    return (
        f"The least strength found at which {what} is ε = {result.smallest:.3g}/255; at "
        f"{result.holds:.3g}/255 it does not.{noise} Dotted blue: the strength shown above."
    )


def _curve_noise(result: AttackCurve) -> str:
    """From which strength on noise does it, too: the draws of all strengths together say nothing
    about any."""
    flipped = np.flatnonzero(result.noise_flips)
    if not len(flipped):
        return f" Noise changed it at no strength tried ({result.noise_draws} draws at each)."
    first = int(flipped[0])
    return (
        f" Noise first changed it at ε = {result.epsilons[first]:g}/255, in "
        f"{int(result.noise_flips[first])} of {result.noise_draws} draws."
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
