"""What a network consists of, as the pages and the pickers need it. No torch, no plotly."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerInfo:
    """One module of a network, containers included; shapes without the batch."""

    name: str  # dotted, as in `named_modules`
    kind: str  # class name, such as Conv2d
    leaf: bool  # False: a container, whose counts include what it contains
    in_shape: Shape
    out_shape: Shape  # of its first call
    num_params: int
    macs: int  # multiplications by weights for one image, over all calls
    inputs: tuple[str, ...]  # innermost layers whose output it takes; "" is the input image


@dataclass(frozen=True)
class NetworkMap:
    """A network for one image, its layers in the order in which they finish."""

    title: str
    input_shape: Shape  # (C, H, W)
    classes: tuple[str, ...]
    layers: tuple[LayerInfo, ...]  # the parts of a block come before the block
    num_params: int
    macs: int
    step: int | None  # updates its weights have seen; None: random or not known

    @property
    def maps(self) -> tuple[LayerInfo, ...]:
        """The innermost layers that put out maps (C, H, W)."""
        return tuple(each for each in self.layers if each.leaf and len(each.out_shape) == 3)

    @property
    def convolutions(self) -> tuple[LayerInfo, ...]:
        """The layers with filters that slide over the whole image."""
        return tuple(each for each in self.layers if each.kind in _CONVOLUTIONS)

    def find(self, name: str) -> LayerInfo | None:
        """The layer called `name`; None if there is none."""
        return next((each for each in self.layers if each.name == name), None)


@dataclass(frozen=True)
class FetchedWeights:
    """Weights of a pretrained network that are now on disk."""

    name: str
    title: str
    file_name: str
    num_bytes: int


_CONVOLUTIONS = ("Conv2d", "PartialConv2d")
