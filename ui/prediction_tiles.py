"""Pictures with what a network says about them: the same tiles on the home page and beside a run."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui import html
from viz.results import Predictions

_KEPT = 256  # pictures of a few kB: a live page shows the same ones every second


def prediction_tiles(found: Predictions, *, top: int, width: str) -> str:
    """A tile an image with its `top` most probable classes, the truth ticked (HTML)."""
    cells = [
        _picture(image, f"A held-out {found.classes[int(label)]}")
        + html.probability_bars(probs, found.classes, target=int(label), top=top)
        for image, label, probs in zip(found.images, found.labels, found.probs, strict=True)
    ]
    return html.tiles(cells, width=width)


def _picture(image: NDArray[np.uint8], alt: str) -> str:
    return _encoded(image.tobytes(), image.shape, alt)


@lru_cache(_KEPT)
def _encoded(data: bytes, shape: tuple[Any, ...], alt: str) -> str:
    return html.picture(np.frombuffer(data, np.uint8).reshape(shape), alt)
