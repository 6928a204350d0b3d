"""How much of a map lies in a region: the two numbers that a known truth allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from viz.lenses.arrays import to_floats, to_pictures
from viz.lenses.registry import LensError
from viz.lenses.trust.images import Chosen
from viz.results.trust import TrustExample

MOST_EXAMPLES = 12
MOST_TOLERANCE = 16


def share_inside(maps: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Share (N,) of the positive attribution of maps (N, H, W) that lies in masks bool (N, H, W),
    and which maps have none (bool (N,)).

    A map with nothing positive says as much as an even one, so the mask's share of the image stands
    for it.
    """
    positive = maps.double().nan_to_num(0.0, 0.0, 0.0).clamp(min=0).flatten(1)
    region = masks.flatten(1).double()
    total = positive.sum(1)
    empty = total <= 0
    share = (positive * region).sum(1) / total.where(~empty, torch.ones_like(total))
    return torch.where(empty, region.mean(1), share), empty


def points_inside(maps: Tensor, masks: Tensor, tolerance: int = 0) -> Tensor:
    """Whether the most important pixel of each map lies in the mask, (N,) from 0 to 1.

    Where several pixels share the highest value, the share of them that do.

    Args:
        maps: (N, H, W).
        masks: bool (N, H, W).
        tolerance: pixels that it may lie outside, along and across.
    """
    wide = widen(masks, tolerance).flatten(1)
    values = maps.nan_to_num(nan=-torch.inf).flatten(1)
    best = values == values.amax(1, keepdim=True)
    return (best & wide).sum(1).double() / best.sum(1)


def widen(masks: Tensor, by: int) -> Tensor:
    """Masks bool (N, H, W) that reach `by` pixels further on all sides."""
    if not by:
        return masks
    return F.max_pool2d(masks[:, None].float(), 2 * by + 1, stride=1, padding=by)[:, 0] > 0


def check_tolerance(tolerance: int) -> int:
    """A tolerance of the pointing game.

    Raises:
        LensError: it is no whole number from 0 to MOST_TOLERANCE.
    """
    whole = isinstance(tolerance, int) and not isinstance(tolerance, bool)
    if not whole or not 0 <= tolerance <= MOST_TOLERANCE:
        raise LensError(
            f"tolerance is {str(tolerance)[:40]}: choose a whole number from 0 to {MOST_TOLERANCE} "
            "pixels."
        )
    return tolerance


def beside(tolerance: int) -> str:
    """The tolerance at the end of a sentence; empty for none."""
    return f" or up to {tolerance} pixels beside it" if tolerance else ""


def area_of(masks: Tensor) -> float:
    """The mean share of the image that masks bool (N, H, W) cover."""
    return float(masks.double().mean())


def make_examples(
    chosen: Chosen,
    masks: Tensor,
    places: Sequence[int],
    maps: Mapping[str, Tensor],
    patch: Tensor | None = None,
) -> tuple[TrustExample, ...]:
    """Images to look at, with what each method marked on them.

    Args:
        chosen: the images.
        masks: bool (N, H, W) where the object is.
        places: which of the images.
        maps: method to its maps (N, H, W).
        patch: bool (H, W) where the planted patch is.
    """
    return tuple(
        TrustExample(
            name=chosen.told.names[i],
            image=to_pictures(chosen.pictures[i]),
            mask=masks[i].numpy().copy(),
            patch=None if patch is None else patch.numpy().copy(),
            label=int(chosen.told.labels[i]),
            explained=int(chosen.told.explained[i]),
            maps={name: to_floats(values[i]) for name, values in maps.items()},
        )
        for i in places
    )


def spread_places(count: int, wanted: int) -> list[int]:
    """Up to `wanted` places of `count`, at even distances.

    Raises:
        LensError: `wanted` is no whole number from 0 to MOST_EXAMPLES.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 <= wanted <= MOST_EXAMPLES:
        raise LensError(
            f"examples is {str(wanted)[:40]}: choose a whole number from 0 to {MOST_EXAMPLES}."
        )
    wanted = min(count, wanted)
    return [at * count // wanted for at in range(wanted)]
