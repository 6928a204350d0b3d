"""The proof under each number: ours beside torch's, and how far apart they may be."""

from __future__ import annotations

from html import escape

from ui.unit.numbers import number
from viz.results.units import TOLERANCE, UnitView


def check_line(view: UnitView) -> str:
    """A tick where our float64 sum is torch's float32 number, else what differs."""
    if view.total is None:
        return f'<p class="cs-unit-check">torch: <b>{number(view.value, 7)}</b></p>'
    mark, word = ("✓", "cs-unit-yes") if view.equal else ("✗", "cs-unit-no")
    said = "equal" if view.equal else "not equal: this is a fault of this program, please report it"
    hint = (
        f"Ours is added up in float64, torch's in float32 and in another order. They may differ by "
        f"{TOLERANCE:g} of the sum of the absolute terms, {number(view.scale)}: by "
        f"{number(view.tolerance, 2)}. They differ by {number(abs(view.total - view.value), 2)}."
    )
    return (
        f'<p class="cs-unit-check {word}" title="{escape(hint)}"><span>{mark}</span> '
        f"ours <b>{number(view.total, 9)}</b> · torch <b>{number(view.value, 9)}</b> · {said}, "
        f"difference {number(abs(view.total - view.value), 2)} of {number(view.tolerance, 2)} allowed"
        "</p>"
    )
