"""Maps that know nothing of the network, as methods beside the real ones: whoever does not beat them
has shown nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from viz.attribution.table import METHODS


@dataclass(frozen=True)
class Control:
    """One of them."""

    name: str
    title: str
    what: str  # one sentence


CONTROLS: Final[dict[str, Control]] = {
    control.name: control
    for control in (
        Control("random", "Random map", "An independent random number for each pixel."),
        Control(
            "centre",
            "Centre Gaussian",
            "A bump in the middle of the image, a quarter of its side wide: where photographers put "
            "things.",
        ),
        Control(
            "edges",
            "Edge detector",
            "The size of the Sobel gradient of the picture, which no network was asked for.",
        ),
    )
}


def title_of(name: str) -> str:
    """Of a method or a control.

    Raises:
        ValueError: one sentence: there is none of this name.
    """
    if name in CONTROLS:
        return CONTROLS[name].title
    if name in METHODS:
        return METHODS[name].title
    raise ValueError(
        f"There is no attribution method {name[:40]!r}; there are {', '.join([*METHODS, *CONTROLS])}."
    )
