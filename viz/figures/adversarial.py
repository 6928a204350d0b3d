"""Attacks as pictures and curves: the change magnified, the answer over strength, accuracy with its
intervals."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from viz.figures.theme import (
    ACCENT,
    MUTED,
    RUN_COLORS,
    WARNING,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
    to_rgb,
)
from viz.results.adversarial import AttackAccuracy, AttackCurve

Bytes = npt.NDArray[np.uint8]

KIND_NAMES: Final = {"noise": "random noise", "fgsm": "FGSM", "pgd": "PGD"}
_KIND_COLORS: Final = {"noise": MUTED, "fgsm": RUN_COLORS[0], "pgd": RUN_COLORS[1]}
_EPSILON: Final = "ε, in 1/255"


def to_bytes(pixels: npt.ArrayLike) -> Bytes:
    """Pixels in [0, 1], (H, W, C), as bytes."""
    return np.rint(np.clip(np.asarray(pixels, np.float32), 0, 1) * 255).astype(np.uint8)


def magnify(original: npt.ArrayLike, changed: npt.ArrayLike) -> tuple[Bytes, float]:
    """The difference of two pictures (H, W, C) so that the largest is seen, and the factor.

    Of grey pictures in the colours of signed values, blue darker and orange lighter; of coloured ones
    around mid-grey in their own colours.

    Returns:
        (H, W, 3), and by how much differences are magnified; 1 where there is none.
    """
    difference = np.asarray(changed, np.float32) - np.asarray(original, np.float32)
    largest = float(np.abs(difference).max(initial=0.0))
    if difference.shape[2] == 1:
        colors = to_rgb(difference[..., 0], "diverging", vmin=-largest, vmax=largest)
        return colors, 1 / largest if largest else 1.0
    factor = 0.5 / largest if largest else 1.0
    return to_bytes(0.5 + factor * difference), factor


def plot_attack_curve(curve: AttackCurve, *, now: float, height: int = 270) -> Drawing:
    """Probability of the answer, and of the class it becomes, over strength; noise beside it.

    Args:
        curve: as far as it is known.
        now: the strength that the page looks at, marked.
        height: pixels.
    """
    title = "Probability over strength"
    known = np.isfinite(curve.probs).all(axis=1)
    if not known.any():
        return empty(title, "The first strengths are being computed", height=height)
    x = curve.epsilons[known]
    other = _becomes(curve.probs[known], curve.source) if curve.target is None else curve.target
    lines = [
        (plain(curve.classes[curve.source]) + ", the answer", curve.probs[known, curve.source], ACCENT, "solid"),
        (plain(curve.classes[other]) + (", the target" if curve.target is not None else ""),
         curve.probs[known, other], WARNING, "solid"),
        ("the answer, noise", curve.noise[known], MUTED, "dot"),
    ]  # fmt: skip
    traces: list[Trace] = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "x": pack(x), "y": pack(y),
            "line": {"color": color, "dash": dash, "width": 2}, "marker": {"size": 4},
            "hovertemplate": f"ε = %{{x:g}}/255<br>{name}: %{{y:.1%}}<extra></extra>",
        }
        for name, y, color, dash in lines
    ]  # fmt: skip
    layout = _layout(title, height)
    layout["shapes"] = [_line(now, ACCENT, "dot")]
    if curve.smallest is not None:
        layout["shapes"].append(_line(curve.smallest, WARNING, "solid"))
        layout["annotations"] = [
            {"x": curve.smallest, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
            | {"xanchor": "left" if curve.smallest < 16 else "right", "xshift": -3}
            | {"text": f"flips at {curve.smallest:.3g}", "font": {"size": 12, "color": WARNING}}
        ]
    return Drawing(traces, layout)


def _becomes(probs: npt.NDArray[np.float32], source: int) -> int:
    """The class that the answer becomes first; while it stays, the nearest to it at the end."""
    answers = probs.argmax(axis=1)
    turned = np.flatnonzero(answers != source)
    if len(turned):
        return int(answers[turned[0]])
    rest = probs[-1].copy()
    rest[source] = -1
    return int(rest.argmax())


def plot_attack_accuracy(found: AttackAccuracy, *, height: int = 360) -> Drawing:
    """Accuracy over strength for noise, FGSM and PGD, with 95 % intervals."""
    title = "Accuracy under attack"
    if not found.images:
        return empty(title, "The first images are being attacked", height=height)
    traces: list[Trace] = []
    for kind, share, ends in zip(found.kinds, found.accuracy, found.bounds, strict=True):
        color, name = _KIND_COLORS[kind], KIND_NAMES[kind]
        around = np.concatenate([ends[:, 1], ends[::-1, 0]])
        both = np.concatenate([found.epsilons, found.epsilons[::-1]])
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": pack(both), "y": pack(around),
                "fill": "toself", "fillcolor": faded(color, 0.16), "line": {"width": 0},
                "hoverinfo": "skip", "showlegend": False, "legendgroup": kind,
            }
        )  # fmt: skip
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": name, "x": pack(found.epsilons),
                "y": pack(share), "customdata": pack(ends), "legendgroup": kind,
                "line": {"color": color, "width": 2, "dash": "dot" if kind == "noise" else "solid"},
                "marker": {"size": 6},
                "hovertemplate": f"ε = %{{x:g}}/255, {name}<br>%{{y:.1%}} right, 95 %: "
                "%{customdata[0]:.1%} to %{customdata[1]:.1%}<extra></extra>",
            }
        )  # fmt: skip
    layout = _layout(title, height)
    layout["xaxis"] |= {"tickvals": found.epsilons.tolist()} if len(found.epsilons) <= 8 else {}
    return Drawing(traces, layout)


def _layout(title: str, height: int) -> Layout:
    layout = base_layout(title, height=height)
    # Below: the names do not fit beside the title on a phone.
    layout["legend"] |= {"x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom"}
    layout["margin"] |= {"b": 70}
    layout["xaxis"] = axis(_EPSILON, range=[-0.5, 32.8])
    layout["yaxis"] = axis(range=[-0.02, 1.04], tickformat=".0%")
    return layout


def _line(x: float, color: str, dash: str) -> Layout:
    return {
        "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": color, "width": 1, "dash": dash},
    }  # fmt: skip
