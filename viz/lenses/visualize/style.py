"""Style transfer: a picture that deep layers take for one picture and whose textures are another's.

Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016. The
content is one layer's activations, the style the Gram matrices of several: which channels are
active together, wherever that is. Both losses are divided by the size of what they compare to, and
style layers count alike, so that one weight means the same for networks whose activations have
other sizes than those of VGG-19, which the paper chose its weights for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from viz.lenses.context import LensContext
from viz.lenses.pace import Pace
from viz.lenses.recorder import record_part
from viz.lenses.registry import LensError, lens
from viz.lenses.visualize.canvas import Canvas
from viz.lenses.visualize.colors import Colors, measure_colors
from viz.lenses.visualize.goals import as_maps
from viz.lenses.visualize.memory import room
from viz.lenses.visualize.penalties import gram, total_variation
from viz.lenses.visualize.studio import (
    AT_ONCE,
    Film,
    Scene,
    leaf_kinds,
    open_scene,
    picture_of,
    picture_words,
    read_picture,
    row,
)
from viz.results.dream import Styled
from viz.visualization.makers import MOST_LAYERS, STYLE, read, suited
from viz.visualization.makers import style_layers as default_layers


@lens("style_transfer")
def style_transfer(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    style: str,
    content_layer: str | None = None,
    style_layers: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Styled]:
    """The content of `image` in the style of another picture.

    Args:
        context: of the worker.
        model: a model reference.
        image: an image reference, the content.
        style: an image reference.
        content_layer: dotted name; default: two thirds into the network.
        style_layers: up to `MOST_LAYERS` dotted names; default: a few up to there and beyond.
        settings: of `viz.visualization.makers.STYLE`, where they are not the default.
        dataset: what random weights are made for.

    Raises:
        LensError: one sentence: no such layer, one that puts out nothing for a picture, or the memory is
            not enough.
    """
    shape = context.subject(model, dataset).info.shape
    chosen = read(STYLE, {**suited(STYLE, shape), **(settings or {})})
    with room(picture_words(chosen["size"], shape)):
        scene = open_scene(context, model, image, chosen["size"], dataset)
        painted, _, note = read_picture(context, style, scene.subject, chosen["size"])
        colors = measure_colors(context, scene.subject)
        yield from _painted(scene, (painted, note), colors, content_layer, style_layers, chosen)


def _painted(
    scene: Scene,
    style: tuple[Tensor, str],
    colors: Colors,
    content_layer: str | None,
    style_layers: Sequence[str] | None,
    chosen: Mapping[str, Any],
) -> Iterator[Styled]:
    painted, note = style
    usual, several = _places(scene)
    content = content_layer or usual
    names = list(dict.fromkeys(style_layers or several))
    if len(names) > MOST_LAYERS:
        raise LensError(f"{len(names)} style layers were chosen: choose 1 to {MOST_LAYERS}.")
    losses = Losses(scene, painted, content, names)
    way = _Way(scene, painted, colors, losses, chosen)
    [answer] = scene.answer(scene.image)
    film, pace = Film(chosen["steps"]), Pace(at_once=True)

    def result(share: float) -> Styled:
        picture = way.picture()
        return Styled(
            content_layer=content,
            style_layers=tuple(names),
            content=picture_of(scene.image[0]),
            style=picture_of(painted[0]),
            image=picture_of(picture[0]),
            stills=film.stills,
            content_loss=row(way.content),
            style_loss=row(way.style),
            tv_loss=row(way.tv),
            by_layer=row([way.first, losses.by_layer(picture)]).T.copy(),
            answers=(answer, scene.answer(picture)[0]),
            weights=way.weights,
            classes=scene.subject.info.classes,
            note=" ".join(dict.fromkeys(each for each in (scene.note, note) if each)),
            step=scene.subject.step,
            share=share,
        )

    made = 0
    while made < chosen["steps"]:
        film.take(made, f"step {made}", way.picture()[0])
        made += way.go(min(way.stride, chosen["steps"] - made))
        if pace.due() and made < chosen["steps"]:
            yield result(made / chosen["steps"])
    film.take(made, "done", way.picture()[0], last=True)
    yield result(1.0)


class Losses:
    """How far a picture is from the content of one and from the style of another."""

    def __init__(self, scene: Scene, painted: Tensor, content: str, style: Sequence[str]) -> None:
        self._scene, self._content, self._style = scene, content, tuple(style)
        self._calls = scene.calls(list(dict.fromkeys([content, *style])))
        with torch.no_grad():
            there = scene.outputs(scene.image, self._calls)[content]
            grams = self._grams(scene.outputs(painted, self._calls))
        self._there = _Reference(there, f"{content} puts out only zeros for the content picture")
        self._grams_there = [
            _Reference(found, f"{name} puts out only zeros for the style picture")
            for name, found in zip(style, grams, strict=True)
        ]

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Content, style and total variation of (1, C, H, W) in [0, 1], with gradients."""
        outputs = self._scene.outputs(picture, self._calls)
        content = self._there.distance(outputs[self._content])
        return content, self._errors(outputs).mean(), total_variation(picture)[0]

    @torch.no_grad()
    def by_layer(self, picture: Tensor) -> Tensor:
        """(layers,) style error of each layer."""
        return self._errors(self._scene.outputs(picture, self._calls))

    def _errors(self, outputs: Mapping[str, Tensor]) -> Tensor:
        pairs = zip(self._grams_there, self._grams(outputs), strict=True)
        return torch.stack([there.distance(found) for there, found in pairs])

    def _grams(self, outputs: Mapping[str, Tensor]) -> list[Tensor]:
        return [gram(as_maps(outputs[name])) for name in self._style]


