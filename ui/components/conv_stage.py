"""The operation as three grids of numbers that play: input, kernel, output, and the sum written out.

Python computes and sends everything once; playing, scrubbing, pinning and pointing happen in the
browser. Only a number that the visitor changes comes back.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components.assets import renderer
from viz.arithmetic.axes import GAP, Axis
from viz.arithmetic.steps import Step
from viz.figures.theme import SCALES

_ALONE = {"source": [0], "windows": [[0]], "taps": [0], "lost": [], "before": 0, "inner": 1}


@dataclass(frozen=True)
class CellEdit:
    """A number the visitor changed: an input cell, or a weight of layer `part`."""

    what: str  # x or weight
    part: int
    place: tuple[int, ...]  # x: (channel, *cell); weight: (filter, channel of its group, *cell)
    value: float


def conv_stage(
    steps: Sequence[Step], *, titles: Sequence[str], key: str, label: str, at: str = "0"
) -> CellEdit | None:
    """Show the steps of one operation, one at a time.

    Args:
        titles: a short name for each step.
        key: names the stage; where one stands survives reruns as long as all shapes stay.
        label: accessible name.
        at: where to begin, the number of an output cell or "<step>.<cell>"; the stage keeps the
            query parameter `at` up to date by itself.

    Returns:
        The number that was changed in this rerun, or None.
    """
    parts = [
        _part(step, title, first=step is steps[0])
        for step, title in zip(steps, titles, strict=True)
    ]
    shape = repr(
        [
            (part["size"], part["kernel"], part["axes"], part["C"], part["O"], part["groups"])
            for part in parts
        ]
    )
    result: Any = renderer("conv_stage")(
        key=key,
        data={
            "parts": parts,
            "palette": [
                [int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SCALES["diverging"]
            ],
            "label": label,
            "shape": hashlib.sha256(shape.encode()).hexdigest()[:16],
            "at": at,
        },
        on_edit_change=lambda: None,
    )
    return read_edit(result.edit)


def read_edit(message: object) -> CellEdit | None:
    """The edit in a message of the stage; None for anything malformed."""
    if not isinstance(message, dict) or message.get("what") not in ("x", "weight"):
        return None
    place, part, value = message.get("place"), message.get("part"), message.get("value")
    if (
        not isinstance(place, list)
        or not all(_is_index(one) for one in place)
        or not _is_index(part)
    ):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return CellEdit(str(message["what"]), int(str(part)), tuple(place), float(value))


def place_of(at: str | None) -> str:
    """A link's `at`, or the first cell for anything that is none."""
    numbers = (at or "").split(".")
    good = len(numbers) <= 2 and all(
        number.isascii() and number.isdigit() and len(number) < 6 for number in numbers
    )
    return at if at and good else "0"


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _part(step: Step, title: str, *, first: bool) -> dict[str, Any]:
    missing = 3 - len(step.axes)
    turned = step.weight is not None and any(axis.taps[0] > axis.taps[-1] for axis in step.axes)
    return {
        "title": title,
        "dims": len(step.axes),
        "axes": [_ALONE] * missing + [_axis(axis) for axis in step.axes],
        "size": _three(step.x.shape[1:]),
        "kernel": [1] * missing + [len(axis.taps) for axis in step.axes],
        "C": len(step.x),
        "O": len(step.output),
        "groups": step.groups,
        "reduce": step.reduce,
        "norm": step.norm,
        "x": _plain(step.x),
        "weight": None if step.weight is None else _plain(step.weight),
        "bias": _plain(step.bias),
        "output": _plain(step.output),
        "blank": None if step.blank else 0,
        "stretched": any(GAP in axis.source for axis in step.axes),
        "turned": turned,
        "editable": first,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    # The input itself lies at before .. before + inner; outside, padding may repeat it.
    stretched = GAP in axis.source
    return {
        "source": list(axis.source),
        "windows": [list(window) for window in axis.windows],
        "taps": list(axis.taps),
        "lost": list(axis.lost),
        "before": 0 if stretched else axis.before,
        "inner": len(axis.source) if stretched else axis.size,
    }


def _three(shape: tuple[int, ...]) -> list[int]:
    return [1] * (3 - len(shape)) + list(shape)


def _plain(values: NDArray[np.float64]) -> list[float | int | None]:
    """Numbers for JSON: whole ones short, those that are none as null."""
    return [
        None if not math.isfinite(value) else int(value) if value == int(value) else value
        for value in values.ravel().tolist()
    ]
