"""What the attribution lenses return: how much each pixel, or each place of a layer, spoke for an
answer, with the numbers that tell how far to believe it."""

from __future__ import annotations

from dataclasses import dataclass

from viz.results import Bytes, Floats


@dataclass(frozen=True)
class Attribution:
    """One method's answer for one image; while `share` is below 1, the best known so far."""

    method: str  # name in viz.attribution.table
    aim: str  # in words, what was explained: a class, a class against another, a unit
    values: Floats  # (C, H, W) by pixel, or (1, h, w) by place of `layer`
    layer: str | None  # dotted name, of methods that look at one layer
    image: Bytes  # (H, W, C) as the network saw it, before normalisation
    label: int | None  # the true class, where it is known
    probs: Floats  # (K,)
    classes: tuple[str, ...]
    positive: int | None  # class explained; None: a unit or channel
    against: int | None  # class it is held against
    score: float  # f(image): the logit, the difference of two, or the activation
    baseline_score: float | None  # what values should sum up to `score` with: Method.remainder
    gap: float | None  # sum of values − (score − baseline_score)
    forward_passes: int  # images that went through the network
    backward_passes: int
    seconds: float
    share: float  # of the work done, 0 to 1
    note: str  # one sentence: why the map is empty, what was done to the image; often empty
    step: int | None  # updates the weights have seen


@dataclass(frozen=True)
class AttributionLayer:
    """A layer that a class activation map can be made of."""

    name: str  # dotted
    kind: str  # class name of the module
    shape: tuple[int, int, int]  # (C, h, w)


@dataclass(frozen=True)
class AttributionSupport:
    """Which methods this network allows, and at which layers."""

    refusals: dict[str, str]  # method name to the sentence why not; methods not in it are fine
    layers: tuple[AttributionLayer, ...]  # with maps of more than one place, as they run
    default_layer: str | None  # None: there is no such layer
    why: str  # the default, in a sentence; or why there is none
    note: str  # what was done to the network so that methods are exact on it; often empty
