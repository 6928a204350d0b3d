"""A setting together with where its numbers come from: what a link holds and a preset names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from viz.arithmetic.numbers import Fill, Numbers, draw_numbers, flatten, shapes_of, use_numbers
from viz.arithmetic.setting import MAX_KERNEL, MAX_SIDE, Setting


@dataclass(frozen=True)
class Exercise:
    """Numbers are drawn from `seed`, except those given flat; what does not fit is drawn again."""

    setting: Setting = field(default_factory=Setting)
    fill: Fill = "random"
    seed: int = 0
    x: tuple[float, ...] = ()
    weight: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()

    @property
    def numbers(self) -> Numbers:
        """The numbers of a checked setting."""
        drawn = flatten(draw_numbers(self.setting, fill=self.fill, seed=self.seed))
        given = (self.x, self.weight, self.bias)
        parts = [
            own if len(own) == len(other) else other
            for own, other in zip(given, drawn, strict=True)
        ]
        return use_numbers(self.setting, *parts)

    def fitting(self) -> Exercise:
        """The same without given numbers that do not fit the setting."""
        shapes = shapes_of(self.setting)
        weights = sum(math.prod(shape) for shape in shapes.weights)
        return replace(
            self,
            x=self.x if len(self.x) == math.prod(shapes.x) else (),
            weight=self.weight if len(self.weight) == weights else (),
            bias=self.bias if len(self.bias) == shapes.bias else (),
        )


def reshaped(setting: Setting, dims: int) -> Setting:
    """The setting in another number of dimensions: the last sizes stay, new ones repeat the first."""

    def sides(values: tuple[int, ...], most: int = 99) -> tuple[int, ...]:
        kept = values[-dims:]
        return tuple(min(most, value) for value in (kept[0],) * (dims - len(kept)) + kept)

    kept = setting.amounts[-dims:]
    size = sides(setting.size, MAX_SIDE[dims])
    return replace(
        setting,
        size=size,
        kernel_size=tuple(map(min, sides(setting.kernel_size, MAX_KERNEL[dims]), size)),
        stride=sides(setting.stride),
        dilation=sides(setting.dilation),
        amounts=(kept[0],) * (dims - len(kept)) + kept,
        output_padding=sides(setting.output_padding),
        output_size=sides(setting.output_size, MAX_SIDE[dims]),
    )
