"""Pictures to look at before anybody has uploaded one: those that come with two libraries.

scikit-image and scikit-learn ship small, well-known photographs. They are read where those packages
lie, without importing either, so the web process can list and show them too. Nothing here imports
torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from data.paths import DataError


@dataclass(frozen=True)
class Sample:
    """One picture and who is to be thanked for it."""

    name: str  # as in `sample:<name>`
    title: str
    credit: str
    licence: str
    package: str  # the distribution it comes with
    file: tuple[str, ...]  # the importable package, then the path inside it


def _scikit_image(
    file: str, title: str, credit: str, licence: str, name: str | None = None
) -> Sample:
    own = name or file.partition(".")[0]
    return Sample(own, title, credit, licence, "scikit-image", ("skimage", "data", file))


def _scikit_learn(file: str, title: str, credit: str) -> Sample:
    path = ("sklearn", "datasets", "images", file)
    return Sample(file.partition(".")[0], title, credit, "CC BY 2.0", "scikit-learn", path)


SAMPLES: Final = (
    _scikit_image("chelsea.png", "Chelsea the cat", "Stéfan van der Walt", "CC0"),
    _scikit_image("coffee.png", "Cup of espresso", "Rachel Michetti, Pikolo Espresso Bar", "CC0"),
    _scikit_image("astronaut.png", "Astronaut Eileen Collins", "NASA", "Public domain"),
    _scikit_image("rocket.jpg", "Rocket at launch", "SpaceX", "Public domain"),
    _scikit_image(
        "motorcycle_left.png",
        "Motorcycle in a garage",
        "Middlebury stereo benchmark, Scharstein et al. 2014",
        "Free for research with citation; no licence stated",
        name="motorcycle",
    ),
    _scikit_learn("flower.jpg", "Flower", "vultilion on Flickr"),
    _scikit_learn("china.jpg", "Summer palace in Beijing", "danielbuechele on Flickr"),
    _scikit_image("camera.png", "Photographer (grey)", "Lav Varshney", "CC0"),
    _scikit_image(
        "coins.png", "Greek coins (grey)", "Brooklyn Museum", "No known copyright restrictions"
    ),
    _scikit_image(
        "moon.png", "Surface of the moon (grey)", "scikit-image", "BSD-3-Clause; origin not stated"
    ),
    _scikit_image("brick.png", "Brick wall (grey texture)", "CC0Textures, Bricks25", "CC0"),
    _scikit_image("grass.png", "Grass (grey texture)", "linolafett on DeviantArt", "CC0"),
)
_OFFERED: Final = 5  # names for one that is wrong
_BY_NAME: Final = {sample.name: sample for sample in SAMPLES}


def find_sample(name: str) -> Sample:
    """The sample picture called `name`.

    Raises:
        DataError: there is none; the sentence names a few, the closest first.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    close = difflib.get_close_matches(name[:60], _BY_NAME, n=2, cutoff=0.5)
    *names, last = list(dict.fromkeys([*close, *_BY_NAME]))[:_OFFERED]
    raise DataError(
        f"There is no sample picture {name[:60]!r}: choose {', '.join(names)} or {last}."
    )


def read_sample(name: str) -> bytes:
    """The file of a sample picture, PNG or JPEG.

    Raises:
        DataError: there is no such picture, or the package it comes with is not installed whole.
    """
    sample = find_sample(name)
    top, *rest = sample.file
    spec = find_spec(top)  # finds a top-level package without running any of it
    places = spec.submodule_search_locations if spec else None
    for place in places or ():
        path = Path(place, *rest)
        if path.is_file():
            return path.read_bytes()
    raise DataError(
        f"The picture {sample.title!r} comes with {sample.package}, which is not installed whole "
        f"here: install it with pip install --force-reinstall {sample.package}."
    )
