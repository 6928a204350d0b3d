"""An image reference becomes a picture, and the picture what a network takes."""

from __future__ import annotations

import re
from dataclasses import replace

from torch import Tensor

from data.archives import read_image
from data.catalogue import DatasetInfo
from data.images import Fitted, decode_image, fit_image, normalize
from data.samples import read_sample
from viz.lenses.context import LensContext, Subject, choose_split, dataset_spec
from viz.lenses.registry import LensError

_DATA_IMAGE = re.compile(r"(?P<dataset>[^/]+)/(?P<split>train|val|test)/(?P<index>\d{1,9})")
_STORED = re.compile(r"(?:drawn|upload):(?P<digest>[0-9a-f]{64})")
_SAMPLE = re.compile(r"sample:(?P<name>[a-z0-9_]{1,60})")


def fit(context: LensContext, image: str | None, subject: Subject) -> tuple[Fitted, int | None]:
    """The image that `image` names, for the network of `subject`.

    `<data set>/<split>/<number>`, `sample:<name>`, `drawn:<digest>` or `upload:<digest>`. An image
    of the data set the network was trained on is taken as it was in training and comes with its
    true class; any other is made to fit. Sample pictures are photos, so nobody looks for a drawing
    in them.

    Raises:
        ValueError: one sentence: not a reference, no such image, or it cannot be read.
    """
    text = image or ""
    stored = _STORED.fullmatch(text)
    if stored:
        return fit_image(decode_image(read_image(stored["digest"])), subject.info), None
    sample = _SAMPLE.fullmatch(text)
    if sample:
        return _fit_photo(decode_image(read_sample(sample["name"])), subject.info), None
    match = _DATA_IMAGE.fullmatch(text)
    if not match:
        raise LensError(
            f"{text[:60]!r} names no image: write <data set>/<split>/<number> such as "
            "digits/test/17, sample:<name>, drawn:<digest> or upload:<digest>."
        )
    spec, own = dataset_spec({"name": match["dataset"]}), False
    if subject.dataset is not None and subject.dataset.name == match["dataset"]:
        spec, own = subject.dataset, True
    data = context.data(spec, subject.seed if own else 0)
    split, index = choose_split(data, match["split"]), int(match["index"])
    if index >= len(split):
        raise LensError(
            f"{text[:60]} is not there: this split has {len(split)} images, counted from 0."
        )
    picture = split.images[index]
    if not own:
        return fit_image(picture, subject.info), None
    fitted = Fitted(normalize(picture[None], subject.info), picture, "")
    return fitted, int(split.labels[index])


def _fit_photo(photo: Tensor, info: DatasetInfo) -> Fitted:
    """A photo uint8 (3, H, W) as photos are fitted, whatever the network has learned."""
    fitted = fit_image(photo, replace(info, framing=None))
    if info.framing is None:
        return fitted
    channels, height, width = info.shape
    kind = "grey" if channels == 1 else "coloured"
    note = f"A photo in {width}×{height} {kind} pixels, where this network has learned drawings."
    return replace(fitted, note=note)
