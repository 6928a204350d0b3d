"""Which regions are kept in which sample: the designs of LIME and KernelSHAP, and their solutions.

Both fit a linear function of kept-or-not to the network's answers; they differ in what is sampled,
how a sample is weighed, and what the fit must satisfy. All in float64: the normal equations square
the condition of the problem.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Design:
    """Samples in the order in which they are run, and what each weighs.

    After the first n samples, sample i < n weighs `weights[i]`, and if it is a random one
    `leftover / (number of random ones among the n)` times that.
    """

    kept: Tensor  # bool (M, S)
    weights: Tensor  # float64 (M,)
    fixed: int = 0  # this many come first and are not random
    leftover: float = 0.0  # what the random ones weigh together; 0: as `weights` says

    def weigh(self, n: int) -> Tensor:
        """Weights (n,) of the first n samples."""
        weights = self.weights[:n].clone()
        if self.leftover and n > self.fixed:
            weights[self.fixed :] *= self.leftover / weights[self.fixed :].sum()
        return weights


def lime_design(regions: int, samples: int, width: float, seed: int) -> Design:
    """The whole image, then each region kept with a chance of one half.

    Weights: exp(−d² / width²), d the cosine distance between what is kept and the whole image.
    """
    random = torch.Generator().manual_seed(seed)
    kept = torch.rand(samples, regions, generator=random) < 0.5
    kept[0] = True
    distance = 1 - (kept.double().mean(1)).sqrt()  # cosine of a 0/1 vector to all ones: √share
    return Design(kept, torch.exp(-(distance**2) / width**2))


def solve_lime(kept: Tensor, answers: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """The coefficients (S,) that minimise Σ w (answer − b − kept·c)² + ridge |c|²; b is not held down.

    Args:
        kept: bool (n, S).
        answers: float64 (n,).
        weights: float64 (n,).
        ridge: strength of the penalty; at 0 the smallest of the best, where there are several.
    """
    z = kept.double()
    share = weights / weights.sum()
    z_mean, answer_mean = share @ z, share @ answers
    centred, target = z - z_mean, answers - answer_mean
    gram = centred.T @ (weights[:, None] * centred)
    gram += ridge * torch.eye(len(gram), dtype=torch.float64)
    return _solve(gram, centred.T @ (weights * target))


def shap_design(regions: int, samples: int, seed: int) -> Design:
    """Coalitions of 1 to S − 1 regions, by what they weigh in Shapley's values, none twice on purpose.

    If there are no more than `samples`, all of them. Otherwise sizes from the outside in (1 and
    S − 1 weigh most) as long as all coalitions of a size get their due number of samples; the rest
    are drawn at random, each followed by its complement, which cancels much of the noise (Covert
    and Lee, "Improving KernelSHAP", AISTATS 2021).
    """
    if regions < 2:
        return Design(torch.zeros(0, regions, dtype=torch.bool), torch.zeros(0).double())
    sizes = range(1, regions)
    mass = {size: 1.0 / (size * (regions - size)) for size in sizes}  # of all coalitions of a size
    total = sum(mass.values())
    everything = 2**regions - 2 <= samples if regions < 63 else False
    rows: list[Tensor] = []
    weights: list[float] = []
    left, remaining = samples, list(sizes)
    for size in range(1, regions // 2 + 1):
        pair = sorted({size, regions - size})
        count = math.comb(regions, size) * len(pair)
        due = left * sum(mass[each] for each in pair) / sum(mass[each] for each in remaining)
        if not everything and (count > left or due < count):
            break
        for members in itertools.combinations(range(regions), size):
            row = torch.zeros(regions, dtype=torch.bool)
            row[list(members)] = True
            rows += [row, ~row][: len(pair)]
        weights += [sum(mass[each] for each in pair) / total / count] * count
        left -= count
        remaining = [each for each in remaining if each not in pair]
    fixed = len(rows)
    leftover = sum(mass[each] for each in remaining) / total
    if remaining and left > 0:
        random = torch.Generator().manual_seed(seed)
        chances = torch.tensor([mass[each] for each in remaining], dtype=torch.float64)
        picks = torch.multinomial(chances, -(-left // 2), replacement=True, generator=random)
        for index in picks.tolist():
            row = torch.zeros(regions, dtype=torch.bool)
            row[torch.randperm(regions, generator=random)[: remaining[index]]] = True
            rows += [row, ~row]
        rows = rows[: fixed + left]
        weights += [1.0] * (len(rows) - fixed)
    else:
        leftover = 0.0
    kept = torch.stack(rows) if rows else torch.zeros(0, regions, dtype=torch.bool)
    return Design(kept, torch.tensor(weights, dtype=torch.float64), fixed, leftover)


def solve_shap(kept: Tensor, answers: Tensor, weights: Tensor, none: float, whole: float) -> Tensor:
    """The values (S,) that fit the answers best among those that sum up to whole − none.

    Lundberg and Lee, "A unified approach to interpreting model predictions", NeurIPS 2017, section
    4.1; the constraint puts the last value in terms of the others. With all coalitions these are
    the Shapley values.

    Args:
        kept: bool (n, S).
        answers: float64 (n,).
        weights: float64 (n,).
        none: the answer without any region.
        whole: the answer to the whole image.
    """
    regions = kept.shape[1]
    gap = whole - none
    if regions == 1:
        return torch.tensor([gap], dtype=torch.float64)
    if not len(kept):
        return torch.full((regions,), gap / regions, dtype=torch.float64)
    z = kept.double()
    others = z[:, :-1] - z[:, -1:]
    target = answers - none - z[:, -1] * gap
    weighed = weights[:, None] * others
    values = _solve(others.T @ weighed, weighed.T @ target)
    return torch.cat([values, (gap - values.sum())[None]])


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    """The solution; the smallest of the closest where the matrix does not have just one."""
    found: Tensor = torch.linalg.lstsq(matrix, right[:, None], driver="gelsd").solution
    return found[:, 0]
