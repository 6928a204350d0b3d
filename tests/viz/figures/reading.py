"""Shared by the figure tests: every figure is validated here because the pages do not do it."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from viz.figures.theme import Drawing


def valid(drawing: Drawing) -> Any:
    """The validated go.Figure, which fails for unknown or wrong properties; and a check that it
    brings its own height, title and transparent background."""
    figure = drawing.to_figure()
    assert figure.layout.title.text
    assert figure.layout.height >= 100
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    return figure


def unpack(packed: Any) -> npt.NDArray[np.float64]:
    """The numbers of a packed array."""
    if not isinstance(packed, dict):
        return np.asarray(packed, float)
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), "<" + packed["dtype"])
    shape = packed.get("shape")
    return flat.reshape([int(n) for n in shape.split(",")] if shape else [-1]).astype(float)
