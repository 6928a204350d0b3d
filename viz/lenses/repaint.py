"""Paint out parts of an image and ask again: which part the answer hangs on, by trying.

What a gradient says about small changes this says about large ones. Occlusion as in Zeiler and
Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, with patches on a grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.pixels import Normalizer
from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.batching import in_spans
from viz.lenses.context import LensContext, Subject
from viz.lenses.filling import paint_out, read_fill
from viz.lenses.held_out import leaf_macs
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.results.autopsy import PatchEffects, Repaint

MOST_PATCHES = 32  # a side
_MACS = 5e9  # of a batch: some tenths of a second
_BATCH = 128


@lens("repaint")
def repaint(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    patches: int = 8,
    cells: Sequence[int] = (),
    fill: str = "mean",
    dataset: Mapping[str, Any] | None = None,
) -> Repaint:
    """The answer once some patches of a grid are painted out.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: an image reference.
        patches: a side of the grid; no more than the image has pixels.
        cells: of the grid, in reading order from 0.
        fill: mean, blur or neighbours, see `paint_out`.
        dataset: what random weights are made for.
    """
    how = read_fill(fill)
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    rows, columns = grid_of(subject, patches)
    chosen = _cells(cells, rows * columns)
    pixels = _unit(fitted.picture)  # (1, C, H, W)
    places = cell_map(pixels.shape[-2:], (rows, columns))  # (H, W)
    holes = torch.isin(places, torch.tensor(chosen, dtype=torch.int64))[None, None]
    painted = paint_out(pixels, holes, how, subject.info)
    both = _probs(subject, torch.cat([pixels, painted]))  # (2, K)
    return Repaint(
        image=to_pictures(fitted.picture),
        painted=to_pictures(painted[0].clamp(0, 1).mul(255).round().to(torch.uint8)),
        before=to_floats(both[0]),
        after=to_floats(both[1]),
        grid=(rows, columns),
        cells=tuple(chosen),
        fill=how,
        label=label,
        classes=subject.info.classes,
        note=fitted.note,
        step=subject.step,
    )


@lens("patch_effects")
def patch_effects(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    patches: int = 8,
    fill: str = "mean",
    target: int | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[PatchEffects]:
    """What becomes of the target's probability if each patch alone is painted out.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: an image reference.
        patches: a side of the grid.
        fill: see `paint_out`.
        target: class; default: the answer for the whole image.
        dataset: what random weights are made for.
    """
    how = read_fill(fill)
    subject = context.subject(model, dataset)
    fitted, _ = fit(context, image, subject)
    rows, columns = grid_of(subject, patches)
    pixels = _unit(fitted.picture)
    before = _probs(subject, pixels)[0]  # (K,)
    wanted = check_class(target, subject, int(before.nan_to_num(-1).argmax()))
    places = cell_map(pixels.shape[-2:], (rows, columns))
    drop = np.full(rows * columns, np.nan, np.float32)
    answers = np.full(rows * columns, -1, np.int64)

    def run(span: slice) -> Tensor:
        numbers = torch.arange(span.start, span.stop).view(-1, 1, 1, 1)
        holes = places[None, None] == numbers  # (n, 1, H, W)
        many = pixels.expand(len(numbers), -1, -1, -1)
        return _probs(subject, paint_out(many, holes, how, subject.info))  # (n, K)

    size = max(1, min(_BATCH, int(_MACS // max(sum(leaf_macs(subject).values()), 1))))
    for span, probs in in_spans(run, rows * columns, size):
        drop[span] = to_floats(before[wanted] - probs[:, wanted])
        answers[span] = probs.nan_to_num(-1).argmax(1).numpy()
        yield PatchEffects(
            image=to_pictures(fitted.picture),
            drop=drop.reshape(rows, columns).copy(),
            answers=answers.reshape(rows, columns).copy(),
            target=wanted,
            before=to_floats(before),
            fill=how,
            classes=subject.info.classes,
            share=span.stop / (rows * columns),
            step=subject.step,
        )


def grid_of(subject: Subject, patches: int) -> tuple[int, int]:
    """Rows and columns of patches: `patches` along the shorter side, as square as can be.

    Raises:
        LensError: that many do not fit.
    """
    height, width = subject.info.shape[1:]
    check_count("patches", patches, min(MOST_PATCHES, height, width))
    side = min(height, width) / patches
    return round(height / side), round(width / side)


def cell_map(size: Sequence[int], grid: tuple[int, int]) -> Tensor:
    """int64 (H, W): which cell of the grid each pixel is in, in reading order; cells differ by at
    most one pixel a side."""
    rows = torch.arange(size[0]) * grid[0] // size[0]
    columns = torch.arange(size[1]) * grid[1] // size[1]
    return rows[:, None] * grid[1] + columns[None]


def check_class(target: int | None, subject: Subject, standard: int) -> int:
    """The class of a request.

    Raises:
        LensError: the network does not know it.
    """
    if target is None:
        return standard
    count = len(subject.info.classes)
    if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < count:
        raise LensError(
            f"There is no class {str(target)[:40]}: this network knows {count}, counted from 0."
        )
    return target


def _cells(cells: Sequence[int], count: int) -> list[int]:
    for cell in cells:
        if isinstance(cell, bool) or not isinstance(cell, int) or not 0 <= cell < count:
            raise LensError(f"There is no patch {str(cell)[:40]}: the grid has {count}, from 0.")
    return sorted(set(cells))


def _unit(picture: Tensor) -> Tensor:
    """uint8 (C, H, W) to float (1, C, H, W) in [0, 1]."""
    return picture[None].to(torch.float32) / 255


@torch.inference_mode()
def _probs(subject: Subject, pixels: Tensor) -> Tensor:
    """(N, K) of pictures in [0, 1]."""
    batch = Normalizer(subject.info, pixels.device).from_unit(pixels)
    return torch.softmax(subject.net(batch), dim=1)
