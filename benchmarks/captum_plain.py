"""Captum called the plain way, as its documentation begins: what our own methods are held against.

The network as it was loaded, the defaults of captum, the same number of samples or steps as ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from captum.attr import (
    LRP,
    Deconvolution,
    DeepLift,
    FeatureAblation,
    GradientShap,
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    KernelShap,
    LayerGradCam,
    Lime,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from torch import Tensor, nn


def captum_ways(
    net: nn.Module,
    image: Tensor,
    target: int,
    *,
    layer: str,
    regions: Tensor,
    window: int,
    stride: int,
    settings: Mapping[str, Mapping[str, Any]],
) -> dict[str, Callable[[], object]]:
    """For each of our methods that captum has, a call of captum's.

    Args:
        net: the network, not a copy with separate activations.
        image: (1, C, H, W).
        target: the class.
        layer: dotted name, for class activation maps.
        regions: int64 (1, H, W), of surrogates and ablation.
        window, stride: of occlusion, in pixels.
        settings: of ours, by method.
    """
    black = torch.zeros_like(image)
    channels = image.shape[1]
    mask = regions[:, None]
    module = net.get_submodule(layer)
    patch = {
        "sliding_window_shapes": (channels, window, window),
        "strides": (channels, stride, stride),
    }
    noisy: dict[str, Any] = {"nt_samples": settings["smoothgrad"]["samples"], "stdevs": 0.5}
    steps = settings["integrated_gradients"]["steps"]
    shap = {"n_samples": settings["gradient_shap"]["samples"], "baselines": black}
    fits = {
        name: {"feature_mask": mask, "n_samples": settings[name]["samples"]}
        for name in ("lime", "kernel_shap")
    }
    calls: dict[str, Callable[[], object]] = {
        "saliency": lambda: Saliency(net).attribute(image, target=target),
        "input_x_gradient": lambda: InputXGradient(net).attribute(image, target=target),
        "smoothgrad": lambda: NoiseTunnel(Saliency(net)).attribute(image, target=target, **noisy),
        "vargrad": lambda: NoiseTunnel(Saliency(net)).attribute(
            image, target=target, nt_type="vargrad", **noisy
        ),
        "integrated_gradients": lambda: IntegratedGradients(net).attribute(
            image, target=target, n_steps=steps
        ),
        "gradient_shap": lambda: GradientShap(net).attribute(image, target=target, **shap),
        "guided_backprop": lambda: GuidedBackprop(net).attribute(image, target=target),
        "deconvolution": lambda: Deconvolution(net).attribute(image, target=target),
        "deep_lift": lambda: DeepLift(net).attribute(image, target=target),
        "lrp": lambda: LRP(net).attribute(image, target=target),
        "grad_cam": lambda: LayerGradCam(net, module).attribute(image, target=target),
        "guided_grad_cam": lambda: GuidedGradCam(net, module).attribute(image, target=target),
        "occlusion": lambda: Occlusion(net).attribute(image, target=target, **patch),
        "lime": lambda: Lime(net).attribute(image, target=target, **fits["lime"]),
        "kernel_shap": lambda: KernelShap(net).attribute(
            image, target=target, **fits["kernel_shap"]
        ),
        "feature_ablation": lambda: FeatureAblation(net).attribute(
            image, target=target, feature_mask=mask
        ),
    }
    return {name: _quiet(call) for name, call in calls.items()}


def _quiet(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # captum says that it sets hooks, and that it asks for gradients
            return call()

    return run
