"""Pictures made from pictures: dreamed into one, rebuilt from a layer, painted in another's style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats


@dataclass(frozen=True)
class Still:
    """The picture at one moment of its making."""

    step: int  # updates made
    words: str
    image: Bytes  # (h, w, C)


@dataclass(frozen=True)
class Answer:
    """What the network says to a picture."""

    best: int  # index of the most probable class
    share: float  # its probability


@dataclass(frozen=True)
class Dream:
    """What a layer makes of a picture when it is asked for more of what it sees."""

    layer: str
    kind: str
    channels: tuple[int, ...]  # (): all of the layer
    num_channels: int
    before: Bytes  # (H, W, C)
    image: Bytes  # (h, w, C) as it is now, at the size of its octave
    stills: tuple[Still, ...]
    octaves: tuple[tuple[int, int], ...]  # (h, w), the smallest first
    objective: Floats  # (steps made,) mean square of the activations, before each step
    octave: npt.NDArray[np.int64]  # (steps made,) position in `octaves`
    excited: tuple[float, float]  # mean square at full size, before and now; NaN until it is there
    answers: tuple[Answer | None, Answer | None]  # before, and after; None until it is there
    classes: tuple[str, ...]
    note: str
    step: int | None
    share: float


@dataclass(frozen=True)
class Rebuilt:
    """One picture rebuilt from what one layer makes of it, from S different starts."""

    layer: str
    kind: str
    shape: tuple[int, ...]  # of the layer's output
    images: Bytes  # (S, H, W, C)
    feature_error: Floats  # (S,) ‖f(x) − f(x₀)‖ / ‖f(x₀)‖
    psnr: Floats  # (S,) dB against the picture, over pixels in [0, 1]
    disagreement: float  # root mean square over pixels of their deviation over starts; NaN for one
    curve: Floats  # (n, S) feature error at each evaluation; a start that needs fewer stays at its last
    stills: tuple[Still, ...]  # of the first start
    answers: tuple[Answer, ...]  # to each

    @property
    def numbers(self) -> int:
        """That the layer keeps."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Inversion:
    """The same picture rebuilt from several layers, those that are begun."""

    image: Bytes  # (H, W, C)
    layers: tuple[str, ...]  # all that were asked for
    rebuilt: tuple[Rebuilt, ...]
    answer: Answer
    label: int | None
    classes: tuple[str, ...]
    note: str
    step: int | None
    share: float


@dataclass(frozen=True)
class Styled:
    """One picture's content in another's style."""

    content_layer: str
    style_layers: tuple[str, ...]
    content: Bytes  # (H, W, C)
    style: Bytes  # (H, W, C)
    image: Bytes  # (H, W, C) as it is now
    stills: tuple[Still, ...]
    content_loss: Floats  # (n,) at each evaluation, without its weight
    style_loss: Floats  # (n,)
    tv_loss: Floats  # (n,)
    by_layer: Floats  # (layers, 2) style error at the start, and now
    answers: tuple[Answer, Answer]  # to the content, and to the picture now
    weights: tuple[float, float]  # of style and total variation; content has 1
    classes: tuple[str, ...]
    note: str
    step: int | None
    share: float

    @property
    def total(self) -> Floats:
        """(n,) what is made small."""
        total: Floats = (
            self.content_loss + self.weights[0] * self.style_loss + self.weights[1] * self.tv_loss
        )
        return total
