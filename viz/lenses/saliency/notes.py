"""Why a map is empty: nobody should have to guess whether black means "nothing" or "broken"."""

from __future__ import annotations

import torch
from torch import Tensor

from viz.attribution.method import Method
from viz.lenses.saliency.cams import layer_gradients
from viz.lenses.saliency.layers import cam_layer
from viz.lenses.saliency.problem import Problem


def explain_empty(problem: Problem, method: Method, values: Tensor) -> str:
    """One sentence for a map (N, C, H, W) that is zero everywhere or holds no numbers; else "".

    Args:
        problem: of a single image.
        method: whose map it is.
        values: the complete map.
    """
    if not bool(torch.isfinite(values).all()):
        return (
            f"{method.title} holds values that are not numbers: the network's answer to this image, or "
            "its gradient, is infinite, as after a training that diverged."
        )
    if bool(values.any()):
        return ""
    empty = f"{method.title} is zero everywhere: "
    if method.layered:
        return empty + _why_no_cam(problem, method)
    if method.family == "perturbation":
        return f"{empty}no change made to the image moved the answer, so the network does not depend on it here."
    return f"{empty}the network's answer does not change with the image here, its gradient is zero."


def _why_no_cam(problem: Problem, method: Method) -> str:
    layer = cam_layer(problem)
    found = layer_gradients(problem)
    if not bool(found.gradients.any()):
        return (
            f"the network's answer does not depend on {layer} at this image, its gradient is zero."
        )
    if not bool(found.maps.any()):
        return f"every map of {layer} is 0 at this image, nothing fires: try an earlier layer."
    signed = any(option.name == "relu" for option in method.options)
    look = "look at the signed map, or try another layer" if signed else "try another layer"
    return (
        f"no place of {layer} both fires and speaks for the answer, and what speaks against it is cut off: "
        f"{look}."
    )
