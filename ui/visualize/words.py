"""Sentences about made pictures: how far beyond real ones they go, and what is wrong with silent units."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from ui import html
from viz.results.visualize import Ablation, AblationRow, Visualization

SOURCES = (
    "Erhan, Bengio, Courville and Vincent, [Visualizing higher-layer features of a deep network]"
    "(https://www.researchgate.net/publication/265022827), Montréal 2009 · Simonyan, Vedaldi and Zisserman, "
    "[Deep inside convolutional networks](https://arxiv.org/abs/1312.6034), ICLR workshop 2014 · "
    "Mordvintsev, Olah and Tyka, [Inceptionism]"
    "(https://research.google/blog/inceptionism-going-deeper-into-neural-networks/), 2015 · "
    "Olah, Mordvintsev and Schubert, "
    "[Feature visualization](https://distill.pub/2017/feature-visualization/), Distill 2017"
)


def number(value: float) -> str:
    """`−12.3`."""
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else html.NO_NUMBER


_MIX = re.compile(r"(\d+)% channel (\d+) of")


def mixes(words: Sequence[str]) -> list[str]:
    """`75 % ch. 0, 25 % ch. 4` for each picture of a row; empty where all have one goal."""
    if len(set(words)) < 2:
        return []
    found = []
    for word in words:
        parts = [f"{share} % ch. {channel}" for share, channel in _MIX.findall(word)]
        found.append(", ".join(parts) or word)
    return found


def outcome(found: Visualization) -> str:
    """What the picture reaches against the best real one, in a sentence."""
    title = found.title[:1].upper() + found.title[1:]
    value = float(found.frame_values[-1].mean())
    several = len(found.words) > 1
    unit = " standard deviations" if found.in_deviations else ""
    reaches = f"{title} reaches {number(value)}{unit}{' on average' if several else ''}"
    if found.real is None:
        return f"{reaches}. The pictures it was trained on are not here, so there is nothing to hold it against."
    best = float(found.real.best.mean())
    if mixes(found.words):
        return (
            f"{title}: each picture is held against the real one that excites its own mix most, among "
            f"{found.real.words}. The curve is the mean over the mixes."
        )
    text = f"{reaches}; the best of {found.real.words} reaches {number(best)}"
    above = found.above[np.isfinite(found.above)]
    if found.real.few:
        return f"{text}. How many times that is would mean little: none of them was chosen to excite it."
    if len(above) == len(found.above) and float(above.mean()) >= 1.05:
        return f"{text}. Made for it, the picture excites it {above.mean():.1f} times as much as any of them."
    if value > best:
        return f"{text}: no real picture excites it as much."
    return f"{text}: real pictures do better, so more steps or another start may help."


def counted_in(found: Visualization) -> str:
    """What the numbers are counted in and what likeness means, where there is something to explain."""
    parts = []
    if found.in_deviations:
        parts.append(
            "Counted in deviations: each channel's mean activation divided by its standard deviation over the "
            "real pictures, then mixed."
        )
    if math.isfinite(found.similarity) and not mixes(found.words):
        parts.append(
            "Alike says how far the pictures use the same channels together in the layer, 1: just the same."
        )
    return " ".join(parts)


def outcome_negative(found: Visualization) -> str:
    """The same for a goal of least."""
    value = float(found.frame_values[-1].mean())
    title = found.title[:1].upper() + found.title[1:]
    return f"{title} falls to {number(value)} for what silences it most."


def silent_sentence(found: Visualization) -> str:
    """What was done about units without a gradient; empty: nothing was needed."""
    count, there = int(found.silent.sum()), len(found.silent)
    if not count:
        return found.note
    who = found.title if there == 1 else f"{count} of {there} goals"
    them = "it" if there == 1 else "them"
    parts = [
        f"The first picture leaves {who} silent, so no gradient would reach {them}.", found.note
    ]  # fmt: skip
    dead = int(found.dead.sum())
    if dead and found.share == 1:
        which = "It stays" if there == 1 else f"{dead} stay"
        parts.append(f"{which} at 0, as in every real picture that was looked at: dead.")
    return " ".join(part for part in parts if part)


def ablation_sentence(found: Ablation) -> str:
    """What the row shows, from its own numbers."""
    done = [row for row in found.rows if row.done]
    if len(done) < 2:
        return ""
    first, last = done[0], done[-1]
    kept = [f"{held(row)} of {title}" for row, title in ((first, "the first"), (last, "the last"))]
    return (
        f"Moved by up to {found.moves}, {' and '.join(kept)} is left of the value. "
        f"Waves shorter than four pixels hold {html.whole_percent(first.rough)} of the first picture and "
        f"{html.whole_percent(last.rough)} of the last."
    )


def held(row: AblationRow) -> str:
    """The share of a value that small moves leave."""
    if not (math.isfinite(row.moved) and row.value > 0):
        return html.NO_NUMBER
    return html.whole_percent(min(max(row.moved / row.value, 0.0), 9.99))
