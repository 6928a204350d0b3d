"""What the bytes of a pixel mean: how light they look, and which numbers a network gets for them.

The data sets, the training and the lenses all use these, so none can see another picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from data.catalogue import DatasetInfo

LIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


class Normalizer:
    """Pixels to the floats a network sees: (image / 255 - mean) / std, per channel."""

    def __init__(
        self,
        info: DatasetInfo,
        device: torch.device,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> None:
        shape = (-1, 1, 1)
        self._mean = torch.tensor(info.mean, device=device).view(shape)
        self._std = torch.tensor(info.std, device=device).view(shape)
        self._mean_byte, self._std_byte = self._mean * 255, self._std * 255
        self._memory_format = memory_format

    def from_bytes(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to normalised float32 of the same shape."""
        floats = images.to(torch.float32, memory_format=self._memory_format)
        return floats.sub_(self._mean_byte).div_(self._std_byte)

    def from_unit(self, images: Tensor) -> Tensor:
        """Float (N, C, H, W) in [0, 1] to normalised float32 of the same shape."""
        floats = images.to(torch.float32, memory_format=self._memory_format)
        return floats.sub(self._mean).div_(self._std)
