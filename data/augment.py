"""Augmentation of whole batches: torchvision v2 transforms whose random parameters are per image.

torchvision's own v2 transforms draw once for a batch, so every image of it would be flipped or none.
Here each image has its own draw, yet everything runs as a few operations on the batch. What is drawn
(`make_params`) is separate from what is done with it (`transform`), so either can be tested alone.
All randomness comes from the global generator of the images' device: the training loop seeds it for
each step.

All transforms take images as float (N, C, H, W) in [0, 1], before normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, one_hot, pad
from torchvision.transforms import v2

from data.pixels import LIGHTNESS


class BatchTransform(v2.Transform):  # type: ignore[misc]  # torchvision ships no types
    """A change to a float batch (N, C, H, W): drawn by `make_params`, made by `transform`."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        raise NotImplementedError

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        raise NotImplementedError


class BatchFlip(BatchTransform):
    """Mirror each image left-right with probability 1/2."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        images = flat_inputs[0]
        return {"flipped": torch.rand(len(images), device=images.device) < 0.5}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        flipped: Tensor = params["flipped"]
        return torch.where(flipped[:, None, None, None], inpt.flip(-1), inpt)


class BatchShift(BatchTransform):
    """Pad each image by `pixels` and crop it back at a random place (K. He et al. 2016, section 4.2).

    What comes in from outside is black in grey images, whose ground is black, and a reflection of
    the image in coloured ones.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """`offset` (N, 2): rows down and columns right by which the content moves."""
        images = flat_inputs[0]
        offset = torch.randint(
            -self.pixels, self.pixels + 1, (len(images), 2), device=images.device
        )
        return {"offset": offset}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        count, _, height, width = inpt.shape
        margin = self.pixels
        # A reflection reaches no farther than the image itself does.
        reflects = inpt.shape[1] > 1 and margin < min(height, width)
        padded = pad(inpt, (margin,) * 4, mode="reflect" if reflects else "constant")
        top, left = (margin - params["offset"]).unbind(1)
        # Every crop there is, as a view without copying: (N, C, 2·margin+1, 2·margin+1, H, W)
        crops = padded.unfold(2, height, 1).unfold(3, width, 1)
        return crops[torch.arange(count, device=inpt.device), :, top, left]


class BatchRotation(BatchTransform):
    """Turn each image around its middle by up to `degrees` either way, bilinearly."""

    def __init__(self, degrees: float) -> None:
        super().__init__()
        self.degrees = degrees

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """`angle` (N,): radians, anticlockwise."""
        images = flat_inputs[0]
        turn = 2 * torch.rand(len(images), device=images.device) - 1
        return {"angle": turn * math.radians(self.degrees)}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        angle: Tensor = params["angle"]
        height, width = inpt.shape[-2:]
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        # The grid runs over [-1, 1] on both sides whatever their lengths. (N, 2, 3)
        matrix = torch.stack(
            [
                torch.stack([cos, -sin * height / width, zero], 1),
                torch.stack([sin * width / height, cos, zero], 1),
            ],
            1,
        )
        grid = affine_grid(matrix.to(inpt.dtype), list(inpt.shape), align_corners=False)
        outside = "reflection" if inpt.shape[1] > 1 else "zeros"
        return grid_sample(inpt, grid, padding_mode=outside, align_corners=False)


class BatchColor(BatchTransform):
    """Scale brightness, contrast and, of coloured images, saturation by factors in 1 ± `strength`."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """`brightness`, `contrast`, `saturation`: (N, 1, 1, 1) each."""
        images = flat_inputs[0]
        random = torch.rand(3, len(images), 1, 1, 1, device=images.device)
        factors = 1 + self.strength * (2 * random - 1)
        return dict(zip(("brightness", "contrast", "saturation"), factors, strict=True))

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        images = (inpt * params["brightness"]).clamp(0, 1)
        gray = _lightness(images)
        middle = gray.mean((-2, -1), keepdim=True)
        images = torch.lerp(middle, images, params["contrast"]).clamp(0, 1)
        if images.shape[1] == 3:
            images = torch.lerp(_lightness(images), images, params["saturation"]).clamp(0, 1)
        return images


class BatchCutout(BatchTransform):
    """Set a square to the data set's mean (T. DeVries and G. Taylor 2017, arXiv:1708.04552).

    Its middle may be any pixel, so that part of it may lie outside, as in the paper.
    """

    def __init__(self, pixels: int, mean: Sequence[float]) -> None:
        super().__init__()
        self.pixels = pixels
        self.mean = tuple(mean)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """`top` and `left` (N,): the square's corner, which may be outside."""
        images = flat_inputs[0]
        height, width = images.shape[-2:]
        half = self.pixels // 2
        corners = {}
        for name, side in (("top", height), ("left", width)):
            middle = torch.randint(side, (len(images),), device=images.device)
            corners[name] = middle - half
        return corners

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        rows = self._within(params["top"], inpt.shape[-2])
        columns = self._within(params["left"], inpt.shape[-1])
        hole = (rows[:, :, None] & columns[:, None, :])[:, None]  # (N, 1, H, W)
        mean = torch.tensor(self.mean, dtype=inpt.dtype, device=inpt.device).view(-1, 1, 1)
        return torch.where(hole, mean, inpt)

    def _within(self, start: Tensor, side: int) -> Tensor:
        places = torch.arange(side, device=start.device)
        return (places >= start[:, None]) & (places < start[:, None] + self.pixels)