class _Reference:
    """Numbers to come near to."""

    def __init__(self, values: Tensor, trouble: str) -> None:
        self._values = values
        self._size = values.square().sum()
        if not (float(self._size) > 0 and bool(self._size.isfinite())):
            raise LensError(f"{trouble}, or no finite numbers: choose another layer or picture.")

    def distance(self, values: Tensor) -> Tensor:
        """‖a − b‖² / ‖b‖²."""
        return (values - self._values).square().sum() / self._size


class _Way:
    """The picture, and the optimiser that moves it."""

    def __init__(
        self,
        scene: Scene,
        painted: Tensor,
        colors: Colors,
        losses: Losses,
        chosen: Mapping[str, Any],
    ) -> None:
        channels, height, width = scene.image.shape[1:]
        waves = chosen["basis"] == "fourier"
        self._canvas = Canvas(
            (1, channels, height, width), colors, basis=chosen["basis"], decorrelate=waves
        )
        generator = torch.Generator().manual_seed(chosen["seed"])
        if chosen["start"] == "noise":
            self._canvas.start(generator, noise=1.0)
        else:
            self._canvas.fill(scene.image if chosen["start"] == "content" else painted)
        self._losses = losses
        self.weights = (10.0 ** chosen["style"], float(chosen["tv"]))
        self.content: list[Tensor] = []
        self.style: list[Tensor] = []
        self.tv: list[Tensor] = []
        self.first = losses.by_layer(self.picture())
        self._lbfgs = chosen["optimiser"] == "lbfgs"
        self.stride = AT_ONCE if self._lbfgs else 1
        self._optimiser: torch.optim.Optimizer = (
            torch.optim.LBFGS(
                [self._canvas.numbers], line_search_fn="strong_wolfe", history_size=20
            )
            if self._lbfgs
            else torch.optim.Adam([self._canvas.numbers], lr=chosen["rate"])
        )

    @torch.no_grad()
    def picture(self) -> Tensor:
        """(1, C, H, W) in [0, 1] as it is now."""
        return self._canvas.image()

    def go(self, steps: int) -> int:
        """So many iterations; how many that were."""
        for group in self._optimiser.param_groups:
            if self._lbfgs:
                group["max_iter"], group["max_eval"] = steps, 2 * steps + 1
        self._optimiser.step(self._evaluate)
        return steps

    def _evaluate(self) -> float:
        self._optimiser.zero_grad()
        content, style, tv = self._losses(self._canvas.image())
        total = content + self.weights[0] * style + self.weights[1] * tv
        total.backward()
        self.content.append(content.detach())
        self.style.append(style.detach())
        self.tv.append(tv.detach())
        return float(total.detach())


def _places(scene: Scene) -> tuple[str, list[str]]:
    """Where content and style are read unless somebody chooses."""
    counts: Counter[str] = Counter()
    found: list[tuple[str, str]] = []

    def note(name: str, output: Tensor) -> None:
        counts[name] += 1
        if output.ndim == 4 and counts[name] == 1:
            found.append((name, kinds[name]))

    kinds = dict(leaf_kinds(scene.subject.net))
    blank = torch.zeros(1, *scene.subject.info.shape)
    with record_part(scene.subject.net, kinds, note), torch.no_grad():
        scene.subject.net(blank)
    content, style = default_layers(found)
    if not content:
        raise LensError(
            f"{scene.subject.title} has no convolution: name layers to read content and style from."
        )
    return content, style
