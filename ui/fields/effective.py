"""The effective field of the chosen unit: at the moment looked at, before and after training, and
its width over all kept moments."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ui import html
from ui.charts import CHART_CONFIG
from ui.fields.stage import Stage, draw_field
from ui.fields.words import effective_sentence, growth_sentence
from ui.looking import glance
from ui.subject.bar import Chosen
from viz.figures.fields import field_png, plot_growth
from viz.results.fields import EffectiveField, FieldGrowth

_MANY, _FEW = 32, 8  # images; fewer where one pass takes long
_QUICK_MACS: Final = 100e6
TIMEOUT: Final = 120.0


@dataclass(frozen=True)
class Asked:
    """Whose field."""

    layer: str
    unit: tuple[int, int]
    channel: int | None


def fetch_now(chosen: Chosen, asked: Asked) -> EffectiveField:
    """The field at the moment looked at.

    Raises:
        EngineError: what `glance` raises.
    """
    found: EffectiveField = glance(
        "effective_field", chosen.model, layer=asked.layer, unit=list(asked.unit),
        channel=asked.channel, images=num_images(chosen), timeout=TIMEOUT, **chosen.options,
    )  # fmt: skip
    return found


def field_html(found: EffectiveField, stage: Stage, title: str) -> str:
    """One field with its box and ellipses, and its numbers."""
    picture = draw_field(
        stage, field_png(found.heat), found.box, found.fit,
        f"Effective receptive field of {found.layer}, {title}",
    )  # fmt: skip
    return f"{html.heading(title)}{picture}"


def field_figures(found: EffectiveField) -> str:
    """The numbers of one field in a row."""
    sy, sx = found.fit.sigma
    fitted = math.isfinite(sy)
    return html.figures(
        [
            (
                "σ vertical × horizontal",
                f"{sy:.2f} × {sx:.2f} px" if fitted else "no peak",
                "Width of the Gaussian fitted by least squares",
            ),
            (
                "R² of the fit",
                f"{found.fit.r2:.3f}" if fitted else "–",
                "Share of the variance that the Gaussian explains",
            ),
            (
                "inside the box",
                f"✓ {html.percent(1.0)}" if _all_inside(found) else html.percent(found.inside),
                "Share of the gradient inside the theoretical field; all of it, unless a gate sees more",
            ),
            (
                "95 % lies in",
                f"{found.area95:,} px" if found.area95 else "–",
                "The fewest pixels that hold 95 % of the gradient",
            ),
        ]
    )


def render_growth(growth: FieldGrowth, step: int | None, *, key: str, active: bool) -> None:
    """The curve of widths, and what training changed in a sentence.

    Args:
        growth: the moments that are known by now.
        step: the one that the page looks at.
        key: of the chart.
        active: whether the training goes on.
    """
    st.plotly_chart(
        plot_growth(growth, now=step), key=key, config=CHART_CONFIG,
        alt="Width of the effective receptive field over updates",
    )  # fmt: skip
    said = growth_sentence(growth.fields[0], growth.fields[-1], active=active)
    if said:
        st.html(html.caption(said))


def now_sentence(found: EffectiveField) -> str:
    """What is drawn, and what it shows."""
    what = "all channels" if found.channel is None else f"channel {found.channel}"
    return (
        f"{effective_sentence(found)} Mean |gradient| of the unit, {what}, over {found.num_images} {found.source}; "
        "light is most, its own scale. Blue: the theoretical box; orange: one and two σ."
    )


def growth_csv(growth: FieldGrowth) -> bytes:
    """Widths and extents by update."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["step", "sigma_y", "sigma_x", "r2", "inside", "area95"])
    for each in growth.fields:
        writer.writerow([each.step, *each.fit.sigma, each.fit.r2, each.inside, each.area95])
    return text.getvalue().encode()


def heat_csv(found: EffectiveField) -> bytes:
    """The field as numbers, a line a row of pixels."""
    text = io.StringIO()
    csv.writer(text).writerows([[f"{value:.6g}" for value in row] for row in found.heat.tolist()])
    return text.getvalue().encode()


def _all_inside(found: EffectiveField) -> bool:
    return abs(found.inside - 1) < 1e-9


def num_images(chosen: Chosen) -> int:
    """How many images a field of this network is a mean over."""
    return _MANY if chosen.network.macs <= _QUICK_MACS else _FEW
