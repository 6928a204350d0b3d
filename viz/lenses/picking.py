"""What the image picker asks: how a network sees one image, and where in a split each class is.

Neither runs the network, so choosing costs nothing but reading the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viz.lenses.arrays import to_ints, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.registry import lens
from viz.results.picking import Picture, SplitLabels


@lens("picture")
def picture(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    dataset: Mapping[str, Any] | None = None,
) -> Picture:
    """The image as the network of `model` sees it, before normalisation."""
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    name = None if label is None else subject.info.classes[label]
    return Picture(to_pictures(fitted.picture), name, fitted.note)


@lens("split_labels")
def split_labels(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    split: str = "test",
    dataset: Mapping[str, Any] | None = None,
) -> SplitLabels:
    """The classes of a split of the network's own data set."""
    subject = context.subject(model, dataset)
    return SplitLabels(to_ints(context.images(subject, split).labels), subject.info.classes)
