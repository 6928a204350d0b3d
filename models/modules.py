"""The torch modules that torch itself lacks: LeNet's parts, unshared convolutions, residual blocks.

Each class stands on its own, using nothing but torch: `models.source` copies the ones a network
needs into the script a visitor downloads. None works in place, so a hook on any of them sees the
values the next module was given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3), which maps ±1 to ±1 (LeCun et al. 1998, appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same out."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class GlobalPool(nn.Module):
    """One number per map, its mean or maximum: (N, C, H, W) to (N, C)."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        return x.mean((2, 3)) if self.mode == "mean" else x.amax((2, 3))

    def extra_repr(self) -> str:
        """The mode, for `print(net)`."""
        return f"mode={self.mode!r}"


class Subsample(nn.Module):
    """The sum of each window, times one trained coefficient per channel, plus one trained bias.

    The S layers of LeNet-5 (LeCun et al. 1998, section II.B), without their squashing function.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H // kernel_size, W // kernel_size)."""
        sums = F.avg_pool2d(x, self.kernel_size) * self.kernel_size**2
        return sums * self.weight[:, None, None] + self.bias[:, None, None]


class PartialConv2d(nn.Module):
    """A convolution whose output channels each read only the input channels listed for them.

    `weight` is (number of connections, kernel_size, kernel_size), in the order of `connections`:
    what is not connected has no parameter, as in C3 of LeNet-5 (LeCun et al. 1998, table I).
    """

    outputs: Tensor
    inputs: Tensor

    def __init__(
        self,
        in_channels: int,
        connections: Sequence[Sequence[int]],
        kernel_size: int,
        padding: int = 0,
    ) -> None:
        super().__init__()
        pairs = [(out, source) for out, sources in enumerate(connections) for source in sources]
        self.dense_shape = (len(connections), in_channels, kernel_size, kernel_size)
        self.padding = padding
        outputs, inputs = torch.tensor(pairs).T.contiguous()
        self.register_buffer("outputs", outputs, persistent=False)
        self.register_buffer("inputs", inputs, persistent=False)
        self.weight = nn.Parameter(torch.zeros(len(pairs), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(connections)))

    def dense_weight(self) -> Tensor:
        """The weights as an ordinary convolution has them, zeros where nothing is connected."""
        dense = self.weight.new_zeros(self.dense_shape)
        return dense.index_put((self.outputs, self.inputs), self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, len(connections), H', W')."""
        return F.conv2d(x, self.dense_weight(), self.bias, padding=self.padding)


class LocallyConnected2d(nn.Module):
    """A convolution in which every output position has filters of its own.

    `weight` is (H', W', out_channels, in_channels, kernel_size, kernel_size): `weight[y, x]` are
    the filters at output position (y, x), laid out as those of a `Conv2d`. `bias` is
    (out_channels, H', W').
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: tuple[int, int],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        height, width = ((n + 2 * padding - kernel_size) // stride + 1 for n in input_size)
        window = (in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.zeros(height, width, out_channels, *window))
        self.bias = nn.Parameter(torch.zeros(out_channels, height, width)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, H', W')."""
        height, width, out_channels = self.weight.shape[:3]
        patches = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
        weight = self.weight.reshape(height * width, out_channels, -1)
        sums = torch.einsum("nkp,pok->nop", patches, weight)  # k: window cells, p: positions
        maps = sums.reshape(-1, out_channels, height, width)
        return maps if self.bias is None else maps + self.bias


class PadShortcut(nn.Module):
    """He et al.'s option A: every stride-th cell, new channels filled with zeros; no parameters."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, new_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + new_channels, ceil(H / stride), ceil(W / stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))), 3×3 (He et al. 2015, figure 2).

    The shortcut passes x on unchanged where the shape stays; else "pad" is option A, "conv" B.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, norm: bool, shortcut: str
    ) -> None:
        super().__init__()

        def conv(inputs: int, kernel_size: int, step: int) -> nn.Module:
            return nn.Conv2d(
                inputs, out_channels, kernel_size, step, padding=kernel_size // 2, bias=not norm
            )

        def normalise() -> nn.Module:
            return nn.BatchNorm2d(out_channels) if norm else nn.Identity()

        self.conv1 = conv(in_channels, 3, stride)
        self.norm1 = normalise()
        self.relu1 = nn.ReLU()
        self.conv2 = conv(out_channels, 3, 1)
        self.norm2 = normalise()
        self.relu2 = nn.ReLU()
        self.shortcut: nn.Module
        if stride == 1 and out_channels == in_channels:
            self.shortcut = nn.Identity()
        elif shortcut == "pad":
            self.shortcut = PadShortcut(stride, out_channels - in_channels)
        else:
            parts = {"conv": conv(in_channels, 1, stride), "norm": normalise()}
            self.shortcut = nn.Sequential(OrderedDict(parts))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        branch = self.norm1(self.conv1(x))
        branch = self.norm2(self.conv2(self.relu1(branch)))
        out: Tensor = self.relu2(branch + self.shortcut(x))
        return out


class RBF(nn.Module):
    """Minus half the squared distance to each class's fixed code of ±1, as logits.

    LeNet-5's output (LeCun et al. 1998, section II.B) is the squared distance, smallest for the
    winner. As logits, minus half of it makes the softmax the posterior of unit Gaussians around the
    codes, and cross-entropy the paper's discriminative criterion (its eq. 9) up to the scale and
    the rubbish class. `codes` are strings of "#" (+1) and "." (−1).
    """

    codes: Tensor

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__()
        signs = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]
        self.register_buffer("codes", torch.tensor(signs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, F) to (N, number of codes)."""
        squares = x.square().sum(1, keepdim=True) + self.codes.square().sum(1)
        return x @ self.codes.T - squares / 2
