"""What a picture is to excite: a unit, a channel, a layer, a class, a direction, or a mixture of them.

A goal is a sum of parts, each a number an image made of what one layer puts out. Erhan, Bengio,
Courville and Vincent ("Visualizing higher-layer features of a deep network", 2009) climbed a unit,
Simonyan et al. (2014) a class's score, Mordvintsev et al. (2015) a whole layer, Olah et al. (2017)
channels, directions and the way between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from viz.lenses.visualize.probe import LOGITS

Outputs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Part:
    """N numbers of one layer's output, one for each picture that is made.

    `table(output)` is (M, N): what each of M images makes of each picture's number. `anywhere` is
    the same for images of another size or framing, where a unit's own place has no meaning: the
    highest of all places.
    """

    layer: str  # dotted name, or LOGITS
    table: Callable[[Tensor], Tensor]
    words: tuple[str, ...]  # (N,)
    anywhere: Callable[[Tensor], Tensor] | None = None  # None: as `table`
    maps: Callable[[Tensor], Tensor] | None = None  # (M, h, w) where in an image it is strong


@dataclass(frozen=True)
class Goal:
    """Parts and their weights."""

    title: str
    parts: tuple[Part, ...]
    weights: Tensor  # (P, N)
    words: tuple[str, ...]  # (N,)
    scales: tuple[float, ...] = field(default=())  # (P,) what each part is counted in; (): as it is

    @property
    def layers(self) -> tuple[str, ...]:
        """What has to be recorded."""
        return tuple(dict.fromkeys(part.layer for part in self.parts))

    @property
    def count(self) -> int:
        """Pictures to make."""
        return self.weights.shape[1]

    def own(self, outputs: Outputs, rows: slice = slice(None)) -> Tensor:
        """(n,) of each picture its own number, for outputs of the n pictures `rows`."""
        return self.table(outputs)[:, rows].diagonal()

    def table(self, outputs: Outputs) -> Tensor:
        """(M, N) of each image each picture's number."""
        return self._sum([part.table(outputs[part.layer]) for part in self.parts])

    def over_images(self, outputs: Outputs) -> list[Tensor]:
        """(M, N) of each part, wherever in an image its unit is strongest."""
        return [(part.anywhere or part.table)(outputs[part.layer]) for part in self.parts]

    def _sum(self, tables: list[Tensor]) -> Tensor:
        scales = self.scales or (1.0,) * len(tables)
        return torch.stack(
            [table * (w / scale) for table, w, scale in zip(tables, self.weights, scales, strict=True)]
        ).sum(0)  # fmt: skip

    def mix(self, tables: list[Tensor]) -> Tensor:
        """(M, N) from what `over_images` gives."""
        return self._sum(tables)

    def counted_in(self, scales: tuple[float, ...]) -> Goal:
        """The same with each part counted in a scale of its own."""
        return replace(self, scales=scales)


def as_maps(output: Tensor) -> Tensor:
    """(N, C, H, W) of maps as they are, of a row of numbers (N, F) as (N, F, 1, 1)."""
    return output if output.ndim == 4 else output.flatten(1)[:, :, None, None]


def channel_part(layer: str, channels: list[int]) -> Part:
    """The mean over the map of one channel a picture."""
    index = torch.tensor(channels)

    def table(output: Tensor) -> Tensor:
        return as_maps(output).mean((2, 3))[:, index]

    def maps(output: Tensor) -> Tensor:
        return as_maps(output)[:, channels[0]]

    words = tuple(f"channel {channel} of {layer}" for channel in channels)
    return Part(layer, table, words, maps=maps if len(set(channels)) == 1 else None)


def unit_part(layer: str, channel: int, unit: tuple[int, int], count: int) -> Part:
    """One channel at one place."""

    def table(output: Tensor) -> Tensor:
        return as_maps(output)[:, channel, unit[0], unit[1]][:, None].expand(-1, count)

    def anywhere(output: Tensor) -> Tensor:
        return as_maps(output)[:, channel].amax((1, 2))[:, None].expand(-1, count)

    def maps(output: Tensor) -> Tensor:
        return as_maps(output)[:, channel]

    words = f"channel {channel} of {layer} at row {unit[0]}, column {unit[1]}"
    return Part(layer, table, (words,) * count, anywhere, maps)


def layer_part(layer: str, count: int) -> Part:
    """The mean square of a whole layer, as DeepDream has it."""

    def table(output: Tensor) -> Tensor:
        return output.flatten(1).square().mean(1)[:, None].expand(-1, count)

    return Part(layer, table, (f"the whole of {layer}",) * count)


def class_part(index: int, name: str, count: int) -> Part:
    """A class's logit: its probability would also rise by silencing the other classes."""

    def table(output: Tensor) -> Tensor:
        return output[:, index][:, None].expand(-1, count)

    return Part(LOGITS, table, (f"class {name}",) * count)


def direction_part(
    layer: str,
    weights: Tensor,
    unit: tuple[int, int] | None,
    cosine: float,
    count: int,
    words: str,
) -> Part:
    """How far activations go along `weights` (C,), of length 1, times their cosine to a power.

    The power keeps the picture from being merely strong: Carter et al., "Activation atlas", Distill
    2019. Without a unit the mean over the map.
    """
    along = weights / weights.norm()

    def values(output: Tensor) -> Tensor:
        maps = as_maps(output)
        dots = torch.einsum("c,nchw->nhw", along, maps)
        if cosine:
            # As small as 0.1, not 0: opposite directions still need a way back.
            near = dots / maps.square().sum(1).clamp(min=1e-12).sqrt()
            dots = dots * near.clamp(min=0.1) ** cosine
        return dots

    def table(output: Tensor) -> Tensor:
        found = values(output)
        one = found.mean((1, 2)) if unit is None else found[:, unit[0], unit[1]]
        return one[:, None].expand(-1, count)

    def anywhere(output: Tensor) -> Tensor:
        return values(output).amax((1, 2))[:, None].expand(-1, count)

    return Part(layer, table, (words,) * count, None if unit is None else anywhere, values)
