"""Matrices as HTML: small ones with their numbers, large ones as a picture of the same colours."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ui import html
from viz.figures.theme import to_rgb
from viz.figures.tiles import encode_png, fit_zoom

MAX_NUMBERS: Final = 720
MAX_COLUMNS: Final = 40
MAX_ROWS: Final = 28
_PICTURE_WIDTH: Final = 620
Matrix = NDArray[np.float64]


def matrix(
    values: Matrix, title: str, *, marked_row: int | None = None, marked_column: int | None = None
) -> str:
    """A titled matrix (rows, columns), signed colours; one row or column may be outlined."""
    rows, columns = values.shape
    limit = 1.3 * float(np.abs(np.where(np.isfinite(values), values, 0)).max(initial=0)) or 1.0
    colors = to_rgb(values, "diverging", vmin=-limit, vmax=limit)
    if rows * columns <= MAX_NUMBERS and columns <= MAX_COLUMNS and rows <= MAX_ROWS:
        body = _cells(values, colors, marked_row, marked_column)
    else:
        zoom = max(1, min(fit_zoom(columns, _PICTURE_WIDTH), fit_zoom(rows, 420), 12))
        png = encode_png(_outlined(colors, marked_row, marked_column), zoom=zoom)
        body = (
            f'<div style="max-width:{columns * zoom}px">'
            f"{html.image(png, f'{title}, {rows} by {columns}')}</div>"
        )
    return f'<figure class="cs-convolution-matrix"><b>{escape(title)}</b> <i>{rows} × {columns}</i>{body}</figure>'


def equation(*parts: str) -> str:
    """Matrices and signs beside each other; it scrolls where it is too wide."""
    return f'<div class="cs-convolution-equation">{"".join(parts)}</div>'


def sign(text: str) -> str:
    """An operator between matrices."""
    return f'<span class="cs-convolution-sign">{escape(text)}</span>'


def number(value: float) -> str:
    """A number as short as a cell allows."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else ("−∞" if value < 0 else "∞")
    text = f"{value:.0f}" if value == round(value) else f"{value:.3g}"
    return text.replace("-", "−")


def _cells(
    values: Matrix, colors: NDArray[np.uint8], marked_row: int | None, marked_column: int | None
) -> str:
    lightness = colors @ np.array([0.299, 0.587, 0.114])
    lines = []
    for row, line in enumerate(values):
        cells = []
        for column, value in enumerate(line):
            red, green, blue = colors[row, column]
            marked = ' class="on"' if row == marked_row or column == marked_column else ""
            ink = "#141b24" if lightness[row, column] > 132 else "#fff"
            cells.append(
                f'<td{marked} style="background:rgb({red} {green} {blue});color:{ink}">{number(value)}</td>'
            )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _outlined(colors: NDArray[np.uint8], row: int | None, column: int | None) -> NDArray[Any]:
    marked = colors.copy()
    accent = np.array([47, 125, 225])
    if row is not None:
        marked[row] = (marked[row] * 0.35 + accent * 0.65).astype(np.uint8)
    if column is not None:
        marked[:, column] = (marked[:, column] * 0.35 + accent * 0.65).astype(np.uint8)
    return marked
