"""What lenses return and figures take: frozen dataclasses of numpy arrays, no torch, no plotly.

They cross a process border by pickle, so they hold plain arrays, strings and numbers only. Pictures
are uint8 (H, W, C) with C = 1 or 3, as browsers want them; maps and weights stay channel-first
float32, as networks have them. N images, K classes, L layers, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ContactSheet:
    """Samples of a data set and, where an augmentation was asked for, how it changed them."""

    images: Bytes  # (N, H, W, C)
    labels: Ints  # (N,) class indices
    indices: Ints  # (N,) positions in the split
    classes: tuple[str, ...]
    split: str
    augmented: Bytes | None = None  # (N, H, W, C), image i from image i


@dataclass(frozen=True)
class Predictions:
    """What a network says about a fixed set of held-out images."""

    images: Bytes  # (N, H, W, C)
    labels: Ints  # (N,) the true classes
    probs: Floats  # (N, K) softmax, rows sum to 1
    indices: Ints  # (N,) positions in the split
    classes: tuple[str, ...]
    split: str
    step: int | None  # updates the weights have seen; None: random weights


@dataclass(frozen=True)
class Classification:
    """What a network says about one image from anywhere."""

    image: Bytes  # (H, W, C) the picture as the network sees it, before normalisation
    probs: Floats  # (K,) softmax
    classes: tuple[str, ...]
    note: str  # what was done to the picture so that it fits, as a sentence; "" for nothing
    label: int | None  # the true class where the image comes from a data set
    step: int | None


@dataclass(frozen=True)
class Filters:
    """The weights of one convolution, or of a part of a large one."""

    weights: Floats  # (O, I, kh, kw), both limited; I = in_channels / groups before the limit
    layer: str  # dotted name
    layers: tuple[str, ...]  # every convolution that can be asked for, in order
    step: int | None
    num_filters: int  # of the layer
    num_inputs: int  # input channels of each filter
    groups: int  # filters of different groups read different input channels
    first_filter: int  # position of weights[0] in the layer
    first_input: int  # position of weights[:, 0] among the filter's input channels
    layer_limit: float  # largest |weight| of the layer
    network_limit: float  # largest |weight| of all its convolutions


@dataclass(frozen=True)
class LayerMaps:
    """What one layer made of the image."""

    layer: str
    kind: str  # class name of the module, such as Conv2d
    maps: Floats  # (C, H, W), C limited
    num_channels: int  # before the limit


@dataclass(frozen=True)
class FeatureMaps:
    """The activations of several layers for one image."""

    image: Bytes  # (H, W, C) as the network sees it
    layers: tuple[LayerMaps, ...]
    available: tuple[str, ...]  # every layer with maps that can be asked for, in order
    note: str
    step: int | None


@dataclass(frozen=True)
class Evaluation:
    """The answer of a network for every image of a split."""

    labels: Ints  # (N,)
    predicted: Ints  # (N,) argmax
    confidence: Floats  # (N,) softmax probability of the predicted class
    classes: tuple[str, ...]
    split: str
    step: int | None

    @property
    def accuracy(self) -> float:
        """Share of images whose predicted class is the true one; NaN without images."""
        return float(np.mean(self.labels == self.predicted)) if len(self.labels) else float("nan")

    @property
    def confusion(self) -> Ints:
        """(K, K) images by [true class, predicted class]."""
        k = len(self.classes)
        return np.bincount(self.labels * k + self.predicted, minlength=k * k).reshape(k, k)

    def cell(self, true: int, predicted: int) -> Ints:
        """Positions in the split of the images of one confusion cell, most confident first."""
        return self._surest_first((self.labels == true) & (self.predicted == predicted))

    def mistakes(self) -> Ints:
        """Positions in the split of all wrong answers, most confident first."""
        return self._surest_first(self.labels != self.predicted)

    def _surest_first(self, chosen: npt.NDArray[np.bool_]) -> Ints:
        (found,) = np.nonzero(chosen)
        return found[np.argsort(-self.confidence[found], kind="stable")]


@dataclass(frozen=True)
class ImageSet:
    """Pictures of a split by position."""

    images: Bytes  # (N, H, W, C)
    labels: Ints  # (N,)
    indices: Ints  # (N,)
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """A network as a file to take away."""

    data: bytes
    file_name: str
    note: str  # what the file expects and returns, as a sentence


@dataclass(frozen=True)
class Curve:
    """One number over the updates of a run."""

    steps: npt.NDArray[np.int64] | Floats | npt.NDArray[np.float64]  # (n,) rising
    values: Floats | npt.NDArray[np.float64]  # (n,) NaN where there was no finite value
    name: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment of a run worth a vertical line: a changed learning rate, a resume."""

    step: float
    text: str


@dataclass(frozen=True)
class LayerSignals:
    """How training goes inside each layer with weights, at one update; first layer first."""

    layers: tuple[str, ...]
    activation_mean: npt.NDArray[np.float64]  # (L,)
    activation_std: npt.NDArray[np.float64]  # (L,)
    dead: npt.NDArray[np.float64]  # (L,) share of units, NaN: no ReLU follows
    gradient_norm: npt.NDArray[np.float64]  # (L,)
    update_ratio: npt.NDArray[np.float64]  # (L,) |update| / |weights|
