"""What all views of the saliency page share: the subject and everything read from the link."""

from __future__ import annotations

from dataclasses import dataclass

from ui.saliency.display import Display
from ui.saliency.method import Asked
from ui.saliency.target import Target
from ui.subject.bar import Chosen
from viz.results import Classification
from viz.results.attribution import AttributionSupport


@dataclass(frozen=True)
class Scene:
    """One run of the page."""

    chosen: Chosen
    said: Classification  # about the image
    support: AttributionSupport
    asked: Asked  # the method
    target: Target
    display: Display
