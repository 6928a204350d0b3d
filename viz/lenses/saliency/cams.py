"""Class activation maps: one layer's maps, added up by what each has to do with the answer.

One forward pass, and one backward pass that ends at the layer. They differ in what a map weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from viz.lenses.batching import good_batch, in_spans
from viz.lenses.recorder import replace_outputs
from viz.lenses.registry import LensError
from viz.lenses.saliency.layers import cam_layer
from viz.lenses.saliency.methods import Map, attribute, attributes
from viz.lenses.saliency.problem import Problem

# From the maps A and the gradients g = ∂f/∂A of a layer, both (N, C, h, w), to the sum over
# channels (N, 1, h, w), before anything is cut off.
_Rule = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LayerGradients:
    """A layer's maps and what they mean for the answer."""

    maps: Tensor  # (N, C, h, w)
    gradients: Tensor  # (N, C, h, w)


def layer_gradients(problem: Problem) -> LayerGradients:
    """Maps and gradients at the layer of `problem`, or at its default layer.

    Raises:
        LensError: the layer has no spatial extent, or what is explained does not depend on it.
    """
    layer = cam_layer(problem)
    size = good_batch(problem.net, problem.images[:1])
    everything = slice(0, len(problem.images))

    def some(span: slice) -> LayerGradients:
        return _gradients(problem if span == everything else problem.at(span), layer)

    parts = [found for _, found in in_spans(some, everything.stop, size)]
    if len(parts) == 1:
        return parts[0]
    return LayerGradients(
        torch.cat([part.maps for part in parts]), torch.cat([part.gradients for part in parts])
    )


def _gradients(problem: Problem, layer: str) -> LayerGradients:
    kept: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()  # what comes next may work in place

    # The network as it was loaded is quicker; layers that only the copy has are of the copy.
    explained = problem.quick if _has(problem.quick.net, layer) else problem.explained
    hooked = replace_outputs(explained.net, {layer: keep})
    with torch.inference_mode(False), torch.enable_grad(), hooked:
        # Copies, as what was made in inference mode cannot serve a backward pass.
        scores = explained(problem.images.clone(), problem.classes.clone())
        maps = kept[-1]  # of its last use
        gradients = None
        if scores.requires_grad:
            [gradients] = torch.autograd.grad(
                scores, maps, torch.ones_like(scores), allow_unused=True
            )
    if gradients is None:
        aim = problem.explained.aim.layer
        if aim is not None:
            raise LensError(
                f"{aim} does not depend on {layer}: explain it through a layer that runs before it."
            )
        gradients = torch.zeros_like(maps)
    return LayerGradients(maps.detach(), gradients)


def _has(net: nn.Module, layer: str) -> bool:
    try:
        net.get_submodule(layer)
    except AttributeError:
        return False
    return True


def _cam(problem: Problem, rule: _Rule) -> Iterator[Map]:
    found = layer_gradients(problem)
    values = rule(found.maps, found.gradients)
    if (problem.settings or {}).get("relu") == "yes":
        values = values.relu()
    yield Map(values, forward_passes=1, backward_passes=1)


@attributes("grad_cam")
def grad_cam(problem: Problem) -> Iterator[Map]:
    """ReLU Σ_k α_k A_k, α_k the mean of ∂f/∂A_k over the map (Selvaraju et al. 2017, eq. 1 and 2)."""
    yield from _cam(problem, mean_gradient_rule)


@attributes("grad_cam_pp")
def grad_cam_pp(problem: Problem) -> Iterator[Map]:
    """ReLU Σ_k w_k A_k with the weights of `plus_plus_rule`."""
    yield from _cam(problem, plus_plus_rule)


@attributes("layer_cam")
def layer_cam(problem: Problem) -> Iterator[Map]:
    """ReLU Σ_k ReLU(∂f/∂A_k) A_k, place by place (Jiang et al. 2021, eq. 5 to 7)."""
    yield from _cam(problem, lambda maps, gradients: _add(gradients.relu() * maps).relu())


@attributes("hires_cam")
def hires_cam(problem: Problem) -> Iterator[Map]:
    """Σ_k ∂f/∂A_k A_k, place by place (Draelos and Carin 2020, eq. 4)."""
    yield from _cam(problem, lambda maps, gradients: _add(gradients * maps))


@attributes("xgrad_cam")
def xgrad_cam(problem: Problem) -> Iterator[Map]:
    """ReLU Σ_k w_k A_k, w_k the mean of ∂f/∂A_k weighed by A_k (Fu et al. 2020, eq. 8)."""
    yield from _cam(problem, axiom_rule)


@attributes("guided_grad_cam")
def guided_grad_cam(problem: Problem) -> Iterator[Map]:
    """Grad-CAM, scaled up bilinearly, times guided backpropagation, pixel by pixel (N, C, H, W)."""
    found = layer_gradients(problem)
    cam = mean_gradient_rule(found.maps, found.gradients).relu()
    large = torch.nn.functional.interpolate(
        cam, size=problem.images.shape[2:], mode="bilinear", align_corners=False
    )
    guided = attribute("guided_backprop", problem)
    yield Map(
        guided.values * large,
        forward_passes=guided.forward_passes + 1,
        backward_passes=guided.backward_passes + 1,
    )


def mean_gradient_rule(maps: Tensor, gradients: Tensor) -> Tensor:
    """Each map times its mean gradient."""
    return _add(gradients.mean((2, 3), keepdim=True) * maps)


def axiom_rule(maps: Tensor, gradients: Tensor) -> Tensor:
    """Each map times its mean gradient weighed by the map itself; a map that sums to 0 counts 0."""
    total = maps.sum((2, 3), keepdim=True)
    weighed = (maps * gradients).sum((2, 3), keepdim=True)
    return _add(torch.where(total == 0, 0, weighed / torch.where(total == 0, 1, total)) * maps)


def plus_plus_rule(maps: Tensor, gradients: Tensor) -> Tensor:
    """Σ_k w_k A_k with w_k = Σ α ReLU(g), α = g² / (2 g² + g³ Σ A_k), 0 where g is 0.

    Chattopadhay et al. 2018, eq. 10 and 19: the answer is taken to be exp(f), and f to be linear in
    A around here (as behind it come only ReLUs and linear layers), so that the second and third
    derivative of the answer are exp(f) g² and exp(f) g³. The common factor exp(f) is left out: it
    scales the whole map.
    """
    total = maps.sum((2, 3), keepdim=True)
    below = 2 * gradients**2 + gradients**3 * total
    alpha = torch.where(below == 0, 0, gradients**2 / torch.where(below == 0, 1, below))
    return _add((alpha * gradients.relu()).sum((2, 3), keepdim=True) * maps)


def _add(weighed: Tensor) -> Tensor:
    """(N, C, h, w) to (N, 1, h, w)."""
    return weighed.sum(1, keepdim=True)
