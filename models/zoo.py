"""The pretrained networks of torchvision that are worth a look, as a table that needs no torch.

All are convolutional and classify ImageNet's thousand classes. Sizes and file names are those of
torchvision's `IMAGENET1K_V1` weights; a test holds them against torchvision. What a shipped network
does differently from the paper it is named after stands beside it, because every page would
otherwise tell it wrong.
"""

from __future__ import annotations

import difflib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from models.architectures.base import ModelError


@dataclass(frozen=True)
class ZooNet:
    """One pretrained network."""

    name: str  # torchvision's, as in `torchvision:<name>`
    title: str
    num_params: int  # of the network that is shown: without auxiliary heads
    file_name: str  # of its weights, under torchvision's address and in the cache
    megabytes: float  # of that file, 2**20 bytes
    note: str = ""  # how it differs from the paper; else ""
    input_side: int = 224
    resize: int = 256  # pixels the shorter side is scaled to before the middle is cut out
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    @property
    def url(self) -> str:
        """Where its weights are published."""
        return f"https://download.pytorch.org/models/{self.file_name}"


_STRIDE = (
    "Torchvision puts the stride of a bottleneck into its 3×3 convolution, the paper into the first "
    "1×1 one; this variant is called v1.5 and is about half a point more accurate."
)
_NO_NORM = "As in the paper, without batch norm."
_WITH_NORM = "The paper's network with batch norm added, which the paper did not have."
_MNASNET = "This is the paper's B1 variant without squeeze-and-excitation, not its better-known A1."
_WHOLE_IMAGE = (
    "Its squeeze-and-excitation blocks pool over the whole map, so from the first one on every unit "
    "depends on the whole image."
)

ZOO: Final = (
    ZooNet(
        "mobilenet_v2",
        "MobileNetV2",
        3_504_872,
        "mobilenet_v2-b0353104.pth",
        13.6,
    ),
    ZooNet("squeezenet1_1", "SqueezeNet 1.1", 1_235_496, "squeezenet1_1-b8a52dc0.pth", 4.7),
    ZooNet("squeezenet1_0", "SqueezeNet 1.0", 1_248_424, "squeezenet1_0-b66bff10.pth", 4.8),
    ZooNet("resnet18", "ResNet-18", 11_689_512, "resnet18-f37072fd.pth", 44.7),
    ZooNet("resnet34", "ResNet-34", 21_797_672, "resnet34-b627a593.pth", 83.3),
    ZooNet("resnet50", "ResNet-50", 25_557_032, "resnet50-0676ba61.pth", 97.8, _STRIDE),
    ZooNet("resnet101", "ResNet-101", 44_549_160, "resnet101-63fe2227.pth", 170.5, _STRIDE),
    ZooNet("resnet152", "ResNet-152", 60_192_808, "resnet152-394f9c45.pth", 230.4, _STRIDE),
    ZooNet(
        "wide_resnet50_2",
        "Wide ResNet-50-2",
        68_883_240,
        "wide_resnet50_2-95faca4d.pth",
        131.8,
        _STRIDE,
    ),
    ZooNet(
        "resnext50_32x4d",
        "ResNeXt-50 32×4d",
        25_028_904,
        "resnext50_32x4d-7cdf4587.pth",
        95.8,
    ),
    ZooNet(
        "alexnet",
        "AlexNet",
        61_100_840,
        "alexnet-owt-7be5be79.pth",
        233.1,
        "The one-column variant of 2014 (64, 192, 384, 256 and 256 filters, no groups, no local "
        "response normalisation), not the network of 2012 with 96, 256, 384, 384 and 256 filters, "
        "groups and 60,965,224 parameters.",
    ),
    ZooNet("vgg11", "VGG-11", 132_863_336, "vgg11-8a719046.pth", 506.8, _NO_NORM),
    ZooNet("vgg13", "VGG-13", 133_047_848, "vgg13-19584684.pth", 507.5, _NO_NORM),
    ZooNet("vgg16", "VGG-16", 138_357_544, "vgg16-397923af.pth", 527.8, _NO_NORM),
    ZooNet("vgg19", "VGG-19", 143_667_240, "vgg19-dcbb9e9d.pth", 548.1, _NO_NORM),
    ZooNet(
        "vgg16_bn",
        "VGG-16 with batch norm",
        138_365_992,
        "vgg16_bn-6c64b313.pth",
        527.9,
        _WITH_NORM,
    ),
    ZooNet(
        "googlenet",
        "GoogLeNet",
        6_624_904,
        "googlenet-1378be20.pth",
        49.7,
        "Ported from TensorFlow with its bug: the branches called 5×5 are 3×3, batch norm takes the "
        "place of local response normalisation, and the input is rescaled inside.",
    ),
    ZooNet(
        "inception_v3",
        "Inception v3",
        23_834_568,
        "inception_v3_google-0cc3c7bd.pth",
        103.9,
        "Torchvision publishes 27,161,264 parameters, which counts the auxiliary head that only "
        "training uses; the input is rescaled inside.",
        input_side=299,
        resize=342,
    ),
    ZooNet("densenet121", "DenseNet-121", 7_978_856, "densenet121-a639ec97.pth", 30.8),
    ZooNet("densenet169", "DenseNet-169", 14_149_480, "densenet169-b2777c0a.pth", 54.7),
    ZooNet("densenet201", "DenseNet-201", 20_013_928, "densenet201-c1103571.pth", 77.4),
    ZooNet(
        "mobilenet_v3_small",
        "MobileNetV3 small",
        2_542_856,
        "mobilenet_v3_small-047dcff4.pth",
        9.8,
        _WHOLE_IMAGE,
    ),
    ZooNet(
        "mobilenet_v3_large",
        "MobileNetV3 large",
        5_483_032,
        "mobilenet_v3_large-8738ca79.pth",
        21.1,
        _WHOLE_IMAGE,
    ),
    ZooNet(
        "mnasnet0_5",
        "MNASNet 0.5",
        2_218_512,
        "mnasnet0.5_top1_67.823-3ffadce67e.pth",
        8.6,
        _MNASNET,
    ),
    ZooNet(
        "mnasnet1_0",
        "MNASNet 1.0",
        4_383_312,
        "mnasnet1.0_top1_73.512-f206786ef8.pth",
        16.9,
        _MNASNET,
    ),
    ZooNet(
        "shufflenet_v2_x1_0",
        "ShuffleNetV2 1.0×",
        2_278_604,
        "shufflenetv2_x1-5666bf0f80.pth",
        8.8,
    ),
    ZooNet(
        "efficientnet_b0",
        "EfficientNet-B0",
        5_288_548,
        "efficientnet_b0_rwightman-7f5810bc.pth",
        20.5,
        _WHOLE_IMAGE,
        interpolation="bicubic",
    ),
    ZooNet(
        "convnext_tiny",
        "ConvNeXt tiny",
        28_589_128,
        "convnext_tiny-983f1562.pth",
        109.1,
        resize=236,
    ),
    ZooNet(
        "regnet_y_400mf",
        "RegNetY-400MF",
        4_344_144,
        "regnet_y_400mf-c65dace8.pth",
        16.8,
        _WHOLE_IMAGE,
    ),
)
_BY_NAME: Final = {net.name: net for net in ZOO}


