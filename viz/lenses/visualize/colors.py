"""How the colours of a network's own pictures vary together, measured on those pictures.

In photographs red, green and blue rise and fall together. A step of the optimiser along one of them
alone makes colours that no picture has; along the directions in which colours vary independently it
does not (Olah, Mordvintsev and Schubert, "Feature visualization", Distill 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from viz.lenses.context import LensContext, Subject
from viz.lenses.layer_runs import own_pictures
from viz.lenses.registry import LensError

MOST_IMAGES = 500
_FLOOR = 1e-4  # of the largest eigenvalue: pictures may lack a colour altogether


@dataclass(frozen=True)
class Colors:
    """Mean and spread of the pixels of some pictures, in [0, 1]."""

    mean: Tensor  # (C,)
    root: Tensor  # (C, C) symmetric; root @ root is the covariance of the channels
    words: str  # what they were measured on; "" where no pictures are here

    @property
    def mixing(self) -> Tensor:
        """(C, C) `root`, scaled so that the channel that varies most has deviation 1."""
        return self.root / self.root.square().sum(1).sqrt().max()


def measure_colors(context: LensContext, subject: Subject) -> Colors:
    """Of training images, or of the coloured sample pictures for a network of ImageNet; the mean of
    the data set and independent channels where no picture is here."""
    try:
        pictures = own_pictures(context, subject, "train")
    except LensError:
        channels = subject.info.shape[0]
        return Colors(torch.tensor(subject.info.mean), torch.eye(channels), "")
    images = pictures.images
    if pictures.labels is None:
        colored = (images != images[:, :1]).flatten(1).any(1)
        images = images[colored] if bool(colored.any()) else images
        return compute_colors(images, f"{len(images)} sample pictures")
    count = min(len(images), MOST_IMAGES)
    index = torch.arange(count) * len(images) // count
    return compute_colors(images[index], f"{count} training images")


def compute_colors(images: Tensor, words: str) -> Colors:
    """Of stored images uint8 (N, C, H, W)."""
    pixels = images.movedim(1, 0).flatten(1).double() / 255  # (C, N·H·W)
    mean = pixels.mean(1)
    centred = pixels - mean[:, None]
    covariance = centred @ centred.T / centred.shape[1]  # (C, C)
    return Colors(mean.float(), square_root(covariance).float(), words)


def square_root(covariance: Tensor) -> Tensor:
    """The symmetric root of a covariance (C, C); the identity for one that is 0."""
    values, vectors = torch.linalg.eigh(covariance)
    largest = float(values[-1])
    if not largest > 0:
        return torch.eye(len(values), dtype=covariance.dtype)
    root: Tensor = (vectors * values.clamp(min=_FLOOR * largest).sqrt()) @ vectors.T
    return root
