"""Small grids of coloured numbers, and pictures with a frame that may reach beyond their edge."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt

from ui import html
from ui.unit.numbers import decimals, number, short
from viz.figures.theme import ScaleName, to_rgb
from viz.figures.tiles import montage_maps
from viz.results import Floats
from viz.results.units import Window

_WIDE_UP_TO = 5  # cells a side; numbers in larger grids go without the 0 before the point
_NUMBERS_UP_TO = 7  # cells a side; larger grids are colours, with the number on hover
Marked = npt.NDArray[np.bool_]


def number_grid(
    values: Floats,
    *,
    limit: float,
    scale: ScaleName,
    padded: Marked | None = None,
    winner: tuple[int, int] | None = None,
) -> str:
    """A table of numbers on the colours of a scale; cells of the padding are hatched."""
    low = -limit if scale == "diverging" else 0.0
    colors = to_rgb(values, scale, vmin=low, vmax=limit)  # (h, w, 3)
    small, tight = max(values.shape) > _NUMBERS_UP_TO, max(values.shape) > _WIDE_UP_TO
    finite = values[np.isfinite(values)]
    places = decimals(finite)
    rows = []
    for y, line in enumerate(values.tolist()):
        cells = []
        for x, value in enumerate(line):
            outside = padded is not None and bool(padded[y, x])
            r, g, b = (int(part) for part in colors[y, x])
            ink = "#111" if 0.299 * r + 0.587 * g + 0.114 * b > 140 else "#fff"
            kind = " ".join(
                word
                for word, on in (("cs-unit-pad", outside), ("cs-unit-won", winner == (y, x)))
                if on
            )
            text = ""
            if not small:
                text = "·" if outside and not np.isfinite(value) else short(value, places)
            if tight and text and value:
                text = f"{value:.{min(places, 2)}f}".replace("0.", ".").replace("-", "−")
            hint = "padding" if outside else number(value, 6)
            cells.append(
                f'<td class="{kind}" style="background-color:rgb({r},{g},{b});color:{ink}" '
                f'title="{hint}">{text}</td>'
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    size = " cs-unit-tiny" if small else (" cs-unit-small" if tight else "")
    return f'<table class="cs-unit-grid{size}">{"".join(rows)}</table>'


def map_scale(values: npt.ArrayLike) -> tuple[ScaleName, float]:
    """The scale of the house for these numbers, and its end."""
    array = np.asarray(values, np.float32)
    finite = array[np.isfinite(array)]
    limit = float(np.abs(finite).max(initial=0.0))
    return ("diverging" if bool((finite < 0).any()) else "sequential"), limit


def window_on_map(one: Floats, window: Window, alt: str, *, width: str) -> str:
    """A map (H, W) with the window a unit reads framed on it."""
    [tiles] = montage_maps([one[None]], columns=1, gap=0)
    box = (window.top, window.left, window.bottom, window.right)
    return framed(html.image(tiles.png(), alt), (one.shape[0], one.shape[1]), box, width=width)


def framed(image: str, size: tuple[int, int], box: tuple[int, int, int, int], *, width: str) -> str:
    """An `<img>` of (H, W) cells with a box (top, left, bottom, right) drawn on it.

    What of the box lies outside is hatched: there the network sees padding.
    """
    height, across = size
    top, left = min(0, box[0]), min(0, box[1])
    bottom, right = max(height, box[2]), max(across, box[3])
    tall, wide = bottom - top, right - left

    def at(a: int, b: int, c: int, d: int) -> str:
        return (
            f"top:{(a - top) / tall:.4%};left:{(b - left) / wide:.4%};"
            f"height:{(c - a) / tall:.4%};width:{(d - b) / wide:.4%}"
        )

    return (
        f'<div class="cs-unit-framed" style="width:{escape(width)};aspect-ratio:{wide}/{tall}">'
        f'<div class="cs-unit-inner" style="{at(0, 0, height, across)}">{image}</div>'
        f'<i style="{at(*box)}"></i></div>'
    )
