"""What making a picture from a picture needs besides an objective: the picture at a size of one's
own, layers to choose from, and stills of the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from viz.lenses.arrays import to_floats
from viz.lenses.batching import is_out_of_memory
from viz.lenses.context import LensContext, Subject
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError
from viz.lenses.unit_gradients import count_calls
from viz.lenses.visualize.probe import as_input, layer_outputs, to_bytes
from viz.results import Bytes
from viz.results.dream import Answer, Still
from viz.visualization.makers import SMALLEST

MOST_STILLS: Final = 16
AT_ONCE: Final = 4  # iterations of L-BFGS between two looks at the clock


@dataclass(frozen=True)
class Scene:
    """A network and the picture that is worked on."""

    subject: Subject
    image: Tensor  # (1, C, H, W) in [0, 1]
    label: int | None
    note: str
    any_size: bool = True  # whether the network answers to pictures of this size

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the picture."""
        return self.image.shape[2], self.image.shape[3]

    def outputs(self, images: Tensor, calls: Mapping[str, int]) -> dict[str, Tensor]:
        """What layers put out for pictures (N, C, H, W) in [0, 1], with gradients.

        Raises:
            LensError: one of them cannot, at this size.
            RuntimeError: the memory ran out.
        """
        try:
            found = layer_outputs(self.subject.net, as_input(images, self.subject.info), calls)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise self._wrong_size(images, next(iter(calls)), error) from error
        for name in calls:
            if name not in found or found[name].ndim not in (2, 4) or not found[name].numel():
                raise LensError(
                    f"{name} puts out neither maps nor a row of numbers: choose another layer."
                )
        return found

    def calls(self, names: Sequence[str]) -> dict[str, int]:
        """How often the network runs each layer, for `outputs`.

        Raises:
            LensError: there is no such layer.
        """
        known = dict(self.subject.net.named_modules())
        for name in names:
            if not isinstance(name, str) or not name or name not in known:
                some = [each for each, module in known.items() if each and not module._modules][:12]
                raise LensError(
                    f"{self.subject.title} has no layer {str(name)[:60]!r}; it has {', '.join(some)}, …."
                )
        return {name: count_calls(self.subject, name) for name in names}

    @torch.no_grad()
    def answer(self, images: Tensor) -> list[Answer]:
        """What the network says to pictures (N, C, H, W) in [0, 1] of the scene's size, one at a time; at
        its own size where it takes no other, as the note says.

        Raises:
            RuntimeError: the memory ran out.
        """
        info = self.subject.info
        shown = images if self.any_size else resize(images, info.shape[1:])
        logits = [
            self.subject.net(as_input(each, info)).flatten(1) for each in torch.split(shown, 1)
        ]
        shares, best = torch.softmax(torch.cat(logits), 1).max(1)
        return [
            Answer(index, share)
            for index, share in zip(best.tolist(), shares.tolist(), strict=True)
        ]

    def _answers(self) -> bool:
        """Whether the network runs to its end at the scene's size."""
        if self.size == tuple(self.subject.info.shape[1:]):
            return True
        try:
            with torch.no_grad():
                self.subject.net(as_input(self.image, self.subject.info))
        except RuntimeError as error:  # torch's, for shapes that do not fit
            if is_out_of_memory(error):
                raise
            return False
        return True

    def noted(self) -> Scene:
        """The same, knowing whether the network answers at this size, and saying so where it does not."""
        if self._answers():
            return self
        height, width = self.subject.info.shape[1:]
        note = (
            f"Answers are to the pictures shrunk or enlarged to {width}×{height} pixels, the only size for "
            "which the network has one."
        )
        return replace(self, any_size=False, note=f"{self.note} {note}".strip())

    def _wrong_size(self, images: Tensor, layer: str, error: RuntimeError) -> LensError:
        own = self.subject.info.shape
        height, width = images.shape[2:]
        if (height, width) == tuple(own[1:]):
            return LensError(f"{layer} cannot be run ({str(error).splitlines()[0]}).")
        return LensError(
            f"{layer} of this network takes no pictures of {width}×{height} pixels: choose size 0, "
            f"which is {own[2]}×{own[1]}, or a layer before the first linear one."
        )


