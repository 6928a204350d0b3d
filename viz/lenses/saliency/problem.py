"""What is explained: a network as a function of the image with one number an image, and the images.

Captum, our own methods and the measures of trust all take the same `Problem`, for one image or
many. The number may be a class's logit, the difference of two, or the activation of a unit or a
channel of any layer. Logits, not probabilities: a softmax lets the other classes speak, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from data.catalogue import DatasetInfo
from models.separate import separate
from viz.lenses.context import Subject
from viz.lenses.recorder import replace_outputs
from viz.lenses.registry import LensError


@dataclass(frozen=True)
class Aim:
    """Which number is explained. Without a layer: the logit of each image's class."""

    layer: str | None = None  # dotted name
    channel: int = 0
    unit: tuple[int, int] | None = None  # (row, column); None: the mean of the channel


class Explained(nn.Module):
    """`net` with one number an image: `forward(images, classes) -> (N,)`.

    Args:
        net: (N, C, H, W) to logits (N, K).
        aim: which number.
    """

    def __init__(self, net: nn.Module, aim: Aim) -> None:
        super().__init__()
        self.net = net
        self.aim = aim

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        """The number of each image.

        Args:
            images: (N, C, H, W), normalised.
            classes: int64 (N, 1): the class; (N, 2): the class and the one it is held against. Not
                used where the aim is a layer. Captum repeats it with the images.
        """
        if self.aim.layer is None:
            logits: Tensor = self.net(images)  # (N, K)
            chosen = logits.gather(1, classes)  # (N, 1 or 2)
            return chosen.squeeze(1) if chosen.shape[1] == 1 else chosen[:, 0] - chosen[:, 1]
        kept: list[Tensor] = []

        def keep(output: Tensor) -> Tensor:
            kept.append(output)
            return output

        with replace_outputs(self.net, {self.aim.layer: keep}):
            self.net(images)
        return _number(kept[-1], self.aim)


@dataclass(frozen=True)
class Problem:
    """A function, the images it is explained at, and what methods may use besides."""

    explained: Explained
    images: Tensor  # (N, C, H, W), normalised
    classes: Tensor  # int64 (N, 1 or 2)
    info: DatasetInfo
    layer: str | None = None  # that a class activation map is made of
    settings: Mapping[str, Any] | None = None  # of the method, complete and checked
    references: Tensor | None = None  # (R, C, H, W) other images of the data set, normalised
    loaded: Explained | None = None  # the same of the network as it was loaded

    @property
    def quick(self) -> Explained:
        """The same function for whoever hooks no activation.

        Of the network as it was loaded, where activations may work in place, which is quicker; its
        layers may have other names, so it does not serve to explain one.
        """
        return self.explained if self.loaded is None else self.loaded

    @property
    def net(self) -> nn.Module:
        """The network without the choice of a number."""
        return self.explained.net

    def at(self, index: slice | Tensor) -> Problem:
        """The same for some of the images."""
        return replace(self, images=self.images[index], classes=self.classes[index])

    @torch.no_grad()
    def scores(self, images: Tensor | None = None) -> Tensor:
        """The numbers (N,) of these images, default: the problem's own."""
        found: Tensor = self.explained(self.images if images is None else images, self.classes)
        return found


def make_problem(
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    *,
    aim: Aim | None = None,
    layer: str | None = None,
    settings: Mapping[str, Any] | None = None,
    references: Tensor | None = None,
) -> Problem:
    """A problem on a network in which every activation is a module of its own, so that hooks and
    backward rules are exact; its parameters are those of `subject.net`, without gradients.

    Args:
        subject: the network.
        images: (N, C, H, W), normalised.
        classes: int64 (N,), (N, 1) or (N, 2).
        aim, layer, settings, references: see Problem.
    """
    net = separate(subject.net, images[:1]).net
    columns = classes[:, None] if classes.ndim == 1 else classes
    explained = Explained(net, aim or Aim())
    loaded = Explained(subject.net, Aim()) if aim is None or aim.layer is None else None
    return Problem(explained, images, columns, subject.info, layer, settings, references, loaded)


def read_target(
    target: Mapping[str, Any] | None, probs: Tensor, names: Sequence[str]
) -> tuple[Aim, list[int]]:
    """What a request wants explained: `{}` or None the most probable class, `{"class": 3}`,
    `{"class": 3, "against": 5}`, `{"layer": "features.3", "channel": 7}` with or without
    `"unit": [row, column]`.

    Args:
        target: of the request.
        probs: (K,) of the image.
        names: of the classes.

    Returns:
        The aim, and the class, or the class and the other one.

    Raises:
        LensError: one sentence: no such class, or it makes no sense.
    """
    given = dict(target or {})
    best = int(probs.nan_to_num(-1).argmax())
    if "layer" in given:
        unit = given.get("unit")
        channel = given.get("channel", 0)
        fits = _whole(channel) and (
            unit is None
            or (isinstance(unit, list | tuple) and len(unit) == 2 and all(map(_whole, unit)))
        )
        if not isinstance(given["layer"], str) or not fits:
            raise LensError(
                f"{str(given)[:80]} names no unit: give layer, channel and, if wanted, unit as row "
                "and column."
            )
        return Aim(given["layer"], channel, None if unit is None else (unit[0], unit[1])), [best]
    chosen = [_class(given.get("class", best), names)]
    if given.get("against") is not None:
        chosen.append(_class(given["against"], names))
        if chosen[0] == chosen[1]:
            raise LensError(
                f"{names[chosen[0]]} cannot be held against itself: choose two classes."
            )
    return Aim(), chosen


def check_aim(subject: Subject, aim: Aim, output: Tensor) -> None:
    """Whether `output` (N, C, H, W) or (N, C) of the aim's layer has such a unit.

    Raises:
        LensError: it has not.
    """
    sizes = tuple(output.shape[1:])
    wanted = (aim.channel, *(aim.unit or ()))
    if len(wanted) > len(sizes) or any(at >= n for at, n in zip(wanted, sizes, strict=False)):
        raise LensError(
            f"{aim.layer} of {subject.title} has no unit {list(wanted)}: its output is "
            f"{'×'.join(map(str, sizes))}, counted from 0."
        )


def _number(output: Tensor, aim: Aim) -> Tensor:
    """(N,) of a layer's output (N, C, …)."""
    channel = output[:, aim.channel]
    if aim.unit is not None:
        return channel[:, aim.unit[0], aim.unit[1]]
    return channel.flatten(1).mean(1) if channel.ndim > 1 else channel


def _class(value: Any, names: Sequence[str]) -> int:
    if not _whole(value) or value >= len(names):
        raise LensError(
            f"There is no class {str(value)[:40]}: this network knows {len(names)}, counted from 0."
        )
    return int(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
