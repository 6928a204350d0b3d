"""The named architectures, one file each; importing this package registers them all."""

from models.architectures import (
    all_conv,
    convnetjs_cifar,
    convnetjs_mnist,
    fast_mnist,
    fast_resnet,
    lenet5,
    lenet5_1998,
    plain20,
    resnet8,
    resnet20,
    small_conv,
    small_fc,
    small_local,
    small_vgg,
    tiny_vgg,
)

__all__ = [
    "all_conv",
    "convnetjs_cifar",
    "convnetjs_mnist",
    "fast_mnist",
    "fast_resnet",
    "lenet5",
    "lenet5_1998",
    "plain20",
    "resnet8",
    "resnet20",
    "small_conv",
    "small_fc",
    "small_local",
    "small_vgg",
    "tiny_vgg",
]
