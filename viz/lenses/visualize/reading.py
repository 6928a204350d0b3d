"""A request's goal, as JSON, becomes a `Goal`; whatever is wrong with it becomes a sentence.

{"kind": "channel", "layer": "conv2", "channel": 3}      or "channels": [0, 1, 2], a picture each
{"kind": "unit", "layer": "conv2", "channel": 3, "unit": [4, 4]}        default: the middle
{"kind": "layer", "layer": "conv2"}
{"kind": "class", "class": 3}
{"kind": "direction", "layer": "conv2", "weights": [...]}               one a channel
{"kind": "direction", "layer": "conv2", "unit": [4, 4]}                 of the request's image
{"kind": "between", "ends": [goal, goal], "share": 0.5}  without share: a row from one to the other
{"kind": "joint", "parts": [goal, ...], "weights": [...]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.unit_gradients import count_calls
from viz.lenses.visualize.goals import (
    Goal,
    Part,
    as_maps,
    channel_part,
    class_part,
    direction_part,
    layer_part,
    unit_part,
)
from viz.lenses.visualize.probe import LOGITS, layer_outputs

KINDS: Final = ("channel", "unit", "layer", "class", "direction", "between", "joint")
MOST_PICTURES: Final = 64
_MOST_PARTS: Final = 8


@dataclass
class Reader:
    """Reads goals for one network and pictures of one size.

    Args:
        subject: the network.
        blank: (1, C, H, W) a picture of that size as the network takes it.
        image: (1, C, H', W') the request's image, for directions; None: there is none.
    """

    subject: Subject
    blank: Tensor
    image: Tensor | None
    calls: dict[str, int] = field(default_factory=dict)  # of every layer that was read
    _outputs: dict[str, Tensor] = field(default_factory=dict)

    def goal(self, given: Mapping[str, Any] | None, pictures: int) -> Goal:
        """The goal and how many pictures it makes.

        Raises:
            LensError: one sentence: no such layer, channel, unit or class, or it makes no sense.
        """
        asked = {"kind": "class"} if given is None else given
        kind = self._kind(asked)
        if kind == "channel" and "channels" in asked:
            part = self._channels(asked)
            return _alone(part)
        count = pictures
        if kind == "between":
            return self._between(asked, count)
        if kind == "joint":
            return self._joint(asked, count)
        return _alone(self._part(asked, count))

    def check_layer(self, name: object) -> str:
        """A layer that puts out something for the picture; it is run once and remembered."""
        layer = str(name)
        if (
            not isinstance(name, str)
            or not name
            or name not in dict(self.subject.net.named_modules())
        ):
            some = [each for each, _ in self.subject.net.named_modules() if each][:12]
            raise LensError(
                f"{self.subject.title} has no layer {layer[:60]!r}; it has {', '.join(some)}, …."
            )
        if layer not in self._outputs:
            self.calls[layer] = count_calls(self.subject, layer)
            with torch.no_grad():
                found = layer_outputs(self.subject.net, self.blank, {layer: self.calls[layer]})
            output = found.get(layer)
            if output is None or output.ndim not in (2, 4):
                raise LensError(
                    f"{layer} puts out neither maps nor a row of numbers: choose another layer."
                )
            self._outputs[layer] = output
        return layer

    def shape(self, layer: str) -> tuple[int, int, int]:
        """(C, H, W) of a checked layer."""
        maps = as_maps(self._outputs[layer])
        return maps.shape[1], maps.shape[2], maps.shape[3]

    def _kind(self, given: object) -> str:
        if not isinstance(given, Mapping) or given.get("kind") not in KINDS:
            raise LensError(f"{str(given)[:60]!r} is no goal: give a kind, {', '.join(KINDS)}.")
        return str(given["kind"])

    def _part(self, given: Mapping[str, Any], count: int) -> Part:
        match self._kind(given):
            case "class":
                index = self._class(given.get("class", 0))
                self.calls[LOGITS] = 1
                return class_part(index, self.subject.info.classes[index], count)
            case "layer":
                return layer_part(self.check_layer(given.get("layer")), count)
            case "channel":
                layer = self.check_layer(given.get("layer"))
                return channel_part(layer, [self._channel(layer, given.get("channel", 0))] * count)
            case "unit":
                layer = self.check_layer(given.get("layer"))
                channel = self._channel(layer, given.get("channel", 0))
                unit = self._unit(layer, given.get("unit"), self.shape(layer)[1:])
                return unit_part(layer, channel, unit, count)
            case "direction":
                return self._direction(given, count)
        raise LensError(f"A goal of kind {given['kind']} cannot be a part of another.")

    def _channels(self, given: Mapping[str, Any]) -> Part:
        layer = self.check_layer(given.get("layer"))
        channels = given["channels"]
        if not isinstance(channels, list | tuple) or not 0 < len(channels) <= MOST_PICTURES:
            raise LensError(
                f"{str(channels)[:40]!r} are no channels: give 1 to {MOST_PICTURES} numbers."
            )
        return channel_part(layer, [self._channel(layer, each) for each in channels])

    def _direction(self, given: Mapping[str, Any], count: int) -> Part:
        layer = self.check_layer(given.get("layer"))
        channels, *size = self.shape(layer)
        cosine = given.get("cosine", 1.0)
        if not _number(cosine) or not 0 <= cosine <= 8:
            raise LensError(f"The power of the cosine is {cosine!r}: choose a number from 0 to 8.")
        weights = given.get("weights")
        unit = given.get("unit")
        if weights is not None:
            if len(weights) != channels or not all(_number(each) for each in weights):
                raise LensError(
                    f"A direction in {layer} has {channels} numbers, one a channel; {len(weights)} "
                    "were given or one is no number."
                )
            found = torch.tensor([float(each) for each in weights])
            place = None if unit is None else self._unit(layer, unit, tuple(size))
            words = f"a direction of {layer}"
        else:
            found, place, words = self._direction_of_image(layer, unit, tuple(size))
        if not float(found.norm()) > 0:
            raise LensError(
                f"The direction in {layer} is 0 everywhere: choose another place or image."
            )
        return direction_part(layer, found, place, float(cosine), count, words)

    def _direction_of_image(
        self, layer: str, unit: object, size: tuple[int, ...]
    ) -> tuple[Tensor, tuple[int, int] | None, str]:
        """The activations of the request's image at a place, the place in a made picture, in words."""
        if self.image is None:
            raise LensError("A direction is given by weights or by an image: choose an image.")
        with torch.no_grad():
            output = layer_outputs(self.subject.net, self.image, {layer: self.calls[layer]})[layer]
        maps = as_maps(output)[0]  # (C, h, w)
        if unit is None:
            return maps.mean((1, 2)), None, f"what {layer} makes of the image"
        there = (maps.shape[1], maps.shape[2])
        row, column = self._unit(layer, unit, there)
        # The same place of a picture of another size.
        place = (row * size[0] // there[0], column * size[1] // there[1])
        return maps[:, row, column], place, f"{layer} at row {row}, column {column} of the image"

    def _between(self, given: Mapping[str, Any], count: int) -> Goal:
        ends, share = given.get("ends"), given.get("share")
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            raise LensError("A goal between two others needs two ends: give two goals as ends.")
        if share is not None and not (_number(share) and 0 <= share <= 1):
            raise LensError(f"The share is {share!r}: choose a number from 0 to 1.")
        shares = (
            torch.linspace(0, 1, count) if share is None else torch.full((count,), float(share))
        )
        parts = tuple(self._part(end, count) for end in ends)
        weights = torch.stack([1 - shares, shares])
        first, last = parts[0].words[0], parts[1].words[0]
        words = tuple(f"{1 - each:.0%} {first}, {each:.0%} {last}" for each in shares.tolist())
        return Goal(f"from {first} to {last}", parts, weights, words)

    def _joint(self, given: Mapping[str, Any], count: int) -> Goal:
        goals, weights = given.get("parts"), given.get("weights")
        if not isinstance(goals, list | tuple) or not 1 <= len(goals) <= _MOST_PARTS:
            raise LensError(f"A joint goal needs 1 to {_MOST_PARTS} goals as parts.")
        numbers = [1.0] * len(goals) if weights is None else weights
        if len(numbers) != len(goals) or not all(_number(each) for each in numbers):
            raise LensError("A joint goal needs a number as weight for each part.")
        parts = tuple(self._part(goal, count) for goal in goals)
        words = " and ".join(part.words[0] for part in parts)
        table = torch.tensor([[float(each)] * count for each in numbers])
        return Goal(words, parts, table, (words,) * count)

    def _class(self, index: object) -> int:
        classes = self.subject.info.classes
        if not _whole(index) or not 0 <= int(str(index)) < len(classes):
            raise LensError(
                f"{self.subject.title} has no class {str(index)[:20]!r}: choose one below "
                f"{len(classes)}, counted from 0."
            )
        return int(str(index))

    def _channel(self, layer: str, index: object) -> int:
        channels = self.shape(layer)[0]
        if not _whole(index) or not 0 <= int(str(index)) < channels:
            raise LensError(
                f"{layer} has no channel {str(index)[:20]}: choose one below {channels}, counted "
                "from 0."
            )
        return int(str(index))

    def _unit(self, layer: str, unit: object, size: Sequence[int]) -> tuple[int, int]:
        if unit is None:
            return size[0] // 2, size[1] // 2
        if (
            not isinstance(unit, list | tuple)
            or len(unit) != 2
            or not all(_whole(at) and 0 <= at < side for at, side in zip(unit, size, strict=True))
        ):
            raise LensError(
                f"{layer} has no unit {str(unit)[:40]}: choose a row below {size[0]} and a column "
                f"below {size[1]}, counted from 0."
            )
        return int(unit[0]), int(unit[1])


def _alone(part: Part) -> Goal:
    words = part.words
    title = words[0] if len(set(words)) == 1 else f"{len(words)} channels of {part.layer}"
    return Goal(title, (part,), torch.ones(1, len(words)), words)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
