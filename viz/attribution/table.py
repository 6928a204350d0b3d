"""The one table of attribution methods, which drives the lens, the pages and the benchmark."""

from __future__ import annotations

from typing import Final

from viz.attribution.cam_methods import CAM_METHODS
from viz.attribution.gradient_methods import GRADIENT_METHODS
from viz.attribution.method import Method
from viz.attribution.modified_methods import MODIFIED_METHODS
from viz.attribution.perturbation_methods import PERTURBATION_METHODS

METHODS: Final[dict[str, Method]] = {
    method.name: method
    for method in (*GRADIENT_METHODS, *MODIFIED_METHODS, *CAM_METHODS, *PERTURBATION_METHODS)
}


def find_method(name: str) -> Method:
    """The method called `name`.

    Raises:
        ValueError: one sentence: there is none.
    """
    if name not in METHODS:
        raise ValueError(
            f"There is no attribution method {name[:40]!r}; there are {', '.join(METHODS)}."
        )
    return METHODS[name]