_STALE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class WeightsProgress:
    """How far the download of a network's weights is."""

    done_bytes: int
    total_bytes: int


def find_net(name: str) -> ZooNet:
    """The pretrained network called `name`.

    Raises:
        ModelError: there is none here; the sentence names the closest ones.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    close = difflib.get_close_matches(name[:100], _BY_NAME, n=3, cutoff=0.5) or list(_BY_NAME)
    raise ModelError(
        f"There is no pretrained network called {name[:60]!r} here: try {', '.join(close)}."
    )


def weights_dir() -> Path:
    """Where torch keeps downloaded weights, by its own rule (`torch.hub.get_dir`)."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def weights_file(name: str) -> Path:
    """Where the weights of a network are, or will be.

    Raises:
        ModelError: there is no such network.
    """
    return weights_dir() / find_net(name).file_name


def is_on_disk(name: str) -> bool:
    """Whether the network can be loaded without the network. Unknown names are not there."""
    return name in _BY_NAME and weights_file(name).is_file()


def progress_path(name: str) -> Path:
    """The small file that a running download keeps.

    Raises:
        ModelError: there is no such network.
    """
    return weights_dir() / f".download-{find_net(name).name}.json"


def read_progress(name: str) -> WeightsProgress | None:
    """How far the download of a network's weights is; None when none runs.

    A file not renewed for half a minute was left by a process that died and is ignored.

    Raises:
        ModelError: there is no such network.
    """
    path = progress_path(name)
    try:
        age = time.time() - path.stat().st_mtime
        values = json.loads(path.read_text(encoding="utf-8"))
        progress = WeightsProgress(int(values["done_bytes"]), int(values["total_bytes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if age > _STALE_SECONDS else progress
