"""Why a map shows nothing, and what its channel does on other images.

A blank map looks like a broken page. It nearly always means something: a ReLU let nothing through,
the channel is dead, or the network no longer answers with numbers.
"""

from __future__ import annotations

from html import escape

import numpy as np

from ui import html
from ui.maps.parts import heading, number
from viz.results.maps import ChannelStatistics, LayerSheet

_TOP_CLASSES = 4


def blank_sentence(sheet: LayerSheet, channel: int) -> str:
    """Why this map is one value everywhere; "" where it is not."""
    one = sheet.maps[channel]
    if not np.isfinite(one).any():
        return f"Channel {channel} holds no numbers: the network has diverged."
    if one.size < 2 or one.min() < one.max():
        return ""
    value = float(one.flat[0])
    if value == 0 and not (sheet.maps < 0).any():
        return f"Channel {channel} is 0 everywhere: nothing in this image gets past its ReLU."
    return (
        f"Channel {channel} is {number(value)} everywhere: nothing in this image changes it, only its bias "
        "or a constant remains."
    )


def life_sentence(statistics: ChannelStatistics, channel: int) -> str:
    """Whether the channel ever answers, over the images that were looked at."""
    low, high = float(statistics.lows[channel]), float(statistics.highs[channel])
    looked, there = statistics.num_images, statistics.num_there
    which = f"all {there:,}" if looked == there else f"{looked:,} of {there:,}"
    over = f"{which} {statistics.source}"
    if not np.isfinite([low, high]).all():
        return f"Over {over} it gives values that are no numbers."
    if low == high == 0:
        return f"Dead: it is 0 everywhere for {over}."
    if low == high:
        return f"Constant: it is {number(low)} everywhere for {over}."
    mean = number(float(statistics.means[channel]))
    return f"Over {over} it lies between {number(low)} and {number(high)}, {mean} on average."


def channel_facts(sheet: LayerSheet, channel: int, statistics: ChannelStatistics) -> str:
    """HTML: what the channel answers to over many images, with the classes it answers to most."""
    text = heading(f"Channel {channel} on other images")
    text += html.caption(life_sentence(statistics, channel))
    dead = statistics.constant
    if dead.any():
        same = int(dead.sum())
        text += html.caption(
            f"{same} of this layer's {len(dead)} channels never change over these images."
        )
    selectivity = float(statistics.selectivity[channel])
    if not statistics.classes:
        return text + html.caption(
            "Class selectivity needs labelled images of its own data set, which are not here."
        )
    means = statistics.class_means[channel]
    seen = int(np.isfinite(means).sum())
    if seen < 2:
        return text + html.caption("Class selectivity needs images of two classes at least.")
    if not np.isfinite(selectivity):
        return text + html.caption("It is never positive, so it favours no class.")
    rows = []
    for index in np.argsort(-means, kind="stable")[: min(seen, _TOP_CLASSES)]:  # NaN is last
        share = means[index] / np.nanmax(means) * 100
        mark = " cs-true" if sheet.label == int(index) else ""
        rows.append(
            f'<div class="cs-bar{mark}" style="--share:{share:.1f}%">'
            f"<span>{escape(statistics.classes[int(index)])}</span><b>{means[index]:.3g}</b></div>"
        )
    signed = bool((statistics.lows < 0).any())
    part = "the mean of its positive part" if signed else "its mean"
    formula = "(highest − mean of the others) / (highest + mean of the others)"
    return (
        text
        + f'<div class="cs-maps-classes">{"".join(rows)}</div>'
        + html.caption(
            f"Class selectivity {selectivity:.2f} (0: the same for every class, 1: one class alone): "
            f"{formula} of {part} for each class (Morcos et al. 2018)."
        )
    )
