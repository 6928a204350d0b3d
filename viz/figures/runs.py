"""Several runs on one chart: a race, a band over seeds, a learning rate range test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from viz.figures.series import compute_band, smooth, smooth_range, spread_labels
from viz.figures.theme import (
    ACCENT,
    MUTED,
    Drawing,
    Layout,
    Trace,
    axis,
    base_layout,
    empty,
    faded,
    pack,
    plain,
    run_style,
)
from viz.results import Curve

LABEL_CHARS = 18
LINE_PX = 15  # height of a line of label text


def plot_compare(
    curves: Sequence[Curve],
    *,
    title: str,
    percent: bool = False,
    window: float | None = None,
    height: int = 380,
) -> Drawing:
    """One line a run, named at its right end in its own colour; run i looks like `run_style(i)`.

    Args:
        curves: one a run; `name` becomes the label.
        title: what is compared, such as "Validation accuracy".
        percent: values are shares of 1.
        window: smoothing in updates as in `plot_loss`; None draws the values as they are.
        height: pixels.
    """
    lines = [
        (curve, np.asarray(curve.values, float) if window is None else smooth(curve, window=window))
        for curve in curves
    ]
    if not any(len(curve.steps) for curve, _ in lines):
        return empty(title, "No run here has measured this yet", height=height)
    number = ".2%" if percent else ".4f"
    traces: list[Trace] = []
    for index, (curve, values) in enumerate(lines):
        color, dash = run_style(index)
        traces.append(
            {"type": "scatter", "mode": "lines", "name": plain(curve.name), "showlegend": False}
            | {"x": pack(curve.steps), "y": pack(values)}
            | {"line": {"color": color, "width": 2, "dash": dash}}
            | {"hovertemplate": f"%{{y:{number}}}"}
        )
    layout = _value_layout(title, percent=percent, height=height)
    longest = max(len(_short(curve.name)) for curve, _ in lines)
    layout["margin"]["r"] = 16 + round(6.2 * longest)
    layout["annotations"] = _end_labels(lines, layout)
    return Drawing(traces, layout)


def plot_seed_band(
    groups: Sequence[tuple[str, Sequence[Curve]]],
    *,
    title: str,
    percent: bool = False,
    height: int = 380,
) -> Drawing:
    """Mean over seeds as a line and their spread as a band, for one setting or several.

    `groups` pairs a name with the curves of its seeds; the band reaches from the lowest to the
    highest. Only steps that every seed of a group reached are drawn.
    """
    bands = [(name, compute_band(curves)) for name, curves in groups]
    if not any(len(band.steps) for _, band in bands):
        return empty(title, "No updates that all these runs have reached", height=height)
    number = ".2%" if percent else ".4f"
    traces: list[Trace] = []
    for index, (name, band) in enumerate(bands):
        color, dash = run_style(index)
        edge: Trace = {"type": "scatter", "mode": "lines", "x": pack(band.steps)}
        edge |= {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        fill: Trace = {"fill": "tonexty", "fillcolor": faded(color, 0.18)}
        count = f"{band.seeds} seed" + ("s" if band.seeds != 1 else "")
        middle: Trace = {"y": pack(band.mean), "name": f"{plain(name)} · {count}"}
        middle |= {"line": {"color": color, "width": 2, "dash": dash}, "showlegend": True}
        low_high = np.stack([band.low, band.high], axis=1)
        middle |= {"customdata": pack(low_high), "hoverinfo": "all"}
        middle["hovertemplate"] = (
            f"%{{y:{number}}} (%{{customdata[0]:{number}}} – %{{customdata[1]:{number}}})"
        )
        traces += [edge | {"y": pack(band.low)}, edge | {"y": pack(band.high)} | fill]
        traces.append(edge | middle)
    layout = _value_layout(title, percent=percent, height=height)
    layout["title"]["subtitle"] = {
        "text": "line: mean, band: lowest to highest",
        "font": {"size": 11},
    }
    layout["margin"]["t"] = 52
    # In the corner that curves leave free: beside the title there is no room on a phone.
    layout["legend"] |= {"yref": "paper", "y": 0 if percent else 1}
    layout["legend"]["yanchor"] = "bottom" if percent else "top"
    return Drawing(traces, layout)


def plot_lr_range(
    lrs: npt.ArrayLike, losses: npt.ArrayLike, *, suggested: float | None, height: int = 320
) -> Drawing:
    """Loss over the learning rate of a range test, both (n,), and the suggested rate marked.

    The value axis ends at 1.3 times the first loss: what comes after has diverged, and would
    flatten the part that matters.
    """
    title = "Loss while the learning rate rises"
    rates, values, smoothed = smooth_range(lrs, losses)
    if len(rates) == 0:
        return empty(title, "Nothing measured yet", height=height)
    shared: Trace = {"type": "scatter", "mode": "lines", "x": pack(rates), "showlegend": False}
    traces: list[Trace] = [
        shared
        | {
            "y": pack(values),
            "hoverinfo": "skip",
            "line": {"width": 1, "color": faded(ACCENT, 0.3)},
        },
        shared
        | {"y": pack(smoothed), "name": "loss", "line": {"width": 2, "color": ACCENT}}
        | {"hovertemplate": "lr %{x:.2g}: loss %{y:.4f}<extra></extra>"},
    ]
    layout = base_layout(title, height=height)
    layout["xaxis"] = axis("learning rate", type="log", dtick=1, exponentformat="power")
    low, high = float(smoothed.min()), max(float(smoothed[0]) * 1.3, float(smoothed.min()) * 1.1)
    layout["yaxis"] = axis(range=[low - 0.08 * (high - low), high])
    if suggested is not None:
        at = int(np.argmin(np.abs(np.log10(rates / suggested))))
        label: Trace = {"mode": "markers+text", "text": [f"suggested: {suggested:.2g}"]}
        label |= {"type": "scatter", "x": [suggested], "y": [float(smoothed[at])]}
        label |= {"textposition": "top right", "showlegend": False, "hoverinfo": "skip"}
        label["marker"] = {"size": 11, "color": "#d9730d", "line": {"width": 2, "color": "#ffffff"}}
        traces.append(label)
        layout["shapes"] = [
            {"type": "line", "x0": suggested, "x1": suggested, "yref": "paper", "y0": 0, "y1": 1}
            | {"line": {"color": MUTED, "width": 1, "dash": "dash"}, "layer": "below"}
        ]
    return Drawing(traces, layout)


def _value_layout(title: str, *, percent: bool, height: int) -> Layout:
    layout = base_layout(title, height=height)
    layout["hovermode"] = "x unified"
    layout["xaxis"] = axis("updates", showgrid=False, rangemode="tozero", hoverformat=",d")
    layout["yaxis"] = axis(**({"tickformat": ".0%"} if percent else {}))
    return layout


def _end_labels(
    lines: Sequence[tuple[Curve, npt.NDArray[np.float64]]], layout: Layout
) -> list[Layout]:
    """The name of each run beside its last value, moved apart where ends lie close together."""
    ends: list[tuple[int, str, float, float]] = []  # index, name, step, value on the axis
    seen: list[npt.NDArray[np.float64]] = []
    for index, (curve, values) in enumerate(lines):
        shown = np.isfinite(values)
        if shown.any():
            seen.append(values[shown])
            last = float(np.asarray(curve.steps, float)[shown][-1])
            ends.append((index, _short(curve.name), last, float(values[shown][-1])))
    if not ends:
        return []
    everything = np.concatenate(seen)
    span = float(np.ptp(everything)) or 1.0
    inner = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"] - 20
    pixel = 1.1 * span / inner  # plotly leaves about 5 % free at both ends
    placed = spread_labels([value for *_, value in ends], gap=LINE_PX * pixel)
    return [
        {
            "x": 1,
            "xref": "paper",
            "xanchor": "left",
            "xshift": 6,
            "y": float(y),
            "yanchor": "middle",
        }
        | {
            "text": plain(name),
            "showarrow": False,
            "font": {"size": 11, "color": run_style(index)[0]},
        }
        for (index, name, _, _), y in zip(ends, placed, strict=True)
    ]


def _short(name: str) -> str:
    return name if len(name) <= LABEL_CHARS else name[: LABEL_CHARS - 1] + "…"
