"""What feature visualisation returns: pictures made to excite something, how they came about, and how
they compare with real ones."""

from __future__ import annotations

from dataclasses import dataclass

from viz.results import Bytes, Floats, Ints
from viz.results.maps import Bools, Geometry


@dataclass(frozen=True)
class RealPictures:
    """What the network's own pictures make of the same goal."""

    best: Floats  # (N,) the highest value of each goal
    deviation: Floats  # (N,) standard deviation over the pictures
    pictures: (
        Bytes  # (k, H, W, C) the best of the goal, best first; of a row of mixes the best of each
    )
    values: Floats  # (k,) the first is the highest there is
    names: tuple[str, ...]  # (k,) such as `digits/test/17` or `sample:chelsea`
    labels: tuple[str, ...]  # (k,) classes; of sample pictures their names
    words: str  # what was searched, such as "360 test images"
    few: bool = False  # only sample pictures, not what the network was made for
    units: Ints | None = None  # (k, 2) row and column of the strongest unit, where there is one
    geometry: Geometry | None = None  # where units are on the image
    cut: bool = False  # values are those of single units, not of a whole map


@dataclass(frozen=True)
class Visualization:
    """N pictures optimised together; while `share` is below 1, as far as they are.

    Values are those of the goal without penalties and, for a goal of least instead of most, not
    turned round. Those of frames are of the picture as it is shown, those of steps of the moved copy
    that the step saw.
    """

    title: str  # the goal in words
    words: tuple[str, ...]  # (N,) each picture's own
    pictures: Bytes  # (N, H, W, C) now
    frames: Bytes  # (F, N, H, W, C) some moments, the last is now
    frame_steps: Ints  # (F,) steps made before each
    frame_values: Floats  # (F, N)
    objective: (
        Floats  # (T,) mean of what is climbed, penalties included, in deviations of real pictures
    )
    activation: Floats  # (T, N) at each step
    real: RealPictures | None  # None: no pictures are here
    above: Floats  # (N,) value now / best real one; NaN without one above 0
    silent: Bools  # (N,) without a gradient in the first picture
    dead: Bools  # (N,) 0 now, and in every real picture
    similarity: float  # mean cosine of the Gram matrices; NaN for one picture
    in_deviations: (
        bool  # values are in standard deviations over real pictures: several goals were added
    )
    colors: (
        str  # what colour statistics were measured on; "" for grey pictures or where there are none
    )
    note: str  # what was done about silent units, and other things to know
    steps: int  # to be made
    seconds: float
    share: float  # of the steps made, 0 to 1
    step: int | None  # updates the weights have seen


@dataclass(frozen=True)
class AblationRow:
    """One way to optimise the same goal."""

    name: str  # of the preset
    picture: Bytes  # (H, W, C)
    value: float  # of the picture as it is shown
    moved: float  # mean over small moves of it: what is left when it is not held still
    rough: float  # share of its power in waves shorter than four pixels
    done: bool


@dataclass(frozen=True)
class Ablation:
    """The same goal with parts of the method left out; while `share` is below 1, as far as it is."""

    title: str
    rows: tuple[AblationRow, ...]
    best: float  # over real pictures; NaN where none are here
    moves: str  # what `moved` was averaged over
    note: str
    share: float
    step: int | None
