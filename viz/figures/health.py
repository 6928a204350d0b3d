"""Does every layer learn? Four signals, one dot a layer, first layer on top.

Read downwards: activations that fade or explode with depth, units that never fire, gradients that
vanish, updates too small or too large for the weights they change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from viz.figures.theme import (
    ACCENT,
    MUTED,
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
)
from viz.results import LayerSignals

HEALTHY_RATIO = (1e-4, 1e-2)  # ten times around 1e-3: Karpathy, CS231n, "Ratio of weights:updates"
DEAD_SHARE = 0.5
ROW_PX = 18


class _Panel(NamedTuple):
    word: str
    values: npt.NDArray[np.float64]  # (L,)
    warn: npt.NDArray[np.bool_]  # (L,)
    log: bool = False
    optional: bool = False  # NaN means "does not apply" instead of "broken"


def plot_health(signals: LayerSignals | None, *, height: int | None = None) -> Drawing:
    """Four dot plots over the layers: activation std, dead share, gradient norm, update ratio.

    Orange dots ask for a look: more than half of the units dead, an update more than ten times away
    from 1e-3 of its weights, or a value that is 0 on a log axis or not finite (a cross at the left
    edge). A layer without ReLU has no dead share. `height` in pixels; default: as the layers need.
    """
    title = "Inside the layers"
    if signals is None or not signals.layers:
        return empty(title, "Not measured yet", height=height or 260)
    count = len(signals.layers)
    layout = base_layout(title, height=height or 150 + 2 * max(ROW_PX * count, 70))
    layout["margin"] |= {"t": 58, "b": 28}
    layout |= {"showlegend": False, "hovermode": "closest", "annotations": [], "shapes": []}
    low, high = HEALTHY_RATIO
    ratio = np.asarray(signals.update_ratio, float)
    dead = np.asarray(signals.dead, float)
    never = np.zeros(count, bool)
    panels = (
        _Panel("activation std", np.asarray(signals.activation_std, float), never),
        _Panel("dead units", dead, np.nan_to_num(dead) > DEAD_SHARE, optional=True),
        _Panel("gradient norm", np.asarray(signals.gradient_norm, float), never, log=True),
        _Panel("update / weights", ratio, (ratio < low) | (ratio > high), log=True),
    )
    names = [plain(name) for name in signals.layers]
    traces: list[Trace] = []
    for place, panel in enumerate(panels):
        left, right = _ends(panel)
        traces += _dots(place, panel, names, (left, right))
        _add_axes(layout, place, panel, names, (left, right))
    return Drawing(traces, layout)


def _ends(panel: _Panel) -> tuple[float, float]:
    """Ends of the value axis, in decades where it is logarithmic."""
    values = panel.values[np.isfinite(panel.values)]
    if panel.optional:
        return -0.04, 1.04
    if not panel.log:
        return 0.0, float(values.max(initial=0.0)) * 1.1 or 1.0
    values = values[values > 0]
    if "update" in panel.word:
        values = np.append(values, HEALTHY_RATIO)
    if len(values) == 0:
        return -4.0, 0.0
    return float(np.log10(values.min())) - 0.4, float(np.log10(values.max())) + 0.4


def _dots(place: int, panel: _Panel, names: list[str], ends: tuple[float, float]) -> list[Trace]:
    values, rows = panel.values, np.arange(len(names))
    good = np.isfinite(values) & ((values > 0) | (not panel.log))
    broken = ~good & (not panel.optional)
    left = ends[0] + 0.05 * (ends[1] - ends[0])
    edge = 10**left if panel.log else left
    number = "%{customdata:.0%}" if panel.optional else "%{customdata:.3g}"
    shared: Trace = {"type": "scatter", "xaxis": f"x{place + 1}", "yaxis": f"y{place + 1}"}
    path = shared | {"mode": "lines", "x": pack(values[good]), "y": pack(rows[good] + 0.0)}
    path |= {"line": {"color": MUTED, "width": 1}, "hoverinfo": "skip"}
    dots = shared | {"mode": "markers", "x": pack(values[good]), "y": pack(rows[good] + 0.0)}
    dots |= {"text": [names[i] for i in rows[good]], "customdata": pack(values[good])}
    dots |= {"hovertemplate": f"%{{text}}<br>{panel.word} {number}<extra></extra>"}
    colors = [WARNING if panel.warn[i] else ACCENT for i in rows[good]]
    dots["marker"] = {"size": 9, "color": colors}
    if not broken.any():
        return [path, dots]
    said = ["is 0" if values[i] == 0 else "is not a finite number" for i in rows[broken]]
    lost = shared | {"mode": "markers", "x": [edge] * len(said), "y": pack(rows[broken] + 0.0)}
    lost |= {
        "text": [f"{names[i]}<br>{panel.word} {s}" for i, s in zip(rows[broken], said, strict=True)]
    }
    lost |= {"hovertemplate": "%{text}<extra></extra>", "cliponaxis": False}
    lost["marker"] = {"size": 9, "color": WARNING, "symbol": "x"}
    return [path, dots, lost]


def _add_axes(
    layout: Layout, place: int, panel: _Panel, names: list[str], ends: tuple[float, float]
) -> None:
    """Put panel `place` of the 2 by 2 grid into the layout, with its word above it."""
    column, row = place % 2, place // 2
    across = [0.0, 0.47] if column == 0 else [0.53, 1.0]
    up = [0.58, 1.0] if row == 0 else [0.0, 0.42]
    x = axis(domain=across, anchor=f"y{place + 1}", range=list(ends))
    if panel.log:
        x |= {"type": "log", "dtick": 1 if ends[1] - ends[0] < 5 else 2, "exponentformat": "power"}
        x["tickfont"] = {"size": 10}  # plotly writes powers a quarter larger
    elif panel.optional:
        x |= {"tickformat": ".0%", "dtick": 0.5}
    else:
        x |= {"nticks": 5}
    y = axis(domain=up, anchor=f"x{place + 1}", range=[len(names) - 0.5, -0.5])
    y |= {"tickvals": list(range(len(names))), "ticktext": names, "showticklabels": column == 0}
    layout[f"xaxis{place + 1}"], layout[f"yaxis{place + 1}"] = x, y
    layout["annotations"].append(
        {"text": panel.word, "x": across[0], "y": up[1], "xref": "paper", "yref": "paper"}
        | {"xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 12}}
    )
    if panel.word.startswith("update"):
        low, high = HEALTHY_RATIO
        layout["shapes"].append(
            {"type": "rect", "xref": f"x{place + 1}", "yref": f"y{place + 1} domain"}
            | {"x0": low, "x1": high, "y0": 0, "y1": 1, "layer": "below"}
            | {"line": {"width": 0}, "fillcolor": faded(ACCENT, 0.1)}
        )
