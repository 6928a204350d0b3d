"""The strength at which the adversarial page begins: one at which there is something to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from viz.lenses.adversarial import batch_of, is_dear, read_plan, unit_pixels
from viz.lenses.attacks import Victim
from viz.lenses.batching import run_batches
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.registry import lens
from viz.results.adversarial import VisibleStrength

# From one grey level on: less than that a file does not keep.
ROUND = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0)
COARSE = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # for networks that take long


@lens("visible_strength")
def visible_strength(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    target: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> VisibleStrength:
    """The least of some round strengths at which one step of FGSM succeeds.

    Its signs are the same at every strength, so all of them cost one gradient and one batch.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: an image reference.
        target: class that is wanted; None: any but the one the network answers now.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    plan = read_plan(subject, "fgsm", target, 1, None, True)
    fitted, _ = fit(context, image, subject)
    victim, pixels = Victim(subject.net, subject.info), unit_pixels(fitted)
    source = victim.probs(pixels).nan_to_num(-1).argmax(1)
    strengths = torch.tensor(COARSE if is_dear(subject) else ROUND)
    _, gradient = victim.climb(pixels, plan.objective(source))
    many = (pixels + strengths.view(-1, 1, 1, 1) / 255 * gradient.sign()).clamp(0, 1)
    answers = run_batches(victim.probs, many, batch_of(subject)).nan_to_num(-1).argmax(1)
    wins = answers == plan.target if plan.target is not None else answers != source
    found = strengths[wins]
    return VisibleStrength(float(found[0]) if len(found) else None)
