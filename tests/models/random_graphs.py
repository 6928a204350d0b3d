"""Random branching networks of positive weights, and what their units truly depend on.

With weights, images and activations all positive nothing cancels, so the pixels with a gradient are
exactly those that a unit depends on. Maximum pooling, which passes gradient to the winner only,
stands for a mean over the same window.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDES = (13, 11)


class Pool(nn.Module):
    """A maximum over windows, or the mean of the same windows."""

    def __init__(self, kernel: int, stride: int, padding: int, *, ceil_mode: bool) -> None:
        super().__init__()
        self.window = kernel, stride, padding
        self.ceil_mode = ceil_mode
        self.as_mean = False

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H', W')."""
        pool = F.avg_pool2d if self.as_mean else F.max_pool2d
        pooled: Tensor = pool(x, *self.window, ceil_mode=self.ceil_mode)
        return pooled


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), each channel times a number made of all of them.

        Plus one, so that the gate also reaches units that are padding and so 0.
        """
        gates: Tensor = self.fc(x.mean((2, 3))).sigmoid()  # (N, C)
        return (x + 1) * gates[:, :, None, None]


class Rearrange(nn.Module):
    """Functions without a module: one of several ways to move numbers about."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, H, W) to (N, 4, H', W')."""
        n, c, h, w = x.shape
        match self.way:
            case "shuffle":
                shuffled = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
                first, second = shuffled.chunk(2, dim=1)
                return torch.cat([first, second.relu()], dim=1)
            case "flatten":
                return x.flatten(2).permute(0, 2, 1).relu_().transpose(1, 2).view(n, c, h, w)
            case "pad":
                return F.pad(x, (2, 0, 0, 1))
            case "crop":
                return x[:, :, h // 3 :, : w - w // 4]
            case "every second":
                return x[:, :, ::2, 1::2] if min(h, w) > 2 else x
            case "reflect":
                return F.pad(x, (1, 1, 1, 0), mode="reflect") if min(h, w) > 2 else x
            case "turn":
                return F.avg_pool2d(x.transpose(2, 3), (1, 2), 1).transpose(2, 3)
            case "nearest":
                return F.interpolate(x, size=(h + 2, w * 2))
            case "linear":
                return F.interpolate(x, size=(h + 1, w), mode="bilinear", align_corners=h % 2 == 0)
            case "adaptive":
                return F.adaptive_avg_pool2d(x, (max(1, h // 2), max(1, w - 2)))
        raise AssertionError(self.way)


class Branches(nn.Module):
    """Two ways through, cut to a common size and added or stacked."""

    def __init__(self, one: nn.Module, other: nn.Module, *, stack: bool) -> None:
        super().__init__()
        self.one, self.other = one, other
        self.mix = nn.Conv2d(8, 4, 1) if stack else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, H, W) to (N, 4, H', W')."""
        left, right = self.one(x), self.other(x)
        h, w = (min(left.shape[at], right.shape[at]) for at in (2, 3))
        left, right = left[:, :, :h, :w], right[:, :, :h, :w]
        mixed: Tensor = left + right if self.mix is None else self.mix(torch.cat([left, right], 1))
        return mixed


def make_graph(seed: int) -> nn.Sequential | None:
    """A network (N, 4, 13, 11) in, (N, 4, H, W) out, all its parameters positive.

    None where chance has made one whose maps shrink to nothing.
    """
    draw = random.Random(seed)
    net = nn.Sequential(*(_part(draw, depth=0) for _ in range(draw.randint(2, 4))))
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator).double() * 0.4 + 0.1
    try:
        net.eval()(torch.zeros(1, 4, *SIDES, dtype=torch.float64))
    except RuntimeError:
        return None
    return net


def _part(draw: random.Random, depth: int) -> nn.Module:
    kind = draw.choice(["conv"] * 3 + ["pool", "rearrange", "gate", "up"] + ["branch"] * 3)
    if kind == "branch" and depth < 2:
        one, other = (
            nn.Sequential(*(_part(draw, depth + 1) for _ in range(draw.randint(0, 2))))
            for _ in range(2)
        )
        return Branches(one, other, stack=draw.random() < 0.5)
    if kind == "pool":
        kernel = draw.randint(1, 3)
        return Pool(
            kernel, draw.randint(1, 3), draw.randint(0, kernel // 2), ceil_mode=draw.random() < 0.5
        )
    if kind == "rearrange":
        ways = ["shuffle", "flatten", "pad", "crop", "every second", "reflect", "turn"]
        return Rearrange(draw.choice([*ways, "nearest", "linear", "adaptive"]))
    if kind == "gate" and draw.random() < 0.5:
        return Gate(4)
    if kind == "up":
        return nn.ConvTranspose2d(4, 4, draw.randint(2, 3), stride=draw.randint(1, 2), padding=1)
    kernel_size = draw.randint(1, 3), draw.randint(1, 4)
    dilation = draw.randint(1, 2), 1
    # Enough zeros that the kernel always fits, and sometimes more than a same padding.
    margin = draw.choice([1, 1, 2]), draw.choice([1, 1, 2])
    padding = (
        dilation[0] * (kernel_size[0] - 1) // 2 + margin[0],
        (kernel_size[1] - 1) // 2 + margin[1],
    )
    stride = draw.randint(1, 2), draw.randint(1, 2)
    groups = draw.choice([1, 2, 4])
    return nn.Conv2d(4, 4, kernel_size, stride, padding, dilation, groups)


def support(net: nn.Module, channels: int = 4) -> Tensor:
    """(H', W', 4): the hull of the pixels with a gradient, of every unit; zeros where there are none.

    A unit is a position of the output, all channels summed.
    """
    for module in net.modules():
        if isinstance(module, Pool):
            module.as_mean = True
    image = torch.ones(1, channels, *SIDES, dtype=torch.float64, requires_grad=True)
    maps = net(image * 1).sum((0, 1))  # (H', W')
    hulls = torch.zeros(*maps.shape, 4, dtype=torch.long)
    for y in range(maps.shape[0]):
        for x in range(maps.shape[1]):
            if not maps[y, x].requires_grad:
                continue
            (gradient,) = torch.autograd.grad(maps[y, x], image, retain_graph=True)
            seen = gradient[0].abs().sum(0) > 0  # (H, W)
            if seen.any():
                rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
                hulls[y, x] = torch.stack(
                    [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
                )
    return hulls
