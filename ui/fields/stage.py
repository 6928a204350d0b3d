"""An image with boxes and ellipses laid over it, room for the padding around it included.

One piece of HTML: the image is a PNG of its own pixels and everything else is placed in per cent, so
it is sharp at any size, follows the theme and costs the server next to nothing. Colours are in
`style.css`.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from html import escape

from viz.results.fields import Box, Gaussian


@dataclass(frozen=True)
class Stage:
    """The part of the plane that is drawn, in pixels of the image."""

    shown: Box
    image: tuple[int, int]  # (H, W)

    def place(self, top: float, left: float, bottom: float, right: float) -> str:
        """CSS that puts an element over a region of the plane."""
        return _place(self.shown, top, left, bottom, right)

    def cuts(self, box: Box) -> bool:
        """Whether a box goes on beyond what is drawn."""
        return any(a < b for a, b in zip(box[:2], self.shown[:2], strict=True)) or any(
            a > b for a, b in zip(box[2:], self.shown[2:], strict=True)
        )


def stage_for(image: tuple[int, int], box: Box) -> Stage:
    """Room for the image and the box; around the image at most its own side each way, so that it
    stays visible beside a box of thousands of pixels."""
    height, width = image
    top, left = max(min(0, box[0]), -height), max(min(0, box[1]), -width)
    bottom = min(max(height, box[2]), 2 * height)
    right = min(max(width, box[3]), 2 * width)
    return Stage((top, left, bottom, right), image)


def draw_box(stage: Stage, png: bytes, box: Box, alt: str) -> str:
    """The image with the box clear, the rest of the image veiled, the padding in the box hatched."""
    height, width = stage.image
    clear = _place((0, 0, height, width), *box)
    return _frame(
        stage,
        f'<div class="cs-fields-padding" style="{stage.place(*box)}"></div>'
        + _image(stage, png, alt, f'<div class="cs-fields-clear" style="{clear}"></div>')
        + f'<div class="cs-fields-box" style="{stage.place(*box)}"></div>',
    )


def draw_field(stage: Stage, png: bytes, box: Box, fit: Gaussian, alt: str) -> str:
    """A gradient with the theoretical box and the ellipses of one and two widths over it."""
    ellipses = "".join(_ellipse(stage, fit, times) for times in (1, 2))
    return _frame(
        stage,
        _image(stage, png, alt)
        + f'<div class="cs-fields-box" style="{stage.place(*box)}"></div>'
        + ellipses,
    )


def _ellipse(stage: Stage, fit: Gaussian, times: int) -> str:
    if not math.isfinite(fit.sigma[0]):
        return ""
    (y, x), (sy, sx) = fit.centre, fit.sigma
    y, x = y + 0.5, x + 0.5  # pixel i begins at i in the picture, and has its centre at i in a fit
    place = stage.place(y - times * sy, x - times * sx, y + times * sy, x + times * sx)
    return f'<div class="cs-fields-ellipse" style="{place}"></div>'


def _frame(stage: Stage, inner: str) -> str:
    top, left, bottom, right = stage.shown
    shape = f"--cs-shape:{right - left}/{bottom - top}"
    return f'<div class="cs-fields-stage" style="{shape}">{inner}</div>'


def _image(stage: Stage, png: bytes, alt: str, over: str = "") -> str:
    data = base64.b64encode(png).decode("ascii")
    place = stage.place(0, 0, *stage.image)
    return (
        f'<div class="cs-fields-image" style="{place}">'
        f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">{over}</div>'
    )


def _place(shown: Box, top: float, left: float, bottom: float, right: float) -> str:
    y0, x0, y1, x1 = shown
    height, width = y1 - y0, x1 - x0
    return (
        f"top:{(top - y0) / height:.4%};left:{(left - x0) / width:.4%};"
        f"height:{(bottom - top) / height:.4%};width:{(right - left) / width:.4%}"
    )
