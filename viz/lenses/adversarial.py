"""The lenses behind the adversarial page: one image at one strength, and over all strengths.

Strengths are counted in 1/255 of a pixel's range, the step between two grey levels of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.images import Fitted
from viz.lenses.arrays import check_count, to_floats
from viz.lenses.attacks import (
    Objective,
    Victim,
    anywhere,
    away_from,
    fgsm,
    pgd_steps,
    random_signs,
    towards,
)
from viz.lenses.batching import in_batches, run_batches
from viz.lenses.context import LensContext, Subject
from viz.lenses.held_out import leaf_macs
from viz.lenses.pace import Pace
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.lenses.repaint import check_class
from viz.results.adversarial import Attack, AttackCurve

METHODS = ("fgsm", "pgd")
LARGEST = 32.0  # ε, in 1/255
MOST_STEPS = 100
NOISE_DRAWS = 100  # at one strength; a fifth of them at each of a curve
FEW_DRAWS = 30
CURVE = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0)
COARSE = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # for networks that take long
HALVINGS = 6  # of the gap in which the answer flips
_DEAR_MACS = 1e8  # a network above it is asked about fewer strengths and draws of noise
_BATCH_MACS = 4e9


@dataclass(frozen=True)
class Plan:
    """How an image is attacked."""

    method: str
    target: int | None
    steps: int
    step_size: float | None  # in 1/255; None: 2.5 ε / steps, as Madry et al.
    random_start: bool

    def objective(self, source: Tensor) -> Objective:
        """For images whose classes are `source` (N,)."""
        return away_from(source) if self.target is None else towards(
            torch.full_like(source, self.target)
        )  # fmt: skip

    def run(self, victim: Victim, pixels: Tensor, source: Tensor, epsilon: Tensor) -> Tensor:
        """The last of `attempts`."""
        *_, found = self.attempts(victim, pixels, source, epsilon)
        return found

    def attempts(
        self, victim: Victim, pixels: Tensor, source: Tensor, epsilon: Tensor
    ) -> Iterator[Tensor]:
        """Attacked images (N, C, H, W) in [0, 1], better and better.

        Args:
            victim: the network.
            pixels: (N, C, H, W) in [0, 1].
            source: (N,) the classes to drive away from.
            epsilon: (N,) in 1/255.
        """
        radius, objective = epsilon / 255, self.objective(source)
        if self.method == "fgsm":
            yield fgsm(victim, pixels, objective, radius)
            return
        size = (
            2.5 * radius / self.steps
            if self.step_size is None
            else torch.full_like(radius, self.step_size / 255)
        )
        start = None
        if self.random_start:  # the same for every strength
            start = anywhere(pixels[:1].shape, torch.Generator().manual_seed(0))
        yield from pgd_steps(
            victim, pixels, objective, radius, steps=self.steps, step_size=size, start=start
        )


def read_plan(
    subject: Subject,
    method: str,
    target: int | None,
    steps: int,
    step_size: float | None,
    random_start: bool,
) -> Plan:
    """The attack that a request describes.

    Raises:
        LensError: one sentence: a value that makes no sense.
    """
    if method not in METHODS:
        raise LensError(f"{method[:40]!r} is no attack: choose fgsm or pgd.")
    check_count("steps", steps, MOST_STEPS)
    if step_size is not None and not (_number(step_size) and 0 < step_size <= LARGEST):
        raise LensError(
            f"step_size is {str(step_size)[:40]}: choose more than 0 and at most {LARGEST:g}, in "
            "1/255 of a pixel's range."
        )
    if not isinstance(random_start, bool):
        raise LensError(f"random_start is {str(random_start)[:40]!r}: choose true or false.")
    aim = None if target is None else check_class(target, subject, 0)
    return Plan(method, aim, steps, step_size, random_start)


def read_epsilon(epsilon: float) -> float:
    """ε of a request, in 1/255.

    Raises:
        LensError: it is none, or beyond LARGEST.
    """
    if not _number(epsilon) or not 0 <= epsilon <= LARGEST:
        raise LensError(
            f"epsilon is {str(epsilon)[:40]}: choose 0 to {LARGEST:g}, in 1/255 of a pixel's range."
        )
    return float(epsilon)


@lens("attack")
def attack(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    method: str = "fgsm",
    epsilon: float = 8.0,
    target: int | None = None,
    steps: int = 20,
    step_size: float | None = None,
    random_start: bool = True,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Attack]:
    """One image attacked at one strength, and the same amount of noise beside it.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: an image reference.
        method: fgsm or pgd.
        epsilon: largest change of any value, in 1/255.
        target: class that is wanted; None: any but the one the network answers now.
        steps: of pgd.
        step_size: of pgd, in 1/255; default: 2.5 ε / steps.
        random_start: of pgd: at a random point of the ball, always the same.
        dataset: what random weights are made for.

    Yields:
        The attack as far as its steps have come, then with more and more draws of noise.
    """
    subject = context.subject(model, dataset)
    plan = read_plan(subject, method, target, steps, step_size, random_start)
    strength = read_epsilon(epsilon)
    fitted, label = fit(context, image, subject)
    victim, pixels = Victim(subject.net, subject.info), unit_pixels(fitted)
    before = victim.probs(pixels)[0]
    source = before.nan_to_num(-1).argmax()[None]  # (1,)
    flat = _flat(victim, pixels, plan.objective(source))
    draws = noise_draws(subject)
    noisy = _noise(pixels, torch.full((draws,), strength))
    first_noise = victim.probs(noisy[:1])[0]
    passes = 1 if method == "fgsm" else steps
    work = 2 * passes + draws  # backwards costs about as much again
    flips = heard = 0
    pace = Pace(at_once=True)

    def state(found: Tensor, after: Tensor, done: float) -> Attack:
        change = (found - pixels).abs()
        return Attack(
            method=method,
            epsilon=strength,
            original=_picture(pixels),
            attacked=_picture(found),
            noisy=_picture(noisy[:1]),
            before=to_floats(before),
            after=to_floats(after[0]),
            after_rounding=to_floats(after[1]),
            after_noise=to_floats(first_noise),
            noise_flips=flips,
            noise_draws=heard,
            source=int(source),
            target=plan.target,
            label=label,
            classes=subject.info.classes,
            largest=float(change.max()) * 255,
            changed=float((change > 0).float().mean()),
            passes=passes,
            note=" ".join(filter(None, [fitted.note, flat])),
            share=done / work,
            step=subject.step,
        )

    def judge(found: Tensor) -> Tensor:
        """(2, K): as it is, and rounded to whole bytes."""
        return victim.probs(torch.cat([found, found.mul(255).round().div(255)]))

    for done, found in enumerate(plan.attempts(victim, pixels, source, torch.tensor([strength]))):
        if pace.due():
            yield state(found, judge(found), min(2 * done, 2 * passes))
    after = judge(found)
    for span, answers in in_batches(victim.probs, noisy, batch_of(subject)):
        flips += int((answers.nan_to_num(-1).argmax(1) != source).sum())
        heard = span.stop
        if heard == draws or pace.due():
            yield state(found, after, 2 * passes + heard)


@lens("attack_curve")
def attack_curve(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    method: str = "fgsm",
    target: int | None = None,
    steps: int = 20,
    step_size: float | None = None,
    random_start: bool = True,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[AttackCurve]:
    """One image at rising strengths, then the least at which the attack succeeds, by bisection.

    Args: as of `attack`.

    Yields:
        The curve as far as it is known.
    """
    subject = context.subject(model, dataset)
    plan = read_plan(subject, method, target, steps, step_size, random_start)
    fitted, _ = fit(context, image, subject)
    victim, pixels = Victim(subject.net, subject.info), unit_pixels(fitted)
    before = victim.probs(pixels)[0]
    source = before.nan_to_num(-1).argmax()[None]
    curve = COARSE if is_dear(subject) else CURVE
    k, count = len(before), len(curve)
    probs = np.full((count, k), np.nan, np.float32)
    noise, flips = np.full(count, np.nan, np.float32), np.zeros(count, np.int64)
    draws = noise_draws(subject) // 5
    smallest: float | None = None
    holds: float | None = None
    work = float(count + HALVINGS)

    def state(done: float) -> AttackCurve:
        return AttackCurve(
            method=method,
            epsilons=np.array(curve, np.float32),
            probs=probs.copy(),
            noise=noise.copy(),
            noise_flips=flips.copy(),
            noise_draws=draws,
            source=int(source),
            target=plan.target,
            smallest=smallest,
            holds=holds,
            classes=subject.info.classes,
            share=min(1.0, done / work),
            step=subject.step,
        )

    def attacked(strengths: Tensor) -> Tensor:
        n = len(strengths)
        many = pixels.expand(n, -1, -1, -1)
        return victim.probs(plan.run(victim, many, source.expand(n), strengths))

    def won(each: Tensor) -> bool:
        answer = int(each.nan_to_num(-1).argmax())
        return answer == plan.target if plan.target is not None else answer != int(source)

    size = max(1, batch_of(subject) // (4 if method == "fgsm" else plan.steps))
    strengths = torch.tensor(curve)
    for at in range(0, count, size):
        part = strengths[at : at + size]
        probs[at : at + size] = to_floats(run_batches(attacked, part, size))
        for place in range(at, min(at + size, count)):
            noisy = _noise(pixels, strengths[place].expand(draws))
            heard = run_batches(victim.probs, noisy, batch_of(subject))
            noise[place] = float(heard[:, source].mean())
            flips[place] = int((heard.nan_to_num(-1).argmax(1) != source).sum())
        yield state(at + len(part))
    wins = [won(torch.from_numpy(row)) for row in probs]
    if any(wins):
        first = wins.index(True)
        smallest, holds = curve[first], curve[first - 1] if first else None
        while holds is not None and smallest - holds > curve[1] / 2**HALVINGS * max(1, smallest):
            middle = (smallest + holds) / 2
            if won(attacked(torch.tensor([middle]))[0]):
                smallest = middle
            else:
                holds = middle
            yield state(work - 0.5)
    yield state(work)


def unit_pixels(fitted: Fitted) -> Tensor:
    """float (1, C, H, W) in [0, 1]."""
    return fitted.picture[None].to(torch.float32) / 255


def noise_draws(subject: Subject) -> int:
    """How many noisy images are asked about."""
    return FEW_DRAWS if is_dear(subject) else NOISE_DRAWS


def is_dear(subject: Subject) -> bool:
    """Whether one pass takes some hundredths of a second."""
    return sum(leaf_macs(subject).values()) > _DEAR_MACS


def batch_of(subject: Subject) -> int:
    """Images at once: some tenths of a second."""
    return max(1, min(100, int(_BATCH_MACS // max(sum(leaf_macs(subject).values()), 1))))


def _noise(pixels: Tensor, strengths: Tensor) -> Tensor:
    """(N, C, H, W): the image with a noise of its own at each strength (N,), in 1/255."""
    many = pixels.expand(len(strengths), -1, -1, -1)
    return random_signs(many, strengths / 255, torch.Generator().manual_seed(0))


def _flat(victim: Victim, pixels: Tensor, objective: Objective) -> str:
    """A sentence where there is no direction to go."""
    _, gradient = victim.climb(pixels, objective)
    if bool((gradient != 0).any()):
        return ""
    return (
        "The gradient of the loss by the image is 0 everywhere, so FGSM has no direction to go: the "
        "network's answer does not depend on this image, or not in its neighbourhood."
    )


def _picture(pixels: Tensor) -> Any:
    """(H, W, C) float."""
    return to_floats(pixels[0].permute(1, 2, 0))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
