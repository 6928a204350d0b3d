"""The optimisation itself: gradient ascent on pictures, step by step, with nothing of the network changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from viz.lenses.batching import is_out_of_memory
from viz.lenses.context import Subject
from viz.lenses.geometry import network_fields
from viz.lenses.registry import LensError
from viz.lenses.unit_gradients import count_calls
from viz.lenses.visualize.canvas import Canvas
from viz.lenses.visualize.colors import Colors
from viz.lenses.visualize.goals import Goal
from viz.lenses.visualize.penalties import distance, likeness, mean_likeness, total_variation
from viz.lenses.visualize.probe import LOGITS, as_input, layer_outputs, to_bytes
from viz.lenses.visualize.remedies import gate_before, lead_on, open_before
from viz.lenses.visualize.transforms import Moves
from viz.visualization.settings import Settings

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

    net: nn.Module  # the network, or a copy with another gate
    silent: Tensor  # bool (N,) without a gradient in the network as it is
    note: str


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
        self.start = self._begin()

    def run(self) -> Iterator[Climbed]:
        """The first picture, then one after each step.

        Raises:
            LensError: one sentence: numbers are no longer finite.
        """
        settings = self.settings
        adam = torch.optim.Adam([self.canvas.numbers], lr=settings.rate)
        nothing = torch.full((self.goal.count,), torch.nan)
        yield Climbed(0, self.canvas.image().detach(), torch.nan, nothing)
        for step in range(1, settings.steps + 1):
            adam.zero_grad()
            objective, values = self._ascend()
            adam.step()
            if settings.blur and step % _BLUR_EVERY == 0:
                self.canvas.blur(settings.blur)
            if not bool(torch.isfinite(values).all()):
                raise self._not_finite()
            mean = float(objective.detach().mean())
            yield Climbed(step, self.canvas.image().detach(), mean, values.detach())

    @torch.no_grad()
    def values(self, image: Tensor) -> Tensor:
        """(N,) of the goal for pictures (N, C, H, W) as they are shown, in the network as it is."""
        shown = to_bytes(image).float() / 255
        return self.goal.own(
            layer_outputs(self.subject.net, as_input(shown, self.subject.info), self.calls)
        )

    @torch.no_grad()
    def moved_values(self, image: Tensor, moves: Moves, times: int) -> Tensor:
        """(N,) mean of the goal over `times` small moves of each picture."""
        generator = torch.Generator().manual_seed(_MOVES_SEED)
        shown = as_input(to_bytes(image).float() / 255, self.subject.info)
        found = [
            self.goal.own(layer_outputs(self.subject.net, moves(shown, generator), self.calls))
            for _ in range(times)
        ]
        return torch.stack(found).mean(0)

    @torch.no_grad()
    def similarity(self, image: Tensor) -> float:
        """Mean cosine between the Gram matrices of all pairs of pictures; NaN for a single one."""
        maps = self._maps(self._outputs(self.subject.net, as_input(image, self.subject.info)))
        n = len(image)
        if n < 2 or maps is None:
            return float("nan")
        cosines = likeness(maps)
        return float((cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1)))

    def _ascend(self) -> tuple[Tensor, Tensor]:
        """The gradient of a step, and what `_aim` says.

        Raises:
            LensError: one sentence: the memory is not enough.
        """
        try:
            with torch.enable_grad():
                objective, values = self._aim()
                torch.autograd.backward(-objective.sum())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            count, _, height, width = self.canvas.shape
            raise LensError(
                f"The memory is not enough for {count} pictures of {height}×{width} pixels at once: "
                "make fewer, or smaller ones."
            ) from None
        return objective, values

    def _aim(self) -> tuple[Tensor, Tensor]:
        """What is climbed (N,), and the goal alone (N,), of pictures moved once."""
        settings = self.settings
        image = self.canvas.image()
        moved = self.moves(as_input(image, self.subject.info), self._generator)
        outputs = self._outputs(self.start.net, moved)
        values = self.goal.own(outputs)
        aim = values / self._scale * (-1 if settings.negative else 1)
        if settings.tv:
            aim = aim - settings.tv * total_variation(image)
        if settings.l2:
            aim = aim - settings.l2 * distance(image, self._colors.mean)
        if settings.diversity and self.goal.count > 1:
            maps = self._maps(outputs)
            if maps is not None:
                aim = aim - settings.diversity * mean_likeness(maps)
        return aim, values

    def _outputs(self, net: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        wanted = {layer: self.calls[layer] for layer in self.goal.layers}
        if self.goal.count > 1 and self.goal.layers == (LOGITS,):
            wanted |= self._last_maps(net, batch)
        return layer_outputs(net, batch, wanted)

    def _last_maps(self, net: nn.Module, batch: Tensor) -> dict[str, int]:
        """For a class, diversity is that of the last maps before the logits."""
        layer = last_map_layer(self.subject)
        if layer is None:
            return {}
        if layer not in self.calls:
            self.calls[layer] = count_calls(self.subject, layer)
        return {layer: self.calls[layer]}

    def _maps(self, outputs: Mapping[str, Tensor]) -> Tensor | None:
        """The maps whose Gram matrices are compared."""
        found = [maps for maps in outputs.values() if maps.ndim == 4]
        return found[-1] if found else None

    def _begin(self) -> Start:
        """Which pictures pass no gradient back, and a network that does."""
        net, settings = self.subject.net, self.settings
        silent = self._silent(net)
        rows = torch.ones_like(silent) if settings.remedy == "before" else silent
        if settings.remedy == "none" or not bool(rows.any()):
            self._check_alive(silent, silent)
            return Start(net, silent, "")
        changed, note = None, ""
        if settings.remedy in ("auto", "before"):
            changed, note = self._opened(rows)
        if changed is None or bool((still := self._silent(changed) & silent).any()):
            if settings.remedy == "before" and changed is None:
                raise LensError(
                    f"No ReLU stands before {self.goal.title}, which could be opened: choose another "
                    "remedy."
                )
            led = lead_on(net if changed is None else changed)
            note = f"{note} Gradients are led on through the silent ReLUs on the way.".strip()
            changed, still = led, self._silent(led)
        self._check_alive(still, silent)
        return Start(changed, silent, note)

    def _opened(self, rows: Tensor) -> tuple[nn.Module | None, str]:
        """The network with the ReLU before the goal open, where there is one."""
        net = self.subject.net
        batch = as_input(self.canvas.image().detach()[:1], self.subject.info)
        opened, gates = net, []
        for layer in self.goal.layers:
            gate = None if layer == LOGITS else gate_before(net, layer, batch)
            if gate is None:
                continue
            if gate not in gates:
                calls = count_calls(self.subject, gate)
                opened = open_before(opened, gate, rows, calls)
                gates.append(gate)
        if not gates:
            return None, ""
        return opened, f"What goes into {' and '.join(gates)} is optimised, before the ReLU."

    def _silent(self, net: nn.Module) -> Tensor:
        """bool (N,) whether the goal of each first picture has no gradient at all."""
        with torch.enable_grad():
            image = self.canvas.image().detach().requires_grad_(True)
            values = self.goal.own(self._outputs(net, as_input(image, self.subject.info)))
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

    def _check_alive(self, still: Tensor, silent: Tensor) -> None:
        """Whether at least one picture can be climbed."""
        if not bool(still.all()):
            return
        title = self.goal.title
        if self.settings.remedy == "none" and bool(silent.all()):
            raise LensError(
                f"The first picture leaves {title} silent and without a gradient: let it be optimised "
                "before the ReLU."
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
