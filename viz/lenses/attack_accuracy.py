"""Accuracy under attack: of how many held-out images the network still knows the class when every one
of them is attacked, and when as much noise is added instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from data.load import Split
from data.splits import spread
from viz.lenses.adversarial import LARGEST, MOST_STEPS, batch_of, read_epsilon
from viz.lenses.arrays import check_count, to_floats, to_ints
from viz.lenses.attacks import Victim, anywhere, away_from, fgsm, pgd, random_signs
from viz.lenses.batching import in_spans
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError, lens
from viz.results.adversarial import AttackAccuracy

KINDS = ("noise", "fgsm", "pgd")
MOST_IMAGES = 2000
MOST_STRENGTHS = 20
STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@lens("attack_accuracy")
def attack_accuracy(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    split: str = "val",
    images: int = 200,
    epsilons: Sequence[float] = STRENGTHS,
    steps: int = 10,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[AttackAccuracy]:
    """Right answers of held-out images under noise, FGSM and PGD, untargeted, away from the truth.

    An image that PGD has turned stays turned at all larger strengths, whose balls hold the smaller
    ones; only the others are attacked on. FGSM is tried anew at each: its one step may go too far.

    Args:
        context: of the worker.
        model: a network trained here, at a moment.
        image: not used.
        split: val or test.
        images: how many, every class with its share.
        epsilons: strengths in 1/255, rising.
        steps: of PGD, of size 2.5 ε / steps, from a random start.
        dataset: what random weights are made for.

    Yields:
        The counts of the images done so far.
    """
    check_count("images", images, MOST_IMAGES)
    check_count("steps", steps, MOST_STEPS)
    if split not in ("val", "test"):
        raise LensError(f"{split[:40]!r} holds nothing out: choose val or test.")
    strengths = [read_epsilon(each) for each in epsilons]
    if not 1 <= len(strengths) <= MOST_STRENGTHS or strengths != sorted(set(strengths)):
        raise LensError(
            f"{str(list(epsilons))[:60]} are no strengths: give 1 to {MOST_STRENGTHS} rising numbers "
            f"from 0 to {LARGEST:g}."
        )
    subject = context.subject(model, dataset)
    chosen = context.images(subject, split)
    if not len(chosen):
        raise LensError(f"{subject.info.title} holds no {_word(split)} images out.")
    part = chosen.at(spread(chosen.labels, min(images, len(chosen))))
    victim = Victim(subject.net, subject.info)
    right = torch.zeros(len(KINDS), len(strengths), dtype=torch.int64)

    def count(span: slice) -> Tensor:
        few = Split(part.images[span], part.labels[span])
        return _count(victim, few, strengths, steps, seed=span.start)

    most = "all " if len(part) == len(chosen) else ""
    for span, found in in_spans(count, len(part), max(1, min(25, batch_of(subject) // 2))):
        right = right + found  # what was yielded before keeps its numbers
        yield AttackAccuracy(
            kinds=KINDS,
            epsilons=to_floats(torch.tensor(strengths)),
            right=to_ints(right),
            images=span.stop,
            total=len(part),
            words=f"{most}{len(part)} {_word(split)} images",
            steps=steps,
            share=span.stop / len(part),
            step=subject.step,
        )


def _count(
    victim: Victim, part: Split, strengths: Sequence[float], steps: int, *, seed: int
) -> Tensor:
    """(kinds, strengths) right answers of some images."""
    pixels, labels = part.images.to(torch.float32) / 255, part.labels
    generator = torch.Generator().manual_seed(seed)
    right = torch.zeros(len(KINDS), len(strengths), dtype=torch.int64)
    standing = _right(victim, pixels, labels)  # not turned by any PGD so far
    for column, strength in enumerate(strengths):
        radius = torch.full((len(labels),), strength / 255)
        noisy = random_signs(pixels, radius, generator)
        right[0, column] = _right(victim, noisy, labels).sum()
        one = fgsm(victim, pixels, away_from(labels), radius)
        right[1, column] = _right(victim, one, labels).sum()
        left = standing.nonzero()[:, 0]
        if strength > 0 and len(left):
            many = pgd(
                victim, pixels[left], away_from(labels[left]), radius[left], steps=steps,
                step_size=2.5 * radius[left] / steps,
                start=anywhere(pixels[left].shape, generator),
            )  # fmt: skip
            standing[left] = _right(victim, many, labels[left])
        right[2, column] = standing.sum()
    return right


def _right(victim: Victim, pixels: Tensor, labels: Tensor) -> Tensor:
    """bool (N,)."""
    return victim.probs(pixels).nan_to_num(-1).argmax(1) == labels


def _word(split: str) -> str:
    return {"val": "validation", "test": "test"}[split]
