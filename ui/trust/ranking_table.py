"""The table of trust as HTML: a row a method, a column a measure, and what may be marked in it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

import numpy as np

from ui import html
from ui.trust.words import is_percent, number
from viz.results.trust import Measurement, RankedMethod, TrustTable
from viz.trust.confidence import difference_intervals
from viz.trust.controls import CONTROLS

FEWEST_METHODS: Final = 2  # of which one can be the best


def is_clear(table: TrustTable, row: RankedMethod, measure: str) -> bool:
    """Whether a method is clearly better than every control by a measure."""
    controls = {each.method for each in table.rows if each.control}
    return (
        set(CONTROLS) <= controls
        and not row.control
        and controls <= set(row.beats.get(measure, ()))
    )


def best_methods(table: TrustTable, measurement: Measurement) -> frozenset[str]:
    """Methods clearly better than every control, than which no other method is clearly better."""
    real = [each for each in measurement.scores if not each.control]
    if not measurement.evidence or len(real) < FEWEST_METHODS:
        return frozenset()
    low, high = difference_intervals(np.stack([each.values for each in real]))
    better = low > 0 if measurement.higher_is_better else high < 0  # (M, M): row than column
    rows = {row.method: row for row in table.rows}
    return frozenset(
        score.method
        for column, score in enumerate(real)
        if not better[:, column].any() and is_clear(table, rows[score.method], measurement.measure)
    )


def table_html(
    everything: TrustTable, counted: TrustTable, follows: Mapping[str, tuple[str, str]]
) -> str:
    """The table of trust.

    Args:
        everything: all numbers, also of measures that are not complete.
        counted: of the measures that are: ranks, verdicts and marks rest on these alone.
        follows: verdict of the randomisation check in words, and its tone, by method.
    """
    bests = {each.measure: best_methods(counted, each) for each in counted.measures}
    heads = "".join(_head(each, complete=each.measure in bests) for each in everything.measures)
    judged = {row.method: row for row in counted.rows}
    order = {row.method: place for place, row in enumerate(counted.rows)}
    rows = sorted(everything.rows, key=lambda row: order.get(row.method, len(order) + row.control))
    several = sum(not row.control for row in counted.rows) >= FEWEST_METHODS
    lines = []
    for row in rows:
        known = judged.get(row.method)
        cells = "".join(
            _cell(each, row, row.method in bests.get(each.measure, ()))
            for each in everything.measures
        )
        words, tone = follows.get(row.method, ("", ""))
        follow = html.badge(words, tone) if words else ""
        told = "" if row.control or known is None else f"<small>{escape(known.verdict)}</small>"
        kind = ' class="cs-trust-control"' if row.control else ""
        rank = str(known.rank) if known is not None and several else "–"
        record = "–" if known is None else f"{known.better} : {known.worse}"
        lines.append(
            f'<tr{kind}><td class="cs-num cs-trust-rank">{rank}</td>'
            f'<td class="cs-trust-word"><span class="cs-trust-place">{rank} </span>'
            f"<b>{escape(row.title)}</b> {follow}{told}</td>{cells}"
            f'<td class="cs-num">{record}</td></tr>'
        )
    return (
        '<div class="cs-scroll cs-trust-table"><table class="cs-table">'
        '<tr><th class="cs-num cs-trust-rank">#</th><th class="cs-trust-word">method</th>'
        f'{heads}<th class="cs-num">won : lost</th></tr>{"".join(lines)}</table></div>'
    )


def _head(found: Measurement, *, complete: bool) -> str:
    images = max((int(np.isfinite(each.values).sum()) for each in found.scores), default=0)
    small = f"n = {images}" + ("" if complete else ", not complete")
    return (
        f'<th class="cs-num" title="{escape(found.what)}">{escape(found.title)} '
        f"{'↑' if found.higher_is_better else '↓'}<small>{small}</small></th>"
    )


def _cell(found: Measurement, row: RankedMethod, best: bool) -> str:
    if found.measure not in row.means:
        return '<td class="cs-num">–</td>'
    percent = is_percent(found)
    mean, low, high = row.means[found.measure]
    mark = ' class="cs-trust-best"' if best else ""
    bounds = (
        f"<small>{_short(low, percent=percent)} to {_short(high, percent=percent)}</small>"
        if np.isfinite(low)
        else ""
    )
    return f'<td class="cs-num"><span{mark}>{number(mean, percent=percent)}</span>{bounds}</td>'


def _short(value: float, *, percent: bool) -> str:
    """An end of an interval, in as little room as it needs."""
    return (f"{100 * value:.0f}" if percent else f"{value:.2f}").replace("-", "−")
