"""Which drawing an explanation gets, and where its numbers can be followed back to."""

from __future__ import annotations

from html import escape

import numpy as np

from ui.unit.check import check_line
from ui.unit.numbers import number
from ui.unit.points import combined, moved, normalised, pointwise, share
from ui.unit.sums import (
    input_sum,
    input_sum_formula,
    window_max,
    window_sum,
    window_sum_formula,
)
from viz.results.units import (
    Combined,
    Index,
    InputSum,
    Moved,
    Normalised,
    Pointwise,
    Share,
    UnitView,
    WindowMax,
    WindowSum,
)


def explained_html(view: UnitView) -> str:
    """The formula with the numbers put in, the tick, and the numbers it is made of."""
    return f'<div class="cs-unit">{_explained(view)}</div>'


def _explained(view: UnitView) -> str:
    found, total = view.explanation, view.total if view.total is not None else view.value
    check = check_line(view)
    match found:
        case WindowSum():
            note = f"<p>{escape(found.note)}</p>" if found.note else ""
            return _formula(window_sum_formula(found), total) + check + note + window_sum(found)
        case InputSum():
            return _formula(input_sum_formula(found), total) + check + input_sum(found)
        case WindowMax():
            return _formula(f"max of {found.patch.size} numbers", total) + check + window_max(found)
        case Pointwise():
            return pointwise(found, total) + check
        case Normalised():
            return normalised(found, total) + check
        case Combined():
            return combined(found, total) + check
        case Moved():
            return moved(found) + check
        case Share():
            return check + share(found)
    return f"<p>{escape(found.reason)}</p>{check}"


def sources_of(view: UnitView) -> list[tuple[str, Index]]:
    """The units this one is made of that are worth going to: (layer, unit), strongest first."""
    found = view.explanation
    if isinstance(found, Combined):
        named = {source.layer for source in view.sources}
        return [(one.layer, one.unit) for one in found.operands if one.layer and one.layer in named]
    if isinstance(found, Moved):
        return (
            [(found.source.layer, found.source.unit)] if found.source and found.source.layer else []
        )
    if not view.sources or not view.sources[0].layer:
        return []
    source = view.sources[0]
    if isinstance(found, InputSum) and found.terms and found.origin_layer:
        return [(found.origin_layer, term.origin) for term in found.terms[:3]]
    unit = _strongest_input(view)
    return [(source.layer, unit)] if unit is not None and len(unit) == len(source.shape) else []


def _strongest_input(view: UnitView) -> Index | None:
    found = view.explanation
    match found:
        case WindowSum(channels=(first, *_)):
            products = np.where(found.padded, -1, np.abs(first.patch * first.kernel))
            y, x = np.unravel_index(int(products.argmax()), products.shape)
            return _cell(found, first.channel, int(y), int(x))
        case WindowMax():
            return _cell(found, found.channel, *found.winner)
        case InputSum(terms=(first_term, *_)):
            return (first_term.index,)
        case Pointwise() | Normalised() | Share():
            return view.unit
    return None


def _cell(found: WindowSum | WindowMax, channel: int, y: int, x: int) -> Index:
    window = found.window
    return (channel, window.top + y * window.dilation[0], window.left + x * window.dilation[1])


def _formula(text: str, total: float) -> str:
    return f'<p class="cs-unit-formula">{escape(text)} = <b>{number(total)}</b></p>'
