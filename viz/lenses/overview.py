"""A whole network as one picture: the output of every layer as thumbnails, and what feeds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.context import LensContext
from viz.lenses.overview_columns import Place, foldable, lay_out
from viz.lenses.overview_links import find_sources, pick, relate
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.lenses.steps import steps_of
from viz.results import Floats, Ints
from viz.results.overview import IMAGE, Column, Link, Overview

THUMBNAIL: Final = 28  # pixels a side that a map is averaged down to
_ROW: Final = 64  # features shown of a row of numbers
_PICKS: Final = ("strongest", "first")


@lens("overview")
def overview(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    opened: Sequence[str] = (),
    limit: int = 10,
    choose: str = "strongest",
    dataset: Mapping[str, Any] | None = None,
) -> Overview:
    """All layers of a network for one image, in one answer.

    Args:
        opened: blocks whose layers are laid out; other blocks are folded where there are many.
        limit: maps a column shows, and classes.
        choose: which maps where there are more: "strongest" (mean absolute activation) or "first".
    """
    check_count("limit", limit, 64)
    if choose not in _PICKS:
        raise LensError(f"choose is {str(choose)[:40]!r}: use {' or '.join(_PICKS)}.")
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    steps = steps_of(subject.net, fitted.batch)
    places = lay_out(steps.all, opened)
    values = steps.run(subject.net, fitted.batch, [place.last.node for place in places])
    outputs = [values[place.last.node][0] for place in places]
    classes = _best_classes(outputs[-1], limit)
    ends = {steps.all[-1].name, *steps.all[-1].inputs}  # probabilities and their logits
    columns = tuple(
        _column(place, output, limit, choose, classes if place.last.name in ends else None)
        for place, output in zip(places, outputs, strict=True)
    )
    shown = {number: column.channels for number, column in enumerate(columns)}
    shapes = {number: column.shape for number, column in enumerate(columns)}
    shown[IMAGE], shapes[IMAGE] = np.arange(subject.info.shape[0]), subject.info.shape
    links = []
    for target, sources in enumerate(find_sources(steps, places)):
        for source, taker in sources.items():
            before = None if source == IMAGE else places[source]
            relation = relate(steps, subject.net, places[target], taker, before, shapes[source])
            strength, top = pick(relation, shown[target], shown[source])
            links.append(Link(source, target, relation.kind, strength, top))
    return Overview(
        image=to_pictures(fitted.picture),
        columns=columns,
        links=tuple(links),
        classes=subject.info.classes,
        foldable=tuple(foldable(steps.all, opened)),
        label=label,
        note=fitted.note,
        step=subject.step,
    )


def _column(place: Place, output: Tensor, limit: int, choose: str, classes: Ints | None) -> Column:
    step = place.last
    finite = torch.nan_to_num(output.detach().to(torch.float32), nan=0.0, posinf=0.0, neginf=0.0)
    maps: npt.NDArray[np.int8] | None = None
    values: Floats | None = None
    if output.ndim == 3 and output[0].numel() > 1:
        channels = _choose(finite.abs().mean((1, 2)), limit, choose)
        chosen = finite[torch.from_numpy(channels)]  # (n, H, W)
        flat = chosen.abs().flatten(1).argmax(1).numpy()
        peaks = np.stack(np.unravel_index(flat, step.shape[1:]), axis=1).astype(np.int64)
        maps, limits = _thumbnails(chosen)
    else:
        row = finite.reshape(-1)
        channels = _choose(row.abs(), _ROW, choose) if classes is None else classes
        values = to_floats(output.reshape(-1)[torch.from_numpy(channels)])
        limits, peaks = np.abs(np.nan_to_num(values)), np.zeros((len(channels), 2), np.int64)
    return Column(
        name=place.name,
        step=step.name,
        kind=step.kind if len(place.steps) == 1 else "block",
        shape=step.shape,
        block=place.block,
        steps=len(place.steps),
        channels=channels,
        maps=maps,
        limits=limits,
        values=values,
        peaks=peaks,
    )


def _choose(strength: Tensor, limit: int, choose: str) -> Ints:
    """Which channels are shown, in their own order."""
    count = min(limit, len(strength))
    if choose == "first":
        return np.arange(count)
    best: Ints = np.argsort(-strength.numpy(), kind="stable")[:count]
    return np.sort(best)


def _best_classes(probs: Tensor, limit: int) -> Ints:
    """The most probable classes first; all in their own order where they are few."""
    if len(probs) <= limit:
        return np.arange(len(probs))
    order: Ints = np.argsort(-probs.numpy(), kind="stable")[:limit]
    return order


def _thumbnails(maps: Tensor) -> tuple[npt.NDArray[np.int8], Floats]:
    """Maps (n, H, W) averaged down to THUMBNAIL, as −127…127 of the largest number of each."""
    size = (min(maps.shape[1], THUMBNAIL), min(maps.shape[2], THUMBNAIL))
    small = functional.adaptive_avg_pool2d(maps[None], size)[0]
    limits = small.abs().amax((1, 2))  # (n,)
    scaled = small / torch.where(limits > 0, limits, 1)[:, None, None] * 127
    return scaled.round().to(torch.int8).numpy(), to_floats(limits)