def open_scene(
    context: LensContext,
    model: str | None,
    image: str | None,
    size: int,
    dataset: Mapping[str, Any] | None,
) -> Scene:
    """The network that `model` names and the picture that `image` names, `size` pixels on its
    shorter side; 0: as the network takes it.

    A photo is fitted at that size; an image of a data set has no more pixels than it has, and is
    enlarged.

    Raises:
        LensError: one sentence: a size that is none.
        ValueError: one sentence: what references can be.
        RuntimeError: the memory ran out.
    """
    subject = context.subject(model, dataset)
    if size and size < SMALLEST:
        raise LensError(f"A picture of {size} pixels is too small: choose 0 or from {SMALLEST} on.")
    picture, label, note = read_picture(context, image, subject, size)
    return Scene(subject, picture, label, note).noted()


def read_picture(
    context: LensContext, image: str | None, subject: Subject, size: int
) -> tuple[Tensor, int | None, str]:
    """(1, C, H, W) in [0, 1], the class where it is known, and what was done to it."""
    info = subject.info
    channels, *own = info.shape
    grow = size / min(own) if size else 1.0
    height, width = (round(side * grow) for side in own)
    resized = None if info.resize is None else round(info.resize * grow)
    wanted = replace(info, shape=(channels, height, width), resize=resized)
    fitted, label = fit(context, image, replace(subject, info=wanted))
    picture = fitted.picture[None].float() / 255
    note = fitted.note
    if picture.shape[2:] != (height, width):
        there = "×".join(str(side) for side in reversed(picture.shape[2:]))
        note = f"{note} Enlarged from {there} pixels, all that this image has.".strip()
        picture = resize(picture, (height, width))
    return picture, label, note


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, H, W) in [0, 1] at another size (h, w)."""
    if tuple(images.shape[2:]) == tuple(size):
        return images
    method = {"mode": "bicubic", "align_corners": False, "antialias": True}
    return F.interpolate(images, size=tuple(size), **method).clamp(0, 1)  # type: ignore[arg-type]


def leaf_kinds(net: nn.Module) -> list[tuple[str, str]]:
    """(name, class name) of the innermost modules."""
    return [
        (name, type(module).__name__)
        for name, module in net.named_modules()
        if name and not module._modules
    ]


def picture_of(image: Tensor) -> Bytes:
    """One picture (C, H, W) in [0, 1] as it is shown, (H, W, C)."""
    found: Bytes = to_bytes(image).permute(1, 2, 0).contiguous().numpy()
    return found


def picture_words(size: int, shape: Sequence[int]) -> str:
    """What the memory has to hold, for a setting of size and the network's pictures (C, H, W)."""
    return f"a picture of {size or min(shape[1:])} pixels"


class Film:
    """Stills of an optimisation, evenly over its steps, no more than `MOST_STILLS` and the last."""

    def __init__(self, steps: int) -> None:
        self._every = max(1, -(-steps // MOST_STILLS))
        self._due = 0
        self.stills: tuple[Still, ...] = ()

    def take(self, step: int, words: str, image: Tensor, *, last: bool = False) -> None:
        """The picture (C, H, W) in [0, 1] before update `step`, if it is its turn."""
        if step < self._due and not last:
            return
        self._due = step + self._every
        kept = tuple(still for still in self.stills if still.step < step)
        self.stills = (*kept, Still(step, words, picture_of(image)))


def row(values: Sequence[Tensor]) -> Any:
    """Numbers of the steps made so far, as an array of 32-bit floats."""
    return to_floats(torch.stack(list(values))) if values else np.empty(0, np.float32)
