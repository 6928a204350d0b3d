"""What the time machine plays: the moments of a network, asked for once and kept.

A run that is being trained gains a moment every few seconds. The engine is asked for what is new and
nothing else; what it said before is kept here for all visitors, within a bound.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from models.references import HistoryRef, RunRef
from training.events import Progress
from training.history import History
from training.run_store import RunError
from training.thinning import Thinned
from ui import runtime
from ui.looking import glance
from viz.results import Curve
from viz.results.history import FilterMoves, Moment, Moments, choose_moments

MAX_KEPT_BYTES: Final = 64 << 20
CHUNK: Final = 8
"""Moments that are asked for at once: what has come is kept when somebody clicks elsewhere."""
_TIMEOUT: Final = 120.0
_MAX_CURVE: Final = 400  # points
_MAX_MOVES: Final = 4096  # numbers


@dataclass(frozen=True)
class Question:
    """What is looked at, at every moment alike."""

    base: str  # a model reference without a step
    image: str
    layer: str | None  # None: the network has no layer with maps
    field: str | None


@dataclass
class _Kept:
    common: Moments  # without its moments
    moments: dict[int, tuple[int, Moment]] = field(default_factory=dict)  # by step, with its stamp

    @property
    def num_bytes(self) -> int:
        return sum(_size(moment) for _, moment in self.moments.values())


_Stamped = tuple[int, int]  # a step and its stamp
_lock = threading.Lock()
_kept: OrderedDict[Question, _Kept] = OrderedDict()
_moves: OrderedDict[tuple[str, str, _Stamped, _Stamped], float] = OrderedDict()


def gather(
    question: Question, history: History, also: Collection[int | None] = ()
) -> Moments | None:
    """Up to MAX_MOMENTS log-spaced moments of a network; None: none is kept yet.

    Args:
        question: what is looked at.
        history: of the network.
        also: further moments, which a link names; None stands for none.

    Raises:
        EngineError: a sentence; what was gathered before is kept for the next time.
    """
    linked = {step for step in history.steps if step in also}
    steps = sorted({*choose_moments(history.steps), *linked})
    stamps = {step: stamp_of(history, step) for step in steps}
    common, moments = _recall(question, stamps)
    missing = [step for step in steps if step not in moments]
    for at in range(0, len(missing), CHUNK):
        part = missing[at : at + CHUNK]
        found: Moments = glance(
            "history", question.base, question.image, timeout=_TIMEOUT,
            steps=part, layer=question.layer, field=question.field,
        )  # fmt: skip
        _keep(question, found, stamps)
        common = found
        moments |= {moment.step: moment for moment in found.moments}
    if common is None or not steps:
        return None
    return replace(common, moments=tuple(moments[step] for step in steps))


def filter_moves(question: Question, history: History, found: Moments) -> list[float]:
    """How far all weights of the filters moved from each moment of `found` to the next.

    Raises:
        EngineError: a sentence.
    """
    steps = [one.step for one in found.moments]
    if not found.filter_layer or len(steps) < 2:
        return []
    stamps = [stamp_of(history, step) for step in steps]
    pairs = [
        (question.base, found.filter_layer, *pair)
        for pair in itertools.pairwise(zip(steps, stamps, strict=True))
    ]
    with _lock:
        norms = {pair: _moves[pair] for pair in pairs if pair in _moves}
    missing = [rank for rank, pair in enumerate(pairs) if pair not in norms]
    # From the first that is unknown to the last: of a run that grows the newest alone.
    first, last = (missing[0], missing[-1] + 1) if missing else (0, 0)
    for at in range(first, last, CHUNK):
        end = min(at + CHUNK, last)
        said: FilterMoves = glance(
            "filter_moves", question.base, timeout=_TIMEOUT,
            steps=steps[at : end + 1], layer=found.filter_layer,
        )  # fmt: skip
        new = dict(zip(pairs[at:end], said.norms.tolist(), strict=True))
        norms |= new
        with _lock:
            _moves.update(new)
            while len(_moves) > _MAX_MOVES:
                _moves.popitem(last=False)
    return [norms[pair] for pair in pairs]


def training_loss(history: History) -> Curve:
    """The loss on the training batches, thinned."""
    if isinstance(history.reference, RunRef):
        follower = runtime.follower(history.reference.run_id)
        follower.refresh()
        series = follower.curve("train_loss")
        return Curve(series.steps, series.values, "training loss")
    return _shipped_loss(history.reference, history)


def is_active(history: History) -> bool:
    """Whether more moments are to come."""
    if not isinstance(history.reference, RunRef):
        return False
    try:
        return runtime.store().status(history.reference.run_id).active
    except RunError:
        return False


def steps_now(history: History) -> tuple[int, ...]:
    """The moments that are kept by now; none of a run that somebody has deleted."""
    if not isinstance(history.reference, RunRef):
        return history.steps
    try:
        return tuple(runtime.store().snapshot_steps(history.reference.run_id))
    except RunError:
        return ()


def forget() -> None:
    """Everything that is kept, for tests."""
    with _lock:
        _kept.clear()
        _moves.clear()


def _recall(
    question: Question, stamps: Mapping[int, int]
) -> tuple[Moments | None, dict[int, Moment]]:
    """What is kept of these moments by now: another visitor's question may drop it at any time."""
    with _lock:
        kept = _kept.get(question)
        if kept is None:
            return None, {}
        _kept.move_to_end(question)
        found = {
            step: moment
            for step, (stamp, moment) in kept.moments.items()
            if stamps.get(step) == stamp
        }
        return kept.common, found


def _keep(question: Question, found: Moments, stamps: dict[int, int]) -> None:
    with _lock:
        kept = _kept.setdefault(question, _Kept(replace(found, moments=())))
        kept.moments |= {moment.step: (stamps[moment.step], moment) for moment in found.moments}
        _kept.move_to_end(question)
        while len(_kept) > 1 and sum(one.num_bytes for one in _kept.values()) > MAX_KEPT_BYTES:
            _kept.popitem(last=False)


def stamp_of(history: History, step: int) -> int:
    """Tells a moment apart from the one of the same number before a rewind."""
    if not isinstance(history.reference, RunRef):
        return 0
    try:
        return history.path(step).stat().st_mtime_ns
    except (OSError, RunError):
        return 0  # deleted meanwhile: the engine says so, if it has to be asked


def _size(moment: Moment) -> int:
    heat = None if moment.field is None else moment.field.heat
    arrays = (moment.filters, moment.maps, moment.probs, moment.confusion, heat)
    return sum(array.nbytes for array in arrays if array is not None)


@lru_cache(maxsize=16)
def _shipped_loss(reference: HistoryRef, history: History) -> Curve:
    curve = Thinned(_MAX_CURVE)
    for event in history.events():
        if isinstance(event, Progress):
            curve.add(event.step, event.loss)
    series = curve.series()
    return Curve(series.steps, series.values, f"training loss of {reference}")
