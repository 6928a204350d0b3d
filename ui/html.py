"""Small pieces of HTML that Streamlit has no widget for: picture tiles with bars, badges, tables.

One `st.html` call draws a whole panel, which costs the server a millisecond where the same made of
widgets costs tens. Every text goes through `escape`: class names may come from visitors' folders.
Colours come from the classes in `ui/style.css`, never from here.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from models.layers import LayerList, Shape, summarize
from viz.figures.theme import ScaleName, css_gradient
from viz.figures.tiles import encode_png

NO_NUMBER = "no number"


def image(png: bytes, alt: str, *, title: str = "") -> str:
    """An `<img>` with the PNG inline; scaled up it keeps its pixels sharp."""
    data = base64.b64encode(png).decode("ascii")
    hint = f' title="{escape(title)}"' if title else ""
    return f'<img class="cs-img" src="data:image/png;base64,{data}" alt="{escape(alt)}"{hint}>'


def badge(text: str, tone: str) -> str:
    """A short status word; `tone` is one of live, good, bad, quiet."""
    return f'<span class="cs-badge cs-{tone}">{escape(text)}</span>'


def figures(items: Sequence[tuple[str, str, str]]) -> str:
    """A row of labelled numbers: (label, value, explanation shown on hover)."""
    cells = (
        f'<div class="cs-figure" title="{escape(hint)}"><span>{escape(label)}</span><b>{escape(value)}</b></div>'
        for label, value, hint in items
    )
    return f'<div class="cs-figures">{"".join(cells)}</div>'


def probability_bars(
    probs: NDArray[np.floating], classes: Sequence[str], *, target: int | None, top: int = 3
) -> str:
    """The `top` most probable classes as bars; the true class, where known, is marked.

    Args:
        probs: (num_classes,) probabilities.
        target: index of the true class, or None.
    """
    rows = []
    for index in np.argsort(-probs)[:top]:
        share = float(probs[index])
        mark = "" if target is None else (" cs-true" if int(index) == target else " cs-other")
        tick = "✓ " if int(index) == target else ""
        rows.append(
            f'<div class="cs-bar{mark}" style="--share:{np.nan_to_num(share) * 100:.1f}%">'
            f"<span>{tick}{escape(classes[int(index)])}</span><b>{whole_percent(share)}</b></div>"
        )
    return "".join(rows)


def tiles(cells: Iterable[str], *, width: str = "7rem") -> str:
    """A grid of tiles at least `width` wide, as many a row as fit."""
    inner = "".join(f'<figure class="cs-tile">{cell}</figure>' for cell in cells)
    return f'<div class="cs-tiles" style="--tile:{width}">{inner}</div>'


def caption(text: str) -> str:
    """One quiet line under a picture."""
    return f"<figcaption>{escape(text)}</figcaption>"


def picture(pixels: NDArray[np.uint8], alt: str, *, title: str = "") -> str:
    """An image array, (H, W), (H, W, 1) or (H, W, 3), as an inline `<img>`."""
    return image(encode_png(pixels), alt, title=title)


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Sequence[int] = ()
) -> str:
    """A plain table; columns in `numeric` are right-aligned figures."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=cs-num' if i in numeric else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<div class="cs-scroll"><table class="cs-table"><tr>{line(header, "th")}</tr>{body}</table></div>'


def layer_table(layers: LayerList, input_shape: Shape, num_classes: int) -> str:
    """The network as a table: shape, parameters with their formula, and MACs of each layer."""
    summary = summarize(layers, input_shape, num_classes)
    rows = [
        (
            row.name,
            row.title,
            "×".join(map(str, row.out_shape)),
            f"{row.num_params:,}" if row.num_params else "",
            row.formula,
            f"{row.macs:,}" if row.macs else "",
        )
        for row in summary.rows
    ]
    total = ("all", "", "", f"{summary.num_params:,}", "", f"{summary.macs:,}")
    header = ("layer", "what it does", "output", "parameters", "counted as", "MACs")
    return table(header, [*rows, total], numeric=(2, 3, 5))


def color_bar(scale: ScaleName, limit: float | None) -> str:
    """The colours of a picture with the values at their ends; `limit` None: each map its own."""
    low = "0" if scale == "sequential" else ("lowest" if limit is None else f"−{limit:.3g}")
    high = "highest of each" if limit is None else f"{limit:.3g}"
    return (
        f'<div class="cs-scale"><span>{low}</span><i style="background:{css_gradient(scale)}"></i>'
        f"<span>{high}</span></div>"
    )


def heading(text: str) -> str:
    """A small heading whose text may hold anything, class names of visitors' folders too."""
    return f"<h3>{escape(text)}</h3>"


def percent(share: float) -> str:
    """`0.9731` as `97.3 %`; shares that would round to 0 or 100 keep saying they are not, and NaN,
    the share of nothing or of a diverged network, says so."""
    value = share * 100
    if math.isnan(value):
        return NO_NUMBER
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %"


def whole_percent(share: float) -> str:
    """`97 %` for narrow places; `<1 %` and `>99 %` where rounding would claim none or all."""
    value = share * 100
    if math.isnan(value):
        return NO_NUMBER
    if 0 < value < 0.5:
        return "<1 %"
    if 99.5 <= value < 100:
        return ">99 %"
    return f"{value:.0f} %"
