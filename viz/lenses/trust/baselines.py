"""The controls as maps: they are asked like any method and know nothing of the network."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

CENTRE_WIDTH: Final = 0.25  # standard deviation of the centre Gaussian, in sides of the image
_SOBEL: Final = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def control_map(name: str, images: Tensor) -> Tensor:
    """Maps (N, H, W) of a control for images (N, C, H, W), all values 0 or above."""
    return _MAPS[name](images)


def random_keys(images: Tensor, salt: int = 0) -> Tensor:
    """A random number in [0, 1) for each pixel, (N, H, W): the same for the same image wherever it
    stands, another for every other.
    """
    keys = [
        torch.rand(image.shape[-2:], generator=torch.Generator().manual_seed(_digest(image) + salt))
        for image in images
    ]
    return torch.stack(keys)


def random_noise(images: Tensor, salt: int) -> Tensor:
    """Standard normal noise (N, C, H, W): the same for the same image wherever it stands, another for
    every other.
    """
    noise = [
        torch.randn(image.shape, generator=torch.Generator().manual_seed(_digest(image) + salt))
        for image in images
    ]
    return torch.stack(noise)


def _digest(image: Tensor) -> int:
    return zlib.crc32(image.detach().cpu().contiguous().numpy().tobytes())


def _centre(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    rows = _bump(height)[:, None]
    return (rows * _bump(width)).expand(len(images), height, width)


def _bump(count: int) -> Tensor:
    place = (torch.arange(count) + 0.5) / count - 0.5  # of each pixel's middle, in sides
    return torch.exp(-0.5 * (place / CENTRE_WIDTH) ** 2)


def _edges(images: Tensor) -> Tensor:
    """Length of the Sobel gradient of each channel, over all channels; the border repeats."""
    n, c, height, width = images.shape
    kernel = torch.tensor(_SOBEL) / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]  # (2, 1, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate").reshape(n * c, 1, height + 2, width + 2)
    slopes = F.conv2d(padded, kernels).reshape(n, c, 2, height, width)
    return slopes.pow(2).sum((1, 2)).sqrt()


_MAPS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "random": random_keys,
    "centre": _centre,
    "edges": _edges,
}
