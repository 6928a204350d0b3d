"""Gradients added up on the way from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from viz.lenses.saliency.baselines import baselines, black
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.passes import generator, mean_scores, rounds, scores_at
from viz.lenses.saliency.problem import Problem


@attributes("integrated_gradients")
def integrated_gradients(problem: Problem) -> Iterator[Map]:
    """(x − x') ∫ ∂f/∂x (x' + a (x − x')) da, a from 0 to 1, (N, C, H, W).

    By Gauss–Legendre: its points lie inside the way, where the trapezoid takes both ends, and at a
    black image many ReLUs stand exactly at their kink.
    """
    steps = int((problem.settings or {})["steps"])
    start = baselines(problem)
    way = problem.images - start
    points, weights = _gauss_legendre(steps)

    def version(which: Tensor, number: Tensor) -> Tensor:
        return start[which] + points[number, None, None, None] * way[which]

    base = scores_at(problem, start)
    total, done = torch.zeros_like(way), torch.zeros(len(way))
    for each in rounds(problem, steps, version):
        share = weights[each.number]
        total.index_add_(0, each.which, share[:, None, None, None] * each.gradients)
        done.index_add_(0, each.which, share)
        passes = max(1, round(each.share * steps))
        mean = total / done.clamp(min=1e-12)[:, None, None, None]
        yield Map(way * mean, passes + 1, passes, each.share, base)


@attributes("gradient_shap")
def gradient_shap(problem: Problem) -> Iterator[Map]:
    """Mean of (x − x') ∂f/∂x (x' + a (x − x')) over random references x' and random a from 0 to 1.

    What it should add up to is f(x) minus the mean of f over the references that were drawn.
    """
    settings = problem.settings or {}
    samples, seed = int(settings["samples"]), int(settings["seed"])
    references = black(problem) if problem.references is None else problem.references
    draws = [generator(seed, number) for number in range(samples)]
    drawn = torch.tensor([int(torch.randint(len(references), (), generator=g)) for g in draws])
    points = torch.stack([torch.rand((), generator=each) for each in draws])

    def version(which: Tensor, number: Tensor) -> Tensor:
        start = references[drawn[number]]
        return start + points[number, None, None, None] * (problem.images[which] - start)

    base = mean_scores(problem, references, drawn.bincount(minlength=len(references)) / samples)
    total, done = torch.zeros_like(problem.images), torch.zeros(len(problem.images))
    references_run = len(set(drawn.tolist()))
    for each in rounds(problem, samples, version):
        way = problem.images[each.which] - references[drawn[each.number]]
        total.index_add_(0, each.which, way * each.gradients)
        done.index_add_(0, each.which, torch.ones(len(each.which)))
        passes = max(1, round(each.share * samples))
        mean = total / done.clamp(min=1)[:, None, None, None]
        yield Map(mean, passes + references_run, passes, each.share, base)


def _gauss_legendre(steps: int) -> tuple[Tensor, Tensor]:
    """Points in (0, 1) and their weights, which sum up to 1; in an order in which every beginning
    is spread over the whole way, so that a part of the sum is a fair guess at all of it."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    golden = (np.arange(steps) * 0.6180339887498949) % 1
    order = np.argsort(np.argsort(golden))
    found = (points[order] + 1) / 2, weights[order] / 2
    return torch.from_numpy(found[0]).float(), torch.from_numpy(found[1]).float()
