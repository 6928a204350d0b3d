"""The damage of each lesion, class by class, as a table whose cells are coloured by what is lost."""

from __future__ import annotations

import math
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viz.figures.filters import cell_colors
from viz.results.filters import Lesion

MOST_CLASSES: Final = 20
MOST_ROWS: Final = 256


def damage_table(
    result: Lesion,
    names: list[str],
    ranking: NDArray[np.int64],
    *,
    selected: int | None = None,
) -> str:
    """A row for each part, the most damaging first; a column for each class.

    Args:
        result: of the lens.
        names: of the parts, in the order of `ranking`.
        ranking: parts, the most damaging first.
        selected: the part whose row is marked.
    """
    seen = np.flatnonzero(result.totals)
    drops = result.drops()[:, seen]  # (M, classes with images)
    order = np.argsort(-np.nanmax(np.abs(drops), axis=0), kind="stable")[:MOST_CLASSES]
    shown = np.sort(order)
    classes = seen[shown]
    limit = max(float(np.nanmax(np.abs(drops))), 0.01)
    whole = int(result.right_whole.sum()) / result.num_images
    head = ["without", "accuracy", "change", *(result.classes[index] for index in classes)]
    rows = ["".join(f'<th class="cs-num">{escape(text)}</th>' for text in head)]
    rows.append(
        _row("nothing", whole, "", [
            f'<td class="cs-num">{int(result.right_whole[c]) / int(result.totals[c]):.0%}</td>'
            for c in classes
        ])
    )  # fmt: skip
    for name, part in zip(names[:MOST_ROWS], ranking[:MOST_ROWS], strict=False):
        # Losing is orange, as everything that needs a look is.
        colors = cell_colors(drops[part : part + 1][:, shown], limit)[0]
        cells = [
            f'<td class="cs-num"{_tint(drop, back, front)} title="{escape(result.classes[c])}: '
            f'{int(result.right[part, c])} of {int(result.totals[c])} right">{_points(-drop)}</td>'
            for c, drop, (back, front) in zip(classes, drops[part, shown], colors, strict=True)
        ]
        counts = result.counts(int(part))
        change = f"{_points(counts.change)} ± {counts.change_error * 100:.1f}"
        mark = ' class="cs-filters-chosen"' if selected == part else ""
        rows.append(_row(name, counts.right_after / result.num_images, change, cells, mark))
    body = "".join(row if row.startswith("<tr") else f"<tr>{row}</tr>" for row in rows)
    return (
        '<div class="cs-scroll cs-filters-tall"><table class="cs-table cs-filters-damage">'
        f"{body}</table></div>"
    )


def _row(name: str, accuracy: float, change: str, cells: list[str], mark: str = "") -> str:
    return (
        f'<tr{mark}><td>{escape(name)}</td><td class="cs-num">{_percent(accuracy)}</td>'
        f'<td class="cs-num">{change}</td>{"".join(cells)}</tr>'
    )


def _tint(drop: float, back: str, front: str) -> str:
    """No colour where nothing is lost, so that the page's own shows in both themes."""
    return f' style="background:{back};color:{front}"' if drop else ""


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _points(change: float) -> str:
    """`−12`: percentage points."""
    if math.isnan(change):
        return ""
    text = f"{change * 100:+.1f}"
    return "0" if float(text) == 0 else text.replace("-", "−")
