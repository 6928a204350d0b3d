"""Weights as numbers on their colours, and how numbers of one layer are written."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from numpy.typing import NDArray

from viz.figures.filters import cell_colors

Floats = NDArray[np.float32]


def decimals(limit: float) -> int:
    """Digits after the point that show two places of numbers up to `limit`."""
    if not math.isfinite(limit) or limit <= 0:
        return 2
    return min(max(1 - math.floor(math.log10(limit)), 0) + 1, 6)


def signed(value: float, places: int) -> str:
    """`−0.25`, with a real minus; what rounds to nothing has no sign."""
    if not math.isfinite(value):
        return "no number"
    text = f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def kernel_lines(kernel: Floats, places: int) -> str:
    """The numbers of a kernel (h, w) as lines of text in columns, for hovering.

    Columns are held by spaces as wide as a digit, which a browser does not draw together.
    """
    rows = [[signed(float(value), places) for value in row] for row in kernel]
    widest = max((len(text) for row in rows for text in row), default=0)
    return "\n".join("\u2002".join(text.rjust(widest, "\u2007") for text in row) for row in rows)


def kernel_table(kernel: Floats, *, limit: float, title: str) -> str:
    """A kernel (h, w) as a table of coloured numbers; small ones in thousandths, millionths, ….

    Args:
        kernel: signed numbers.
        limit: value of the strongest colour.
        title: heading.
    """
    thousands = 0
    if 0 < limit < 0.01:
        thousands = min(math.ceil(-math.log10(limit) / 3), 6)
    unit = 1000.0**thousands
    places = decimals(limit * unit)
    colors = cell_colors(kernel, limit or 1.0)
    rows = []
    for y, row in enumerate(kernel):
        cells = (
            f'<td style="background:{back};color:{front}" title="row {y}, column {x}: '
            f'{float(value):.6g}">{signed(float(value) * unit, places)}</td>'
            for x, (value, (back, front)) in enumerate(zip(row, colors[y], strict=True))
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    small = " cs-filters-small" if kernel.shape[1] > 5 else ""
    power = f" <span>×10<sup>−{3 * thousands}</sup></span>" if thousands else ""
    return (
        f'<div class="cs-filters-kernel"><h4>{escape(title)}{power}</h4><div class="cs-scroll">'
        f'<table class="cs-filters-numbers{small}">{"".join(rows)}</table></div></div>'
    )


def largest(values: Floats) -> float:
    """The largest finite |value|; 0 without one."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max(initial=0.0))
