"""One method at one image, asked of the engine and drawn while it grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from ui.saliency.method import Asked
from ui.saliency.target import Target
from ui.streaming import watch
from ui.subject.bar import Chosen
from viz.results.attribution import Attribution

TIMEOUT: Final = 600.0  # seconds; the slowest methods take minutes on large networks


@dataclass(frozen=True)
class Question:
    """What is asked; equal questions have one answer."""

    model: str
    image: str | None
    method: str
    target: Mapping[str, Any]
    layer: str | None = None
    settings: Mapping[str, Any] | None = None


def question(chosen: Chosen, asked: Asked, target: Target) -> Question:
    """About the image and the moment looked at."""
    return Question(
        chosen.model, chosen.image, asked.method.name, target.request, asked.layer, asked.settings
    )


def lens_options(asked: Question, chosen: Chosen) -> dict[str, Any]:
    """What the lens is told besides the network and the image; what is left out has its default."""
    options: dict[str, Any] = {"method": asked.method}
    if asked.target:
        options["target"] = dict(asked.target)
    if asked.layer is not None:
        options["layer"] = asked.layer
    if asked.settings:
        options["settings"] = dict(asked.settings)
    return {**options, **chosen.options}


def attribute(
    asked: Question, chosen: Chosen, *, key: str, make: Callable[[Attribution], str]
) -> Attribution | None:
    """The answer, drawn as it comes, with what `make` makes of it as HTML; None where nothing came.

    Raises:
        EngineError: what `watch` raises.
    """

    def draw(found: Attribution) -> None:
        st.html(make(found))

    found: Attribution | None = watch(
        "attribution", asked.model, asked.image, key=key, draw=draw, timeout=TIMEOUT,
        **lens_options(asked, chosen),
    )  # fmt: skip
    return found
