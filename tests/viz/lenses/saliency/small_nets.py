"""Nets whose maps can be written down, and a plain one that captum can take as it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Hidden(nn.Module):
    """f = 2 relu(a − b) − 3 relu(a + b − 3) + 4 relu(−a) of an image of two pixels a, b."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.hidden = nn.Linear(2, 3)
        self.relu = nn.ReLU()
        self.head = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.hidden.weight.copy_(torch.tensor([[1.0, -1.0], [1.0, 1.0], [-1.0, 0.0]]))
            self.hidden.bias.copy_(torch.tensor([0.0, -3.0, 0.0]))
            self.head.weight.copy_(torch.tensor([[2.0, -3.0, 4.0], [1.0, 1.0, 0.0]]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 1, 2) to (N, 2)."""
        logits: Tensor = self.head(self.relu(self.hidden(self.flat(x))))
        return logits


AT = torch.tensor([[[[3.0, 1.0]]]])  # there the hidden units are 2, 1 and 0 (from −3), and f is 1


class Saturated(nn.Module):
    """f = 1 − relu(1 − a): rises with a up to 1 and stays there."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 1, 1) to (N, 2)."""
        found: Tensor = 1 - self.relu(1 - x.flatten(1))
        return torch.cat([found, -found], 1)


def plain_net(
    channels: int = 1, side: int = 16, bias: bool = True, pools: bool = False
) -> nn.Module:
    """Convolutions, ReLU modules and a linear layer; no two windows of its poolings share a pixel."""
    generator = torch.Generator().manual_seed(0)
    pooling = nn.MaxPool2d(2) if pools else nn.AvgPool2d(2)
    net = nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1, bias=bias),
        nn.ReLU(),
        pooling,
        nn.Conv2d(6, 8, 3, bias=bias),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * (side // 2 - 2) ** 2, 5, bias=bias),
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return net.eval().requires_grad_(False)


class Awkward(nn.Module):
    """`plain_net`'s weights, with one in-place ReLU module for both places, or functions."""

    def __init__(self, plain: nn.Module, how: str) -> None:
        super().__init__()
        self.first = plain.get_submodule("0")
        self.second = plain.get_submodule("3")
        self.head = plain.get_submodule("6")
        self.relu = nn.ReLU(inplace=True)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 5)."""
        out = self.second(F.avg_pool2d(self._relu(self.first(x)), 2))
        logits: Tensor = self.head(torch.flatten(self._relu(out), 1))
        return logits

    def _relu(self, x: Tensor) -> Tensor:
        if self.how == "reused":
            found: Tensor = self.relu(x)
            return found
        return x.relu_() if self.how == "method" else F.relu(x)


def images(channels: int = 1, side: int = 16, count: int = 3) -> Tensor:
    """(count, channels, side, side), normalised or not."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, channels, side, side, generator=generator)
