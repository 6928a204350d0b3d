"""Which image is looked at: what references mean, and what follows the one shown.

`?image=` holds an image reference. Whether it can be shown is found out where it is shown, by the
lens that fits it to the network, so there is one judge of pictures.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Final

from data.catalogue import DataError, DatasetInfo, get_info
from data.samples import SAMPLES, find_sample
from ui.subject.kept import ask_once
from ui.subject.models import Model, data_title
from viz.results.picking import Picture, SplitLabels

_DATA_IMAGE: Final = re.compile(r"(?P<dataset>[^/]+)/(?P<split>train|val|test)/(?P<index>\d{1,9})")
SPLITS: Final = {"test": "Test", "val": "Validation", "train": "Training"}


@dataclass(frozen=True)
class DataImage:
    """One image of a data set; `str` of it is its reference."""

    dataset: str
    split: str
    index: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.split}/{self.index}"


def parse_data_image(text: str) -> DataImage | None:
    """The data-set image that a reference names; None: it names another kind."""
    match = _DATA_IMAGE.fullmatch(text)
    return match and DataImage(match["dataset"], match["split"], int(match["index"]))


def default_image(model: Model) -> str:
    """The first test image of the network's own data set; a sample picture where that is not here."""
    if model.has_images and model.info is not None:
        return str(DataImage(model.info.name, "test", 0))
    return f"sample:{SAMPLES[0].name}"


def image_title(text: str, label: str | None, model: Model) -> str:
    """`test 17, seven`; data sets other than the network's own are named."""
    found = parse_data_image(text)
    if found is not None:
        own = model.info is not None and model.info.name == found.dataset
        place = f"{SPLITS[found.split]} {found.index:,}"
        place = place if own else f"{_dataset_title(found.dataset)} {place.lower()}"
        if label is None:
            return place
        return f"{place} · {'class ' if label.isdecimal() else ''}{label}"
    kind, _, name = text.partition(":")
    if kind == "sample":
        return find_sample(name).title
    return "Your drawing" if kind == "drawn" else "Your picture"


def fetch_picture(model: Model, image: str) -> Picture:
    """The image as the network sees it.

    Raises:
        NotYetError, EngineError: as `glance`.
    """
    found: Picture = ask_once("picture", model.base, image, **model.options)
    return found


def fetch_labels(model: Model, split: str) -> SplitLabels:
    """The classes of a split of the network's data set.

    Raises:
        NotYetError, EngineError: as `glance`.
    """
    found: SplitLabels = ask_once("split_labels", model.base, split=split, **model.options)
    return found


def split_size(info: DatasetInfo, split: str) -> int:
    """Images of a split as the catalogue counts them."""
    return {"train": info.num_train, "val": info.num_val, "test": info.num_test}[split]


def next_index(image: DataImage, by: int, members: list[int]) -> DataImage:
    """The next (`by` 1) or previous (-1) of the members of a class or split; round at the ends."""
    if by > 0:
        beyond = [one for one in members if one > image.index]
        return replace(image, index=beyond[0] if beyond else members[0])
    beyond = [one for one in members if one < image.index]
    return replace(image, index=beyond[-1] if beyond else members[-1])


def random_index(image: DataImage, members: list[int]) -> DataImage:
    """Any other member."""
    others = [one for one in members if one != image.index]
    return replace(image, index=random.choice(others or members))  # noqa: S311


def _dataset_title(name: str) -> str:
    try:
        return data_title(get_info(name))
    except DataError:
        return name
