"""Feature inversion: the picture is rebuilt from nothing but what one layer makes of it.

Mahendran and Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015: of
all pictures, look for one for which the layer puts out the same, with a prior that asks for smooth
pictures. What comes back wrong is what the layer has thrown away; where two different starts end in
different pictures, the layer does not say which is right, so each start has an optimiser of its own.
(Dosovitskiy and Brox, "Inverting visual representations with convolutional networks", CVPR 2016,
learn the way back instead, which shows the average of the pictures that would do.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.pace import Pace
from viz.lenses.registry import LensError, lens
from viz.lenses.visualize.canvas import Canvas
from viz.lenses.visualize.colors import Colors, measure_colors
from viz.lenses.visualize.memory import room
from viz.lenses.visualize.penalties import total_variation
from viz.lenses.visualize.probe import to_bytes
from viz.lenses.visualize.studio import (
    AT_ONCE,
    Film,
    Scene,
    leaf_kinds,
    open_scene,
    picture_of,
    picture_words,
    row,
)
from viz.results import Floats
from viz.results.dream import Inversion, Rebuilt
from viz.visualization.makers import INVERSION, MOST_LAYERS, inversion_layers, read, suited


@lens("feature_inversion")
def feature_inversion(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layers: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Inversion]:
    """The picture rebuilt from each layer in turn, from several starts.

    Args:
        context: of the worker.
        model: a model reference.
        image: an image reference.
        layers: up to `MOST_LAYERS` dotted names; default: a few over the whole network.
        settings: of `viz.visualization.makers.INVERSION`, where they are not the default.
        dataset: what random weights are made for.

    Raises:
        LensError: one sentence: no such layer, one that puts out nothing for this picture, or the memory
            is not enough.
    """
    shape = context.subject(model, dataset).info.shape
    chosen = read(INVERSION, {**suited(INVERSION, shape), **(settings or {})})
    with room(picture_words(chosen["size"], shape)):
        scene = open_scene(context, model, image, chosen["size"], dataset)
        colors = measure_colors(context, scene.subject)
        yield from _rebuilt(scene, _layers(scene, layers), colors, chosen)


def _rebuilt(
    scene: Scene, names: Sequence[str], colors: Colors, chosen: Mapping[str, Any]
) -> Iterator[Inversion]:
    [answer] = scene.answer(scene.image)
    whole = Inversion(
        image=picture_of(scene.image[0]),
        layers=tuple(names),
        rebuilt=(),
        answer=answer,
        label=scene.label,
        classes=scene.subject.info.classes,
        note=scene.note,
        step=scene.subject.step,
        share=0.0,
    )
    pace = Pace(at_once=True)
    for place, name in enumerate(names):
        way = _Way(scene, name, colors, chosen)
        made = 0
        while made < chosen["steps"]:
            made = way.go(made)
            share = (place + made / chosen["steps"]) / len(names)
            if pace.due() and share < 1:
                yield replace(whole, rebuilt=(*whole.rebuilt, way.result()), share=share)
        whole = replace(whole, rebuilt=(*whole.rebuilt, way.result(done=True)))
    yield replace(whole, share=1.0)


@dataclass(frozen=True)
class Target:
    """What a layer makes of the picture, and how to tell how far another is from that."""

    values: Tensor  # (1, …)
    size: float  # its norm

    def error(self, outputs: Tensor) -> Tensor:
        """(N,) ‖f(x) − f(x₀)‖² / ‖f(x₀)‖² of outputs (N, …)."""
        return (outputs - self.values).flatten(1).square().sum(1) / self.size**2


class _Start:
    """One picture on its way from noise, alone: a shared line search would let one start change the
    others, and what they then have in common would not be the layer's doing."""

    def __init__(
        self, error: Callable[[Tensor], Tensor], canvas: Canvas, tv: float, steps: int
    ) -> None:
        self._error, self._canvas, self._tv = error, canvas, tv
        self._optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
            [canvas.numbers], history_size=20, line_search_fn="strong_wolfe"
        )
        self.curve: list[Tensor] = []  # () feature error at each evaluation
        self.film = Film(steps)

    def go(self, count: int) -> None:
        """`count` iterations."""
        for group in self._optimiser.param_groups:
            group["max_iter"], group["max_eval"] = count, 2 * count + 1
        self._optimiser.step(self._evaluate)

    @torch.no_grad()
    def picture(self) -> Tensor:
        """(1, C, H, W) in [0, 1] as it is now."""
        return self._canvas.image()

    def _evaluate(self) -> float:
        image = self._canvas.image()
        error = self._error(image)
        loss = error.sum() + self._tv * total_variation(image).sum()
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.curve.append(error[0].detach().sqrt())
        return float(loss.detach())


