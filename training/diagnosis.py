"""Says in one sentence why a training broke down and what to do about it.

A loss that is not a number is the commonest way a first training ends, and the number itself explains
nothing. The way it came about does: it rose before, or decay overshot, or a pixel was no number.
"""

from __future__ import annotations

import math


class LossHistory:
    """The three losses a diagnosis needs of all that came before."""

    def __init__(self) -> None:
        self.first = self.best = self.last = math.nan

    def add(self, loss: float) -> None:
        """Note the finite loss of one more update."""
        if math.isnan(self.first):
            self.first = self.best = loss
        self.best, self.last = min(self.best, loss), loss


def explain(
    *, update: int, history: LossHistory, lr: float, weight_decay: float, inputs_finite: bool
) -> str:
    """The likely cause and the way out.

    Args:
        update: number (from 1) of the update whose loss, or whose result, was not a finite number.
        history: of the finite losses before it.
        lr: learning rate in force at that update.
        weight_decay: in force at that update.
        inputs_finite: whether the images of that batch, as the network saw them, were numbers.
    """
    what = f"Training broke down at update {update}"
    if not inputs_finite:
        return (
            f"{what} because its images, once normalised, were not numbers: look for a channel that "
            "is the same in every image, and replace those images."
        )
    if lr * weight_decay >= 2:
        return (
            f"{what} because weight decay {weight_decay:g} times learning rate {lr:g} is above 2, so "
            f"every update throws the weights past zero: try weight decay {0.01 / lr:.3g}."
        )
    if math.isnan(history.last):
        course = "with its very first loss"
    elif history.last > 2 * history.best:
        course = f"after the loss had risen from {history.best:.3g} to {history.last:.3g}"
    else:
        course = f"suddenly, after a loss of {history.last:.3g}"
    return (
        f"{what} {course}: most likely the learning rate {lr:.3g} is too high, so rewind and try "
        f"{lr / 10:.3g}, or let the range test find one."
    )