class BatchMixup(BatchTransform):
    """Blend each image with another of the batch, and their labels alike (Zhang et al. 2018,
    arXiv:1710.09412). Takes (images, labels) and returns labels as probabilities, float (N, classes).
    """

    def __init__(self, alpha: float, num_classes: int) -> None:
        super().__init__()
        self.alpha = alpha
        self.num_classes = num_classes

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """`partner` (N,): the other image; `share` (N,): how much of the image itself is kept."""
        images = flat_inputs[0]
        alpha = torch.tensor(self.alpha, device=images.device)
        share = torch.distributions.Beta(alpha, alpha).sample((len(images),))
        return {"partner": torch.randperm(len(images), device=images.device), "share": share}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        share: Tensor = params["share"].to(inpt.dtype)
        return torch.lerp(inpt[params["partner"]], inpt, share.view(-1, *[1] * (inpt.dim() - 1)))

    def forward(self, *inputs: Any) -> Any:
        """Blends the images and the labels by the same draw, which the base class cannot."""
        images, labels = inputs
        params = self.make_params([images])
        targets = one_hot(labels, self.num_classes).to(images.dtype)
        return self.transform(images, params), self.transform(targets, params)


class Augmentation:
    """Transforms in order. Only mixup changes the labels."""

    def __init__(self, steps: Sequence[BatchTransform]) -> None:
        self.steps = tuple(steps)

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """`images` float (N, C, H, W) in [0, 1] and `labels` int64 (N,), changed."""
        for step in self.steps:
            images, labels = step(images, labels)
        return images, labels


def build_augmentation(
    *,
    mean: Sequence[float],
    num_classes: int,
    flip: bool = False,
    shift: int = 0,
    rotation: float = 0.0,
    color: float = 0.0,
    cutout: int = 0,
    mixup: float = 0.0,
) -> Augmentation:
    """The transform for one data set and one set of options; at their defaults it changes nothing.

    Args:
        mean: of the data set per channel, in [0, 1]: what cutout fills with.
        num_classes: of the data set: how wide mixup's targets are.
        flip: mirror left-right with probability 1/2.
        shift: pixels: pad by this much, crop back at random.
        rotation: degrees: uniform in ±rotation.
        color: brightness, contrast and saturation are scaled by factors in 1 ± color.
        cutout: pixels: side of a square set to the mean.
        mixup: alpha of the Beta distribution that blends two images; 0: off.

    Returns:
        To be called as `images, targets = augmentation(images, labels)` with float images
        (N, C, H, W) in [0, 1] and int64 labels (N,). Targets are the labels, or with mixup
        probabilities, float (N, num_classes).
    """
    steps: list[BatchTransform] = []
    if flip:
        steps.append(BatchFlip())
    if shift:
        steps.append(BatchShift(shift))
    if rotation:
        steps.append(BatchRotation(rotation))
    if color:
        steps.append(BatchColor(color))
    if cutout:
        steps.append(BatchCutout(cutout, mean))
    if mixup:
        steps.append(BatchMixup(mixup, num_classes))
    return Augmentation(steps)


def _lightness(images: Tensor) -> Tensor:
    """(N, 1, H, W): what a person sees as lightness; a grey image itself."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    weights = torch.tensor(LIGHTNESS, dtype=images.dtype, device=images.device).view(3, 1, 1)
    return (images * weights).sum(1, keepdim=True)
