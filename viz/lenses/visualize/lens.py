"""The lenses of feature visualisation: one goal optimised, and the same goal with parts left out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from viz.lenses.arrays import check_count, to_floats, to_ints, to_pictures
from viz.lenses.batching import is_out_of_memory
from viz.lenses.context import LensContext, Subject
from viz.lenses.pace import Pace
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError, lens
from viz.lenses.visualize.climb import Climb, Climbed
from viz.lenses.visualize.colors import Colors, measure_colors
from viz.lenses.visualize.goals import Goal
from viz.lenses.visualize.memory import room
from viz.lenses.visualize.probe import as_input, to_bytes
from viz.lenses.visualize.reading import MOST_PICTURES, Reader
from viz.lenses.visualize.real import Measured, measure
from viz.lenses.visualize.transforms import Moves
from viz.results.visualize import Ablation, AblationRow, Visualization
from viz.visualization.settings import (
    ROWS,
    Settings,
    preset_settings,
    read_settings,
    row_presets,
)

_FRAMES: Final = 24
_FRAME_BYTES: Final = 3_000_000  # of all frames of a result
_PARTIAL_BYTES: Final = 1_000_000  # of one that is not the last
_MOVED_TIMES: Final = 16
_LEAST_SIDE: Final = 4  # pixels


@dataclass(frozen=True)
class _Task:
    """A goal that was read, and what it needs."""

    subject: Subject
    goal: Goal
    calls: Mapping[str, int]
    colors: Colors
    measured: Measured
    size: tuple[int, int]

    def climb(self, settings: Settings) -> Climb:
        """An optimisation of it."""
        return Climb(
            self.subject, self.goal, settings, self.colors, self.calls, self.measured.scale, self.size
        )  # fmt: skip


@lens("feature_visualization")
def feature_visualization(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    goal: Mapping[str, Any] | None = None,
    pictures: int = 1,
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Visualization]:
    """Pictures that excite a unit, a channel, a layer, a class or a direction as much as possible.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: of which a direction is taken; not used by other goals.
        goal: see `reading`; default: the first class.
        pictures: made together, at most MOST_PICTURES; each begins with other noise.
        settings: see `viz.visualization.settings`; what is left out suits the size.
        dataset: what random weights are made for.
    """
    subject = context.subject(model, dataset)
    chosen = read_settings(settings, subject.info.shape)
    count = check_count("pictures", pictures, MOST_PICTURES)
    way = "choose fewer, a smaller size, or a smaller network"
    with room(f"pictures of {_pixels(subject, chosen)}", way):
        yield from _visualized(context, subject, image, goal, count, chosen)


def _visualized(
    context: LensContext,
    subject: Subject,
    image: str | None,
    goal: Mapping[str, Any] | None,
    count: int,
    chosen: Settings,
) -> Iterator[Visualization]:
    begin = time.perf_counter()
    task = _read(context, subject, image, goal, count, chosen)
    climb = task.climb(chosen)
    log = _Log(climb, task, _frame_steps(chosen.steps, climb.canvas.shape), begin)
    pace = Pace(at_once=True)
    for climbed in climb.run():
        log.add(climbed)
        if climbed.steps == chosen.steps:
            break
        if pace.due():
            yield log.result(climbed)
    yield log.result(climbed)


@lens("visualization_ablation")
def visualization_ablation(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    goal: Mapping[str, Any] | None = None,
    row: str = "parts",
    settings: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> Iterator[Ablation]:
    """The same goal optimised with more and more of the method, one preset after the other.

    Args:
        context: of the worker.
        model: a network at a moment.
        image: of which a direction is taken.
        goal: as of `feature_visualization`.
        row: of presets: parts or penalties.
        settings: steps, rate, seed, size, sign and remedy; the rest is the presets'.
        dataset: what random weights are made for.
    """
    if row not in ROWS:
        raise LensError(f"{row[:40]!r} is no row of presets: choose {' or '.join(ROWS)}.")
    subject = context.subject(model, dataset)
    chosen = read_settings(settings, subject.info.shape)
    with room(f"a picture of {_pixels(subject, chosen)}"):
        yield from _left_out(context, subject, image, goal, row, chosen)


def _left_out(
    context: LensContext,
    subject: Subject,
    image: str | None,
    goal: Mapping[str, Any] | None,
    row: str,
    chosen: Settings,
) -> Iterator[Ablation]:
    shape = subject.info.shape
    task = _read(context, subject, image, goal, 1, chosen)
    full = preset_settings("all", chosen, shape)
    moves = Moves(full.jitter, full.scale, full.rotate)
    words = f"{full.jitter} px, ±{full.scale:.0%}, ±{full.rotate:g}°"
    real = task.measured.real
    rows: list[AblationRow] = []
    pace, note = Pace(at_once=True), ""
    presets = row_presets(row, shape)
    for place, preset in enumerate(presets):
        climb = task.climb(preset_settings(preset.name, chosen, shape))
        note = note or climb.start.note
        for climbed in climb.run():
            last = climbed.steps == chosen.steps
            if last or pace.due():
                now = _ablation_row(climb, climbed, moves, preset.name, done=last)
                share = (place + climbed.steps / chosen.steps) / len(presets)
                if not (last and place == len(presets) - 1):
                    yield _ablation(
                        task, [*rows, now], real, words, note, min(share, 0.99), subject
                    )
        rows.append(now)
    yield _ablation(task, rows, real, words, note, 1.0, subject)


def _read(
    context: LensContext,
    subject: Subject,
    image: str | None,
    goal: Mapping[str, Any] | None,
    pictures: int,
    settings: Settings,
) -> _Task:
    """Everything before the first step.

    Raises:
        ValueError: one sentence: the goal makes no sense, or the size does not suit the network.
    """
    channels, height, width = subject.info.shape
    size = (settings.size, settings.size) if settings.size else (height, width)
    colors = measure_colors(context, subject)
    blank = as_input(colors.mean[None, :, None, None].expand(1, channels, *size), subject.info)
    _check_size(subject, blank, size)
    direction = isinstance(goal, Mapping) and _needs_image(goal)
    batch = fit(context, image, subject)[0].batch if direction and image else None
    reader = Reader(subject, blank, batch)
    read = reader.goal(goal, pictures)
    measured = measure(context, subject, read, reader.calls)
    return _Task(subject, measured.goal, reader.calls, colors, measured, size)


def _needs_image(goal: Mapping[str, Any]) -> bool:
    inner = [*(goal.get("ends") or ()), *(goal.get("parts") or ())]
    return goal.get("kind") == "direction" or any(
        isinstance(each, Mapping) and _needs_image(each) for each in inner
    )


def _check_size(subject: Subject, blank: Tensor, size: tuple[int, int]) -> None:
    """Whether the network takes pictures of this size at all."""
    native = subject.info.shape[1:]
    if size == native:
        return
    try:
        if min(size) < _LEAST_SIDE:
            raise RuntimeError
        with torch.no_grad():
            subject.net(blank)
    except RuntimeError as error:  # torch's, for shapes that do not fit
        if is_out_of_memory(error):
            raise
        raise LensError(
            f"{subject.title} takes no pictures of {size[0]} pixels: choose {native[0]}, or 0."
        ) from None


def _pixels(subject: Subject, settings: Settings) -> str:
    height, width = (settings.size,) * 2 if settings.size else subject.info.shape[1:]
    return f"{height}×{width} pixels"


def _frame_steps(steps: int, shape: tuple[int, int, int, int]) -> set[int]:
    """When a frame is kept: more often at the beginning, when most happens."""
    count = int(min(_FRAMES, max(3, _FRAME_BYTES // math.prod(shape))))
    places = np.linspace(0, 1, count) ** 1.6 * steps
    return {round(place) for place in places.tolist()}


@dataclass
class _Log:
    """What has happened so far."""

    climb: Climb
    task: _Task
    keep: set[int]
    begin: float
    frames: list[Tensor] = field(default_factory=list)
    frame_steps: list[int] = field(default_factory=list)
    frame_values: list[Tensor] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    activation: list[Tensor] = field(default_factory=list)

    def add(self, climbed: Climbed) -> None:
        """A step more."""
        if climbed.steps:
            self.objective.append(climbed.objective)
            self.activation.append(climbed.values)
        if climbed.steps in self.keep:
            self.frames.append(to_bytes(climbed.image))
            self.frame_steps.append(climbed.steps)
            self.frame_values.append(self.climb.values(climbed.image))

    def result(self, climbed: Climbed) -> Visualization:
        """All of it; of a result that is not the last, only frames that travel quickly."""
        done = climbed.steps == self.climb.settings.steps
        now = to_bytes(climbed.image)
        frames, steps, values = list(self.frames), list(self.frame_steps), list(self.frame_values)
        if steps[-1] != climbed.steps:
            frames.append(now)
            steps.append(climbed.steps)
            values.append(self.climb.values(climbed.image))
        if not done and len(frames) * now.numel() > _PARTIAL_BYTES:
            frames, steps, values = frames[-1:], steps[-1:], values[-1:]
        latest, goal, real = values[-1], self.task.goal, self.task.measured.real
        count = goal.count
        activation = torch.stack(self.activation) if self.activation else torch.zeros(0, count)
        best = torch.full((count,), torch.nan) if real is None else torch.from_numpy(real.best)
        dead = (latest <= 0) & (best <= 0) & self.climb.start.silent
        settings = self.climb.settings
        return Visualization(
            title=goal.title,
            words=goal.words,
            pictures=to_pictures(now),
            frames=np.stack([to_pictures(frame) for frame in frames]),
            frame_steps=to_ints(torch.tensor(steps)),
            frame_values=to_floats(torch.stack(values)),
            objective=np.array(self.objective, np.float32),
            activation=to_floats(activation),
            real=real,
            above=to_floats(torch.where(best > 0, latest / best, torch.nan)),
            silent=self.climb.start.silent.numpy().copy(),
            dead=dead.numpy().copy(),
            similarity=self.climb.similarity(climbed.image) if done else float("nan"),
            in_deviations=bool(goal.scales),
            colors=self.task.colors.words if settings.decorrelate and now.shape[1] > 1 else "",
            note=self.climb.start.note,
            steps=settings.steps,
            seconds=time.perf_counter() - self.begin,
            share=1.0 if done else min(climbed.steps / settings.steps, 0.99),
            step=self.task.subject.step,
        )


def _ablation_row(
    climb: Climb, climbed: Climbed, moves: Moves, name: str, *, done: bool
) -> AblationRow:
    return AblationRow(
        name=name,
        picture=to_pictures(to_bytes(climbed.image)[0]),
        value=float(climb.values(climbed.image)[0]),
        moved=float(climb.moved_values(climbed.image, moves, _MOVED_TIMES)[0]) if done else math.nan,
        rough=roughness(climbed.image) if done else math.nan,
        done=done,
    )  # fmt: skip


def roughness(image: Tensor) -> float:
    """Share of the power of pictures (N, C, H, W) in waves shorter than four pixels; the constant
    wave is left out. NaN for a constant picture."""
    height, width = image.shape[2:]
    power = torch.fft.fft2(image).abs().square().sum((0, 1))  # (H, W)
    power[0, 0] = 0
    frequencies = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    total = float(power.sum())
    return float(power[frequencies > 0.25].sum()) / total if total > 0 else math.nan


def _ablation(
    task: _Task,
    rows: list[AblationRow],
    real: Any,
    moves: str,
    note: str,
    share: float,
    subject: Subject,
) -> Ablation:
    best = math.nan if real is None else float(real.best[0])
    return Ablation(task.goal.title, tuple(rows), best, moves, note, share, subject.step)
