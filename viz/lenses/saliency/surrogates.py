"""LIME and KernelSHAP: a linear function of regions that answers as the network does nearby.

Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016; Lundberg and Lee, "A unified
approach to interpreting model predictions", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from viz.lenses.saliency.coalitions import (
    Design,
    lime_design,
    shap_design,
    solve_lime,
    solve_shap,
)
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.perturb import Pace, fill_images, own_scores, perturbed_scores
from viz.lenses.saliency.problem import Problem
from viz.lenses.saliency.segments import segment

# From a design, how many of its samples have been run and their answers (n,), to values (S,).
_Solve = Callable[[Design, Tensor], Tensor]


@attributes("lime")
def lime(problem: Problem) -> Iterator[Map]:
    """The coefficient of each region, at each of its pixels (N, 1, H, W).

    Settings: regions, segments, samples, width (of the kernel), ridge, fill, seed.
    """
    settings = problem.settings or {}
    samples, seed = int(settings["samples"]), int(settings["seed"])
    width, ridge = float(settings["width"]), float(settings["ridge"])

    def solve(design: Design, answers: Tensor) -> Tensor:
        n = len(answers)
        return solve_lime(design.kept[:n], answers, design.weigh(n), ridge)

    yield from _fit(
        problem,
        lambda regions: lime_design(regions, samples, width, seed),
        [solve] * len(problem.images),
        passes=0,
    )


@attributes("kernel_shap")
def kernel_shap(problem: Problem) -> Iterator[Map]:
    """The Shapley value of each region, at each of its pixels (N, 1, H, W).

    Estimated from as many coalitions as asked for; exact where those are all. The values of the
    regions sum up to f(x) − f(fill). Settings: regions, segments, samples, fill, seed.
    """
    settings = problem.settings or {}
    samples, seed = int(settings["samples"]), int(settings["seed"])
    whole = own_scores(problem).double()
    fill = fill_images(problem)
    everyone = torch.arange(len(fill))
    parts = perturbed_scores(problem, everyone, lambda span: fill[span])
    none = torch.cat([scores for _, scores in parts]).double()

    def solver(image: int) -> _Solve:
        def solve(design: Design, answers: Tensor) -> Tensor:
            n = len(answers)
            ends = float(none[image]), float(whole[image])
            return solve_shap(design.kept[:n], answers, design.weigh(n), *ends)

        return solve

    yield from _fit(
        problem,
        lambda regions: shap_design(regions, samples, seed),
        [solver(image) for image in range(len(fill))],
        passes=2,
    )


def _fit(
    problem: Problem, design_for: Callable[[int], Design], solvers: list[_Solve], passes: int
) -> Iterator[Map]:
    """One image after the other: run the design's samples, solve, and paint the regions.

    Args:
        problem: the images.
        design_for: from the number of regions.
        solvers: one an image.
        passes: through the network that each image has cost before.
    """
    settings = problem.settings or {}
    images = problem.images
    regions = segment(images, problem.info, settings["regions"], int(settings["segments"]))
    fill = fill_images(problem)
    values = images.new_zeros(len(images), 1, *images.shape[2:])
    pace = Pace()
    before = 0  # samples of the images that are done
    for at, solve in enumerate(solvers):
        one = problem.at(slice(at, at + 1))
        place = regions[at]  # (H, W)
        design = design_for(int(place.max()) + 1)
        count = len(design.kept)
        masked = _masker(images[at], fill[at], place, design)
        answers = torch.zeros(count, dtype=torch.float64)
        for span, scores in perturbed_scores(one, torch.zeros(count).long(), masked):
            answers[span] = scores.double()
            if span.stop < count and pace.due():
                values[at, 0] = solve(design, answers[: span.stop])[place].float()
                yield Map(
                    values.clone(),
                    forward_passes=passes + -(-(before + span.stop) // len(images)),
                    backward_passes=0,
                    share=(at + span.stop / count) / len(images),
                )
        before += count
        values[at, 0] = solve(design, answers)[place].float()
        if at + 1 == len(images) or pace.due():
            yield Map(
                values.clone(),
                forward_passes=passes + -(-before // len(images)),
                backward_passes=0,
                share=(at + 1) / len(images),
            )


def _masker(
    image: Tensor, fill: Tensor, place: Tensor, design: Design
) -> Callable[[slice], Tensor]:
    """Images (n, C, H, W) in which the regions that a slice of the samples does not keep are filled."""

    def make(span: slice) -> Tensor:
        shown = design.kept[span][:, place][:, None]  # (n, 1, H, W)
        return torch.where(shown, image, fill)

    return make
