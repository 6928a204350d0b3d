"""Pictures with what a network says about them: the same tiles on the home page and beside a run."""

from __future__ import annotations

from ui import html
from viz.results import Predictions


def prediction_tiles(found: Predictions, *, top: int, width: str) -> str:
    """A tile an image with its `top` most probable classes, the truth ticked (HTML)."""
    cells = [
        html.picture(image, f"A held-out {found.classes[int(label)]}")
        + html.probability_bars(probs, found.classes, target=int(label), top=top)
        for image, label, probs in zip(found.images, found.labels, found.probs, strict=True)
    ]
    return html.tiles(cells, width=width)