class _Way:
    """From noise to pictures that the layer cannot tell from the real one."""

    def __init__(self, scene: Scene, layer: str, colors: Colors, chosen: Mapping[str, Any]) -> None:
        self._scene, self._layer, self._steps = scene, layer, chosen["steps"]
        self._calls = scene.calls([layer])
        with torch.no_grad():
            values = scene.outputs(scene.image, self._calls)[layer]
        size = float(values.norm())
        if not 0 < size < math.inf:
            raise LensError(
                f"{layer} puts out only zeros, or no finite numbers, for this picture, so there is "
                "nothing to rebuild it from: choose an earlier layer or another picture."
            )
        self._target = Target(values, size)
        generator = torch.Generator().manual_seed(chosen["seed"])  # each start goes on in it
        self._starts: list[_Start] = []
        _, channels, height, width = scene.image.shape
        for _ in range(chosen["seeds"]):
            canvas = Canvas((1, channels, height, width), colors, basis=chosen["basis"])
            canvas.start(generator)
            self._starts.append(_Start(self._error, canvas, chosen["tv"], self._steps))

    def go(self, made: int) -> int:
        """Some iterations of every start, after so many; how many are made now."""
        count: int = min(AT_ONCE, self._steps - made)
        first = self._starts[0]
        first.film.take(made, f"{self._layer}, step {made}", first.picture()[0])
        for start in self._starts:
            start.go(count)
        return made + count

    def _error(self, image: Tensor) -> Tensor:
        """(1,) of a picture (1, C, H, W)."""
        return self._target.error(self._scene.outputs(image, self._calls)[self._layer])

    @torch.no_grad()
    def result(self, *, done: bool = False) -> Rebuilt:
        """As far as it is now."""
        first = self._starts[0]
        if done:
            first.film.take(self._steps, f"{self._layer}, done", first.picture()[0], last=True)
        images = torch.cat([start.picture() for start in self._starts])
        between = images.std(0, correction=0).square().mean().sqrt()
        module = self._scene.subject.net.get_submodule(self._layer)
        return Rebuilt(
            layer=self._layer,
            kind=type(module).__name__,
            shape=tuple(self._target.values.shape[1:]),
            images=to_pictures(to_bytes(images)),
            feature_error=to_floats(
                torch.cat([self._error(each) for each in torch.split(images, 1)]).sqrt()
            ),
            psnr=to_floats(psnr(images, self._scene.image)),
            disagreement=float(between) if len(images) > 1 else math.nan,
            curve=_side_by_side([row(start.curve) for start in self._starts]),
            stills=first.film.stills,
            answers=tuple(self._scene.answer(images)),
        )


def _side_by_side(curves: Sequence[Floats]) -> Floats:
    """(n, S) of S curves, those that ended sooner held at their last value."""
    longest = max(map(len, curves))
    return np.stack(
        [np.pad(each, (0, longest - len(each)), mode="edge") for each in curves], axis=1
    )


def psnr(images: Tensor, original: Tensor) -> Tensor:
    """(N,) peak signal-to-noise ratio in dB of (N, C, H, W) in [0, 1]: −10 log₁₀ of the mean square
    error; infinite where there is none."""
    return -10 * (images - original).square().flatten(1).mean(1).log10()


def _layers(scene: Scene, asked: Sequence[str] | None) -> list[str]:
    if asked is None:
        asked = inversion_layers(leaf_kinds(scene.subject.net))
    names = list(dict.fromkeys(asked))
    if not 0 < len(names) <= MOST_LAYERS:
        raise LensError(f"{len(names)} layers were chosen: choose 1 to {MOST_LAYERS}.")
    with torch.no_grad():
        scene.outputs(scene.image, scene.calls(names))  # says at once which cannot be asked
    return names
