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
_MORE: Final = (RUN_COLORS[2], RUN_COLORS[4])  # of lines beyond the answer and what it becomes
_FACTORS: Final = tuple(digit * 10.0**power for power in range(4) for digit in (1, 2, 5))


def to_bytes(pixels: npt.ArrayLike) -> Bytes:
    """Pixels in [0, 1], (H, W, C), as bytes."""
    return np.rint(np.clip(np.asarray(pixels, np.float32), 0, 1) * 255).astype(np.uint8)


def magnify(original: npt.ArrayLike, changed: npt.ArrayLike) -> tuple[Bytes, float | None]:
    """The difference of two pictures (H, W, C) so that it is seen.

    Of grey pictures in the colours of signed values, blue darker and orange lighter, up to the
    largest; of coloured ones around mid-grey in their own colours, by a round factor with which the
    largest still fits.

    Returns:
        (H, W, 3), and the factor; None: signed colours.
    """
    difference = np.asarray(changed, np.float32) - np.asarray(original, np.float32)
    largest = float(np.abs(difference).max(initial=0.0))
    if difference.shape[2] == 1:
        return to_rgb(difference[..., 0], "diverging", vmin=-largest, vmax=largest), None
    fitting = [factor for factor in _FACTORS if factor * largest <= 0.5 * (1 + 1e-4)]
    factor = fitting[-1] if fitting and largest else 1.0
    return to_bytes(0.5 + factor * difference), factor


def plot_attack_curve(curve: AttackCurve, *, now: float, answer: int, height: int = 290) -> Drawing:
    """Probabilities over strength: of the answer, of what it becomes, and of it under noise.

    Args:
        curve: as far as it is known.
        now: the strength that the page looks at, marked.
        answer: the class at that strength.
        height: pixels.
    """
    title = "Probability over strength"
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(curve.probs).all(axis=1))
    if not known.any():
        return empty(title, "The first strengths are being computed", height=height)
    x = curve.epsilons[known]
    lines = [
        (name, curve.probs[known, index], color, "solid")
        for (name, index), color in zip(
            _shown(curve, known, now, answer), (ACCENT, WARNING, *_MORE), strict=False
        )
    ]
    lines.append(("the answer, noise", curve.noise[known], MUTED, "dot"))
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


def _shown(
    curve: AttackCurve, known: npt.NDArray[np.bool_], now: float, answer: int
) -> list[tuple[str, int]]:
    """The classes of the lines with what they are: each once, in the order of their meaning."""
    others = curve.probs[known].copy()
    others[:, curve.source] = -1
    strongest = int(others.max(axis=0).argmax())
    roles = [(curve.source, "the answer")]
    if curve.target is not None:
        roles.append((curve.target, "the target"))
    roles += [(answer, f"the answer at ε = {now:g}"), (strongest, "")]
    named: dict[int, str] = {}
    for index, role in roles:
        named.setdefault(index, role)
    names = ((plain(curve.classes[index]), index, role) for index, role in named.items())
    return [(f"{name}, {role}" if role else name, index) for name, index, role in names]


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
    # To the right: room for the toolbar, which stands upright there and would lie on the curve.
    layout["margin"] |= {"b": 90, "r": 36}
    layout["xaxis"] = axis(_EPSILON, range=[-0.5, 32.8])
    layout["yaxis"] = axis(range=[-0.02, 1.04], tickformat=".0%")
    return layout


def _line(x: float, color: str, dash: str) -> Layout:
    return {
        "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": color, "width": 1, "dash": dash},
    }  # fmt: skip
