"""Growth gathered moment by moment: what is asked for, in which order, and what is kept."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.protocol import EngineError
from models.references import RunRef
from training.history import History
from training.run_store import RunStore
from training.spec import TrainSpec
from ui.fields import growth
from ui.fields.effective import Asked
from ui.fields.growth import MOST_MOMENTS, Filling, coarse_first, gather_growth
from ui.subject.bar import Chosen
from viz.results.fields import EffectiveField, Gaussian
from viz.results.network import NetworkMap

ASKED = Asked("conv2", (1, 1), None)


class Engine:
    """Answers with fields made by hand and remembers which moments it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.broken: int | None = None

    def glance(self, lens: str, model: str, **options: Any) -> EffectiveField:
        assert lens == "effective_field"
        step = int(model.partition("@")[2])
        if step == self.broken:
            raise EngineError("A snapshot has gone.")
        self.asked.append(step)
        return EffectiveField(
            options["layer"], tuple(options["unit"]), options["channel"], np.ones((4, 4), np.float32),
            (0, 0, 4, 4), False, Gaussian((1, 1), (2, 2), 1.0), 1.0, 3, options["images"], "", step,
        )  # fmt: skip


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine()
    monkeypatch.setattr(growth, "glance", engine.glance)
    growth.forget()
    yield engine
    growth.forget()


def chosen_of(store: RunStore, run_id: str, steps: tuple[int, ...]) -> Chosen:
    """A run whose snapshots exist, as far as anybody looks."""
    for step in steps:
        path = store.snapshot_path(run_id, step)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(b"")
    past = History(RunRef(run_id), run_id, TrainSpec(), steps, store)
    network = NetworkMap("net", (1, 4, 4), ("one",), (), 0, 0, None)
    base = f"run:{run_id}"
    return Chosen(base, base, None, None, network, {}, "net", past)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


@pytest.fixture
def run_id(store: RunStore) -> str:
    return store.new_run(TrainSpec())


def steps_of(fillings: list[Filling]) -> list[list[int]]:
    return [filling.growth.steps.tolist() for filling in fillings]


def test_a_growing_run_is_asked_for_its_new_moment_alone(
    engine: Engine, store: RunStore, run_id: str
) -> None:
    first = list(gather_growth(chosen_of(store, run_id, (0, 1, 2)), ASKED))
    assert steps_of(first)[-1] == [0, 1, 2]
    assert sorted(engine.asked) == [0, 1, 2]
    engine.asked.clear()
    chosen = chosen_of(store, run_id, (0, 1, 2, 3))
    for _ in range(2):
        last = list(gather_growth(chosen, ASKED))[-1]
        assert last.done
        assert last.growth.steps.tolist() == [0, 1, 2, 3]
    assert engine.asked == [3]
    list(gather_growth(chosen, dataclasses.replace(ASKED, channel=1)))
    assert sorted(engine.asked[1:]) == [0, 1, 2, 3]


def test_the_curve_fills_from_its_ends(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "REDRAW_SECONDS", -1.0)
    found = list(gather_growth(chosen_of(store, run_id, tuple(range(5))), ASKED))
    assert engine.asked[:2] == [0, 4]
    assert steps_of(found)[0] == [0, 4]
    assert [len(each.growth.fields) for each in found] == [2, 3, 4, 5]
    assert [each.done for each in found] == [False, False, False, True]
    assert all(each == sorted(each) for each in steps_of(found))


@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_every_moment_has_its_turn_once(count: int) -> None:
    steps = [3 * each for each in range(count)]
    order = coarse_first(steps)
    assert order[:2] == [steps[0], steps[-1]]
    assert sorted(order) == steps


def test_a_long_past_is_thinned(engine: Engine, store: RunStore, run_id: str) -> None:
    [*_, last] = gather_growth(chosen_of(store, run_id, tuple(range(0, 200, 4))), ASKED)
    assert 2 < len(last.growth.fields) <= MOST_MOMENTS
    assert (last.growth.steps[0], last.growth.steps[-1]) == (0, 196)


def test_what_came_before_a_failure_is_kept(engine: Engine, store: RunStore, run_id: str) -> None:
    chosen = chosen_of(store, run_id, (0, 1, 2))
    engine.broken = 1
    with pytest.raises(EngineError, match="has gone"):
        list(gather_growth(chosen, ASKED))
    engine.broken = None
    list(gather_growth(chosen, ASKED))
    assert engine.asked == [0, 2, 1]


def test_a_cache_too_small_for_one_unit_still_gives_all(
    engine: Engine, store: RunStore, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "MAX_KEPT_BYTES", 1)
    chosen = chosen_of(store, run_id, (0, 1, 2))
    assert steps_of(list(gather_growth(chosen, ASKED)))[-1] == [0, 1, 2]
    assert len(growth._kept) == 1


def test_after_a_rewind_the_same_number_is_another_moment(
    engine: Engine, store: RunStore, run_id: str
) -> None:
    chosen = chosen_of(store, run_id, (0, 1))
    list(gather_growth(chosen, ASKED))
    os.utime(store.snapshot_path(run_id, 1), ns=(5, 5))
    list(gather_growth(chosen, ASKED))
    assert engine.asked == [0, 1, 1]


def test_one_moment_is_no_growth(engine: Engine, store: RunStore, run_id: str) -> None:
    assert list(gather_growth(chosen_of(store, run_id, (0,)), ASKED)) == []
    assert engine.asked == []
