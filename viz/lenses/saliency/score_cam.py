"""Score-CAM: a map weighs what the network says when it sees the image through it.

Wang et al., "Score-CAM: score-weighted visual explanations for convolutional neural networks", CVPR
workshop 2020. No gradient: one forward pass a map.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from viz.lenses.batching import good_batch, in_batches
from viz.lenses.recorder import record
from viz.lenses.saliency.layers import cam_layer
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.perturb import Pace, fill_images, in_turn, perturbed_scores, pick
from viz.lenses.saliency.problem import Problem


@attributes("score_cam")
def score_cam(problem: Problem) -> Iterator[Map]:
    """ReLU Σ_k α_k A_k, α the softmax over the maps k of f(x seen through A_k), (N, 1, h, w).

    A map is scaled up to the image and stretched to [0, 1] before the image is multiplied by it; a
    map that is the same everywhere shows nothing and counts 0 (algorithm 1 of the paper; the score
    of the baseline is the same for all maps and falls out of the softmax).

    Settings: channels (the maps that vary most, at most so many), fill.
    """
    settings = problem.settings or {}
    images = problem.images
    n, size = len(images), images.shape[2:]
    maps = _maps(problem, cam_layer(problem))  # (N, C, h, w)
    spread = maps.flatten(2).std(2, correction=0)  # (N, C)
    count = min(int(settings["channels"]), maps.shape[1])
    order = spread.argsort(dim=1, descending=True, stable=True)[
        :, :count
    ]  # (N, K), most varied first
    fill = fill_images(problem)
    alive = spread.gather(1, order) > 0
    count = int(alive.sum(1).max()) if len(alive) else 0
    owners, numbers = in_turn(problem, count)

    def make(span: slice) -> Tensor:
        owner, number = owners[span], numbers[span]
        small = maps[owner, order[owner, number]][:, None]  # (n, 1, h, w)
        large = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
        low, high = large.amin((2, 3), keepdim=True), large.amax((2, 3), keepdim=True)
        seen = (large - low) / torch.where(high > low, high - low, 1)
        return torch.lerp(pick(fill, owner), pick(images, owner), seen)

    scores = maps.new_full((n, max(count, 1)), -torch.inf)
    pace = Pace()
    for span, found in perturbed_scores(problem, owners, make):
        scores[owners[span], numbers[span]] = found
        if span.stop < len(owners) and pace.due():
            yield _weigh(maps, order, scores, alive, 1 + span.stop // n, span.stop / len(owners))
    yield _weigh(maps, order, scores, alive, 1 + count, 1.0)


def _weigh(
    maps: Tensor, order: Tensor, scores: Tensor, alive: Tensor, passes: int, share: float
) -> Map:
    known = scores.masked_fill(~alive[:, : scores.shape[1]], -torch.inf)
    weights = torch.softmax(known, 1).nan_to_num(0)  # (N, K); 0 where no map shows anything
    chosen = order[:, : scores.shape[1]]
    picked = maps.gather(1, chosen[..., None, None].expand(-1, -1, *maps.shape[2:]))
    values = (weights[..., None, None] * picked).sum(1, keepdim=True).relu()
    return Map(values, forward_passes=passes, backward_passes=0, share=share)


def _maps(problem: Problem, layer: str) -> Tensor:
    def run(images: Tensor) -> Tensor:
        with record(problem.net, [layer]) as outputs, torch.inference_mode():
            problem.net(images)
        return outputs[layer][-1].clone()

    size = good_batch(problem.net, problem.images[:1])
    return torch.cat([found for _, found in in_batches(run, problem.images, size)])
