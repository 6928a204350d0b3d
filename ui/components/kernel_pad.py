"""A table of numbers that can be typed in or painted: a kernel made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components.assets import renderer
from viz.figures.theme import SCALES


def kernel_pad(
    kernel: NDArray[np.float64],
    *,
    key: str,
    label: str = "Kernel",
    brushes: Sequence[float] = (-2, -1, 0, 1, 2),
) -> NDArray[np.float64] | None:
    """Show a kernel (kh, kw); what was changed by hand in this rerun, else None.

    Keep what it returns and pass it back; a kernel other than that replaces what is shown.
    `brushes` are the numbers to paint with.
    """
    rows, size = kernel.shape
    result: Any = renderer("kernel_pad")(
        key=key,
        data={
            "size": size,
            "values": kernel.ravel().tolist(),
            "label": label,
            "brushes": list(brushes),
            "palette": [
                [int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SCALES["diverging"]
            ],
        },
        on_kernel_change=lambda: None,
    )
    return read_kernel(result.kernel, size, rows)


def read_kernel(message: object, size: int, rows: int | None = None) -> NDArray[np.float64] | None:
    """The kernel in a message of the pad, `size` columns by as many rows, or by `rows`; None for
    one of another size and anything malformed.
    """
    rows = size if rows is None else rows
    if not isinstance(message, dict) or message.get("size") != size:
        return None
    values = message.get("values")
    if not isinstance(values, list) or len(values) != rows * size:
        return None
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not math.isfinite(value) or abs(value) > 1e6:
            return None
    return np.array(values, np.float64).reshape(rows, size)
