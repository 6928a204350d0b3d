"""DeepDream: a picture is changed so that a layer sees more of what it already sees in it.

Mordvintsev, Olah and Tyka, "Inceptionism: going deeper into neural networks" and the notebook
"Deep Dream", Google Research 2015: gradient ascent on the mean square of a layer's activations,
each step divided by the gradient's mean size, on a picture that is rolled by some pixels before
each step. It dreams at several sizes (octaves), the smallest first; what it has added is enlarged
and put back onto the sharper picture of the next, so that dreams have detail at every scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz.lenses.context import LensContext
from viz.lenses.pace import Pace
from viz.lenses.registry import LensError, lens
from viz.lenses.visualize.goals import as_maps
from viz.lenses.visualize.memory import room
from viz.lenses.visualize.studio import (
    Film,
    Scene,
    leaf_kinds,
    open_scene,
    picture_of,
    picture_words,
    resize,
    row,
)
from viz.results.dream import Answer, Dream
from viz.visualization.makers import DREAM, SMALLEST, dream_layer, read, suited

_MOST_CHANNELS = 64


@lens("deep_dream")
def deep_dream(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    channels: Sequence[int] | None = None,
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Dream]:
    """The picture as it is dreamed into, octave by octave.

    Args:
        context: of the worker.
        model: a model reference.
        image: an image reference.
        layer: dotted name; default: a convolution at two thirds of the network.
        channels: of the layer; default: all.
        settings: of `viz.visualization.makers.DREAM`, where they are not the default.
        dataset: what random weights are made for.

    Raises:
        LensError: one sentence: no such layer or channel, nothing in the picture excites it, or the
            memory is not enough.
    """
    shape = context.subject(model, dataset).info.shape
    chosen = read(DREAM, {**suited(DREAM, shape), **(settings or {})})
    with room(picture_words(chosen["size"], shape)):
        scene = open_scene(context, model, image, chosen["size"], dataset)
        if "size" not in (settings or {}) and not _takes(scene, layer):
            scene = open_scene(context, model, image, 0, dataset)
        yield from _dreamed(scene, layer, channels, chosen)


def _dreamed(
    scene: Scene, layer: str | None, channels: Sequence[int] | None, chosen: dict[str, Any]
) -> Iterator[Dream]:
    name = layer or _default_layer(scene)
    calls = scene.calls([name])
    with torch.no_grad():
        maps = as_maps(scene.outputs(scene.image, calls)[name])
    used = _channels(channels, name, maps.shape[1])
    before = float(excitement(maps, used))
    if not math.isfinite(before):
        raise LensError(f"{name} no longer puts out numbers: choose an earlier moment.")
    sizes = octave_sizes(scene.size, chosen["octaves"], chosen["scale"])
    sizes = [size for size in sizes if size == scene.size or _runs(scene, calls, size)]
    dreamer = _Dreamer(scene, calls, used, chosen)
    film, pace = Film(len(sizes) * chosen["steps"]), Pace(at_once=True)
    [answer] = scene.answer(scene.image)
    module = scene.subject.net.get_submodule(name)
    fewer = chosen["octaves"] - len(sizes)

    def result(after: float, answered: Answer | None, share: float) -> Dream:
        return Dream(
            layer=name,
            kind=type(module).__name__,
            channels=tuple(used),
            num_channels=maps.shape[1],
            before=picture_of(scene.image[0]),
            image=picture_of(dreamer.picture[0]),
            stills=film.stills,
            octaves=tuple(sizes),
            objective=row(dreamer.objective),
            octave=np.array(dreamer.octave, np.int64),
            excited=(before, after),
            answers=(answer, answered),
            classes=scene.subject.info.classes,
            note=f"{scene.note} {_left_out(fewer)}".strip(),
            step=scene.subject.step,
            share=share,
        )

    total = len(sizes) * chosen["steps"]
    detail = torch.zeros(1, scene.image.shape[1], *sizes[0])
    for octave, size in enumerate(sizes):
        base = resize(scene.image, size)
        dreamer.begin(octave, (base + _enlarge(detail, size)).clamp(0, 1))
        words = f"octave {octave + 1} of {len(sizes)}, {size[1]}×{size[0]} pixels"
        for _ in range(chosen["steps"]):
            film.take(len(dreamer.objective), words, dreamer.picture[0])
            dreamer.step()
            done = len(dreamer.objective)
            if pace.due() and done < total:
                yield result(math.nan, None, done / total)
        detail = dreamer.picture - base
    if not dreamer.moved:
        raise LensError(
            f"Nothing in this picture excites {_what(used)} {name}, so there is nothing to dream "
            "more of: choose another picture, other channels, or a layer before the ReLU."
        )
    film.take(total, "done", dreamer.picture[0], last=True)
    with torch.no_grad():
        after = float(excitement(as_maps(scene.outputs(dreamer.picture, calls)[name]), used))
    [answered] = scene.answer(dreamer.picture)
    yield result(after, answered, 1.0)


def excitement(maps: Tensor, channels: Sequence[int]) -> Tensor:
    """Mean square of the activations (1, C, h, w), of some channels or of all."""
    return (maps[:, list(channels)] if channels else maps).square().mean()


def octave_sizes(size: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """(h, w) of each octave, the smallest first and `size` last; those with a side below `SMALLEST`
    pixels are left out, as nothing has shape there."""
    found = [
        (round(size[0] / scale**back), round(size[1] / scale**back))
        for back in range(octaves - 1, 0, -1)
    ]
    return [each for each in dict.fromkeys(found) if min(each) >= SMALLEST and each != size] + [
        size
    ]


class _Dreamer:
    """Steps uphill on one picture."""

    def __init__(
        self, scene: Scene, calls: dict[str, int], channels: Sequence[int], chosen: dict[str, Any]
    ) -> None:
        self.picture = scene.image.clone()  # (1, C, h, w) in [0, 1]
        self.objective: list[Tensor] = []
        self.octave: list[int] = []
        self.moved = False  # whether there was ever a gradient
        self._scene, self._calls, self._channels = scene, calls, channels
        self._rate, self._jitter = chosen["rate"] / 255, chosen["jitter"]
        self._generator = torch.Generator().manual_seed(chosen["seed"])
        self._at = 0

    def begin(self, octave: int, picture: Tensor) -> None:
        """Go on with `picture` at another size."""
        self._at, self.picture = octave, picture

    def step(self) -> None:
        """One step; without a gradient the picture stays as it is."""
        reach = min(self._jitter, min(self.picture.shape[2:]) // 4)
        roll = torch.randint(-reach, reach + 1, (2,), generator=self._generator).tolist()
        rolled = self.picture.roll(roll, (2, 3)).requires_grad_()
        [(_, output)] = self._scene.outputs(rolled, self._calls).items()
        value = excitement(as_maps(output), self._channels)
        (gradient,) = torch.autograd.grad(value, rolled, allow_unused=True)
        self.objective.append(value.detach())
        self.octave.append(self._at)
        size = 0.0 if gradient is None else float(gradient.abs().mean())
        if gradient is None or not 0 < size < math.inf:
            return
        self.moved = True
        rolled = rolled.detach() + self._rate / size * gradient
        self.picture = rolled.clamp(0, 1).roll([-each for each in roll], (2, 3))


def _default_layer(scene: Scene) -> str:
    found = dream_layer(leaf_kinds(scene.subject.net))
    if found is None:
        raise LensError(f"{scene.subject.title} has no convolution: name a layer to dream with.")
    return found


def _channels(asked: Sequence[int] | None, layer: str, there: int) -> list[int]:
    channels = list(asked or [])
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in channels)
    if (
        len(channels) > _MOST_CHANNELS
        or not whole
        or not all(0 <= each < there for each in channels)
    ):
        raise LensError(
            f"{layer} has no channels {str(channels)[:40]}: choose up to {_MOST_CHANNELS} numbers "
            f"below {there}, counted from 0."
        )
    return sorted(set(channels))


def _takes(scene: Scene, layer: str | None) -> bool:
    """Whether the layer, or the default, can be asked at the scene's size."""
    return _runs(scene, scene.calls([layer or _default_layer(scene)]), scene.size)


def _runs(scene: Scene, calls: dict[str, int], size: tuple[int, int]) -> bool:
    """Whether the layer can be asked at this size at all; a matter of shapes, not of memory."""
    try:
        with torch.no_grad():
            scene.outputs(resize(scene.image, size), calls)
    except LensError:
        return False
    return True


def _enlarge(detail: Tensor, size: tuple[int, int]) -> Tensor:
    """What was added (1, C, h, w), may be negative, at the size of the next octave."""
    if tuple(detail.shape[2:]) == size:
        return detail
    found: Tensor = nn.functional.interpolate(
        detail, size=size, mode="bilinear", align_corners=False
    )
    return found


def _left_out(count: int) -> str:
    if not count:
        return ""
    many = "1 octave is" if count == 1 else f"{count} octaves are"
    return f"{many} left out: too small for anything to have shape there, or for this layer."


def _what(channels: Sequence[int]) -> str:
    if not channels:
        return "any channel of"
    many = "channel" if len(channels) == 1 else "channels"
    return f"{many} {', '.join(map(str, channels[:6]))} of"
