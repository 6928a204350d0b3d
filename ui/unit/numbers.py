"""Numbers as people read them: few digits, a true minus sign, as many decimals as their size needs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def number(value: float, digits: int = 4) -> str:
    """`−0.3487`; `no number` for what is none."""
    if math.isnan(value):
        return "no number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value or 0.0:.{digits}g}".replace("-", "−")


def signed(value: float, digits: int = 4) -> str:
    """`+ 0.35` or `− 0.35`, to go on in a sum."""
    return f"{'−' if value < 0 else '+'} {number(abs(value), digits)}"


def decimals(values: npt.ArrayLike) -> int:
    """Decimals that leave the largest of `values` two or three significant digits."""
    array = np.abs(np.asarray(values, np.float64))
    top = float(array[np.isfinite(array)].max(initial=0.0))
    if top == 0:
        return 0
    return (
        int(min(max(1 - math.floor(math.log10(top)), 0), 4))
        if top < 1
        else 2 - min(2, math.floor(math.log10(top)))
    )


def short(value: float, places: int) -> str:
    """A number in a cell, with `places` decimals."""
    if not math.isfinite(value):
        return number(value)
    if value == 0:
        return "0"
    if abs(value) < 0.5 * 10**-places:
        return f"{value:.0e}".replace("-", "−").replace("e−0", "e−")
    return f"{value:.{places}f}".replace("-", "−")
