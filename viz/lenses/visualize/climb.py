"""The optimisation itself: gradient ascent on pictures, step by step, with nothing of the network changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from models.separate import separate
from viz.lenses.batching import in_spans
from viz.lenses.context import Subject
from viz.lenses.geometry import network_fields
from viz.lenses.registry import LensError
from viz.lenses.unit_gradients import count_calls
from viz.lenses.visualize.canvas import Canvas
from viz.lenses.visualize.colors import Colors
from viz.lenses.visualize.goals import Goal
from viz.lenses.visualize.memory import NoRoomError, pictures_at_once, room
from viz.lenses.visualize.penalties import (
    distance,
    likeness,
    mean_likeness,
    summary,
    total_variation,
)
from viz.lenses.visualize.probe import LOGITS, as_input, layer_outputs, to_bytes
from viz.lenses.visualize.remedies import calls_of, gate_before, helped
from viz.lenses.visualize.transforms import Moves, move
from viz.visualization.settings import Settings

_T = TypeVar("_T")
_BLUR_EVERY: Final = 4  # steps
_MOVES_SEED: Final = 1_000_003  # so that moves and first noise do not come from the same numbers


@dataclass(frozen=True)
class Climbed:
    """After a number of steps."""

    steps: int
    image: Tensor  # (N, C, H, W) in [0, 1], before the next step
    objective: float  # of the last step: mean over pictures, with penalties; NaN before the first
    values: Tensor  # (N,) of the goal at the last step


@dataclass(frozen=True)
class Start:
    """How an optimisation begins, and what had to be done so that it can."""

    net: nn.Module  # the network, or what `separate` makes of it
    calls: Mapping[str, int]  # how often it runs each layer that is looked at
    silent: Tensor  # bool (N,) without a gradient in the network as it is
    note: str = ""
    gates: tuple[str, ...] = ()  # ReLUs that are open
    rows: Tensor | None = None  # bool (N,) pictures for which they are
    lead: bool = False  # whether gradients are led on through silent ReLUs

    def helped(self, rows: slice) -> AbstractContextManager[None]:
        """Inside the block the network is as the pictures `rows` need it."""
        if not self.gates and not self.lead:
            return nullcontext()
        mine = None if self.rows is None else self.rows[rows]
        return helped(self.net, gates=self.gates, rows=mine, lead=self.lead)


class Climb:
    """One goal, optimised with some settings.

    Args:
        subject: the network; it is not changed.
        goal: with as many pictures as are made.
        settings: of the optimisation.
        colors: of the data.
        calls: how often each of the goal's layers runs.
        scale: (N,) what the goal is counted in against penalties.
        size: (H, W) of the pictures.
    """

    def __init__(
        self,
        subject: Subject,
        goal: Goal,
        settings: Settings,
        colors: Colors,
        calls: Mapping[str, int],
        scale: Tensor,
        size: tuple[int, int],
    ) -> None:
        self.subject = subject
        self.goal = goal
        self.settings = settings
        self.calls = dict(calls)
        self._scale = scale
        self._colors = colors
        shape = (goal.count, subject.info.shape[0], *size)
        self.canvas = Canvas(
            shape, colors, basis=settings.basis, decay=settings.decay,
            decorrelate=settings.decorrelate, valid=settings.valid,
        )  # fmt: skip
        self.moves = Moves(settings.jitter, settings.scale, settings.rotate)
        self._generator = torch.Generator().manual_seed(settings.seed + _MOVES_SEED)
        self.canvas.start(torch.Generator().manual_seed(settings.seed))
        self._whole = bool(settings.diversity) and goal.count > 1  # pictures hang on each other
        blank = torch.empty(1, *shape[1:])
        self._together = pictures_at_once(subject.net, blank)
        if self._whole and self._together < goal.count:
            raise NoRoomError(
                f"Diversity holds {goal.count} pictures of {size[0]}×{size[1]} pixels in the memory at once, "
                f"which is not enough: make up to {self._together}, or smaller ones, or set diversity to 0."
            )
        self.start = self._begin()

    def run(self) -> Iterator[Climbed]:
        """The first picture, then one after each step.

        Raises:
            LensError: one sentence: numbers are no longer finite, or the memory is not enough.
        """
        settings = self.settings
        adam = torch.optim.Adam([self.canvas.numbers], lr=settings.rate)
        nothing = torch.full((self.goal.count,), torch.nan)
        yield Climbed(0, self._image(), torch.nan, nothing)
        for step in range(1, settings.steps + 1):
            objective, values = self._ascend()
            adam.step()
            if settings.blur and step % _BLUR_EVERY == 0:
                self.canvas.blur(settings.blur)
            if not bool(torch.isfinite(values).all()):
                raise self._not_finite()
            yield Climbed(step, self._image(), float(objective.mean()), values)

    @torch.no_grad()
    def values(self, image: Tensor) -> Tensor:
        """(N,) of the goal for pictures (N, C, H, W) as they are shown, in the network as it is."""
        return self._values_of(as_input(to_bytes(image).float() / 255, self.subject.info))

    @torch.no_grad()
    def moved_values(self, image: Tensor, moves: Moves, times: int) -> Tensor:
        """(N,) mean of the goal over `times` small moves of each picture."""
        generator = torch.Generator().manual_seed(_MOVES_SEED)
        shown = as_input(to_bytes(image).float() / 255, self.subject.info)
        found = [self._values_of(moves(shown, generator)) for _ in range(times)]
        return torch.stack(found).mean(0)

    @torch.no_grad()
    def similarity(self, image: Tensor) -> float:
        """Mean cosine between the Gram matrices of all pairs of pictures; NaN for a single one."""
        n = len(image)

        def look(rows: slice) -> Tensor | None:
            batch = as_input(image[rows], self.subject.info)
            maps = self._maps(self._outputs(self._plain, batch))
            return None if maps is None else summary(maps, n)

        found = [each for each in self._in_parts(look) if each is not None] if n > 1 else []
        if not found:
            return float("nan")
        cosines = likeness(torch.cat(found))
        return float((cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1)))

    @torch.no_grad()
    def _image(self) -> Tensor:
        return self.canvas.image().detach()

    @property
    def _plain(self) -> Start:
        """The network as it is."""
        return Start(self.subject.net, self.calls, torch.empty(0))

    def _values_of(self, batch: Tensor) -> Tensor:
        def look(rows: slice) -> Tensor:
            outputs = layer_outputs(self.subject.net, batch[rows], self.calls)
            return self.goal.own(outputs, rows)

        return torch.cat(self._in_parts(look))

    def _in_parts(self, function: Callable[[slice], _T], *, whole: bool = False) -> list[_T]:
        """`function` of all pictures, so many at once as the memory holds.

        Where it runs out they are halved, and stay so. The parts are those of whole batches, because
        pictures do not hang on each other; `whole`: they do.

        Raises:
            NoRoomError: one sentence: it does not hold a single one, or not all if it has to.
        """
        count, _, height, width = self.canvas.shape
        size = f"{height}×{width} pixels"

        def guarded(rows: slice) -> _T:
            many = rows.stop - rows.start
            if whole:
                words, way = (
                    f"{many} pictures of {size} at once",
                    "make fewer, or smaller ones, or set diversity to 0",
                )
            else:
                words, way = f"a picture of {size}", "choose a smaller size, or a smaller network"
            with room(words, way) if whole or many == 1 else nullcontext():
                return function(rows)

        found = []
        for span, part in in_spans(guarded, count, count if whole else self._together):
            if span.stop < count:
                self._together = span.stop - span.start
            found.append(part)
        return found

    def _ascend(self) -> tuple[Tensor, Tensor]:
        """Leave the gradient of a step with the canvas; what is climbed (N,), and the goal alone (N,)."""
        count, _, height, width = self.canvas.shape
        how = self.moves.draw(count, (height, width), self._generator) if self.moves.any else None

        def ascend(rows: slice) -> tuple[Tensor, Tensor, Tensor]:
            numbers = self.canvas.numbers.detach()[rows].requires_grad_(True)
            with torch.enable_grad():
                aim, values = self._aim(numbers, None if how is None else how[rows], rows)
                (gradient,) = torch.autograd.grad(-aim.sum(), numbers)
            return gradient, aim.detach(), values.detach()

        gradients, aims, values = zip(*self._in_parts(ascend, whole=self._whole), strict=True)
        self.canvas.numbers.grad = torch.cat(gradients)
        return torch.cat(aims), torch.cat(values)

    def _aim(self, numbers: Tensor, how: Tensor | None, rows: slice) -> tuple[Tensor, Tensor]:
        """What is climbed (n,), and the goal alone (n,), of the pictures `rows` moved once."""
        settings = self.settings
        image = self.canvas.image(numbers)
        batch = as_input(image, self.subject.info)
        outputs = self._outputs(self.start, batch if how is None else move(batch, how), rows)
        values = self.goal.own(outputs, rows)
        aim = values / self._scale[rows] * (-1 if settings.negative else 1)
        if settings.tv:
            aim = aim - settings.tv * total_variation(image)
        if settings.l2:
            aim = aim - settings.l2 * distance(image, self._colors.mean)
        if self._whole:
            maps = self._maps(outputs)
            if maps is not None:
                aim = aim - settings.diversity * mean_likeness(maps)
        return aim, values

    def _outputs(self, start: Start, batch: Tensor, rows: slice = slice(None)) -> dict[str, Tensor]:
        """What the layers of the goal put out, and those whose maps are compared."""
        wanted = dict.fromkeys(self.goal.layers)
        if self.goal.count > 1 and self.goal.layers == (LOGITS,):
            wanted |= dict.fromkeys(self._last_maps())
        calls = {layer: start.calls[layer] for layer in wanted}
        with start.helped(rows):
            return layer_outputs(start.net, batch, calls)

    def _last_maps(self) -> list[str]:
        """For a class, diversity is that of the last maps before the logits."""
        layer = last_map_layer(self.subject)
        if layer is None:
            return []
        if layer not in self.calls:
            self.calls[layer] = count_calls(self.subject, layer)
        return [layer]

    def _maps(self, outputs: Mapping[str, Tensor]) -> Tensor | None:
        """The maps whose Gram matrices are compared."""
        found = [maps for maps in outputs.values() if maps.ndim == 4]
        return found[-1] if found else None

    def _begin(self) -> Start:
        """Which pictures pass no gradient back, and a network that does."""
        remedy = self.settings.remedy
        if self.goal.count > 1 and self.goal.layers == (LOGITS,):
            self._last_maps()
        silent = self._silent(self._plain)
        plain = replace(self._plain, silent=silent)
        rows = torch.ones_like(silent) if remedy == "before" else silent
        if remedy == "none" or not bool(rows.any()):
            self._check_alive(silent, silent)
            return plain
        first = as_input(self._image()[:1], self.subject.info)
        separated = separate(self.subject.net, first)
        names = [name for name in self.calls if name != LOGITS]
        calls = calls_of(separated.net, names, first)
        start = replace(plain, net=separated.net, calls={LOGITS: 1, **calls}, rows=rows)
        if remedy in ("auto", "before"):
            start = self._opened(start, first)
        if not start.gates or bool((still := self._silent(start) & silent).any()):
            if remedy == "before" and not start.gates:
                raise LensError(
                    f"No ReLU stands before {self.goal.title}, which could be opened: choose another "
                    "remedy."
                )
            note = f"{start.note} Gradients are led on through the silent ReLUs on the way.".strip()
            start = replace(start, lead=True, note=note)
            still = self._silent(start)
        self._check_alive(still, silent, separated.refusal)
        return start

    def _opened(self, start: Start, first: Tensor) -> Start:
        """With the ReLU before the goal open, where there is one."""
        found = [
            gate_before(start.net, layer, first) for layer in self.goal.layers if layer != LOGITS
        ]
        gates = tuple(dict.fromkeys(gate for gate in found if gate is not None))
        if not gates:
            return start
        note = f"What goes into {' and '.join(gates)} is optimised, before the ReLU."
        return replace(start, gates=gates, note=note)

    def _silent(self, start: Start) -> Tensor:
        """bool (N,) whether the goal of each first picture has no gradient at all."""
        first = self._image()

        def look(rows: slice) -> Tensor:
            image = first[rows].requires_grad_(True)
            with torch.enable_grad():
                outputs = self._outputs(start, as_input(image, self.subject.info), rows)
                values = self.goal.own(outputs, rows)
                if not bool(torch.isfinite(values).all()):
                    raise self._not_finite()
                if not values.requires_grad:
                    return torch.ones(len(values), dtype=torch.bool)
                # As a descent has it: what leads gradients on asks which way they point.
                away = values.sum() if self.settings.negative else -values.sum()
                (gradient,) = torch.autograd.grad(away, image, allow_unused=True)
            if gradient is None:
                return torch.ones(len(values), dtype=torch.bool)
            found: Tensor = (gradient == 0).flatten(1).all(1)
            return found

        return torch.cat(self._in_parts(look))

    def _check_alive(self, still: Tensor, silent: Tensor, refusal: str = "") -> None:
        """Whether at least one picture can be climbed."""
        if not bool(still.all()):
            return
        title = self.goal.title
        if self.settings.remedy == "none" and bool(silent.all()):
            raise LensError(
                f"The first picture leaves {title} silent and without a gradient: let it be optimised "
                "before the ReLU."
            )
        if refusal:
            raise LensError(
                f"No gradient reaches {title}, and the activations in this network's code cannot be told "
                "apart to help it: choose something else or another moment of the training."
            )
        raise LensError(
            f"No pixel changes {title}: the network is constant there; choose something else or "
            "another moment of the training."
        )

    def _not_finite(self) -> LensError:
        return LensError(
            f"{self.goal.title} is no finite number in {self.subject.title}: its training has diverged, "
            "or the learning rate here is too high."
        )


def last_map_layer(subject: Subject) -> str | None:
    """The last innermost module that puts out maps of more than one place."""
    places = [
        name
        for name, found in network_fields(subject).items()
        if found.units != (1, 1) and not any(subject.net.get_submodule(name).children())
    ]
    return places[-1] if places else None
