"""Following a run: everything once, a bounded amount kept, nothing read when nothing is new."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.events import (
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Started,
    to_line,
)
from training.follow import MAX_POINTS, RunFollower
from training.metrics_csv import COLUMNS, metrics_csv
from training.run_store import RunError, RunStore
from training.spec import TrainSpec
from training.thinning import Thinned


def progress(step: int, loss: float = 1.0) -> Progress:
    return Progress(
        step=step,
        time=0.25,
        epoch=0.5,
        loss=loss,
        accuracy=0.5,
        lr=0.1,
        images_per_second=10.0,
        forward_ms=1.0,
        backward_ms=2.0,
        seconds_left=3.0,
    )


def evaluated(
    step: int, split: Any = "val", *, complete: bool = True, loss: float = 0.5
) -> Evaluated:
    return Evaluated(
        step=step,
        split=split,
        epoch=1.0,
        complete=complete,
        loss=loss,
        accuracy=0.75,
        confusion=((3, 1), (0, 4)),
    )


def started(step: int = 0, attempt: int = 0) -> Started:
    return Started(
        step=step,
        device="cpu",
        num_train=1,
        num_val=1,
        num_test=1,
        total_steps=100,
        steps_per_epoch=10,
        num_params=5,
        attempt=attempt,
    )


class Run:
    """A run directory and its follower."""

    def __init__(self, root: Path) -> None:
        self.store = RunStore(root)
        self.run_id = self.store.new_run(TrainSpec())
        self.follower = RunFollower(self.store, self.run_id)

    def write(self, events: Iterable[Event]) -> None:
        with self.store.events_path(self.run_id).open("a") as file:
            file.writelines(to_line(event) for event in events)

    def steps(self, name: str = "train_loss", passes_back: int = 0) -> list[int]:
        return list(map(int, self.follower.curve(name, passes_back).steps))


@pytest.fixture
def a_run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_before_anything_is_written(a_run: Run) -> None:
    assert a_run.follower.refresh() is False
    assert a_run.follower.progress is None
    assert len(a_run.follower.curve("val_loss")) == 0


def test_everything_is_taken_once(a_run: Run) -> None:
    a_run.write([started(), progress(1), progress(2, 0.5)])
    assert a_run.follower.refresh() is True
    version = a_run.follower.version
    assert a_run.follower.refresh() is False
    assert a_run.follower.version == version
    a_run.write(
        [
            evaluated(2),
            evaluated(3, complete=False, loss=0.25),
            evaluated(4, "test"),
            Snapshot(step=4),
        ]
    )
    assert a_run.follower.refresh() is True
    follower = a_run.follower
    assert a_run.steps() == [1, 2]
    assert follower.curve("train_loss").values.tolist() == [1.0, 0.5]
    assert follower.curve("val_loss").values.tolist() == [0.5]
    assert follower.curve("sample_loss").values.tolist() == [0.25]
    assert follower.validation == evaluated(2)
    assert follower.test == evaluated(4, "test")
    assert follower.snapshots == (4,)
    assert follower.ended is None
    a_run.write([Finished(step=4, reason="done", seconds=1.0)])
    follower.refresh()
    assert follower.ended == Finished(step=4, reason="done", seconds=1.0)


def test_nothing_is_opened_when_nothing_is_new(a_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run.write([started(), progress(1)])
    a_run.follower.refresh()
    monkeypatch.setattr(RunStore, "events", lambda *args: pytest.fail("the file was read"))
    assert a_run.follower.refresh() is False


def test_torn_tail_waits(a_run: Run) -> None:
    line = to_line(progress(1))
    path = a_run.store.events_path(a_run.run_id)
    path.write_text(line + line[:20])
    a_run.follower.refresh()
    assert a_run.steps() == [1]
    path.write_text(line + to_line(progress(2)))
    a_run.follower.refresh()
    assert a_run.steps() == [1, 2]


def test_another_shorter_file_starts_over(a_run: Run) -> None:
    a_run.write([started(), progress(1), progress(2)])
    a_run.follower.refresh()
    a_run.store.events_path(a_run.run_id).write_text(to_line(progress(7)))
    a_run.follower.refresh()
    assert a_run.steps() == [7]


def test_rewind_begins_a_pass(a_run: Run) -> None:
    setting = Control(step=1, action="set", field="lr", value=0.5)
    a_run.write([started(), progress(1), setting, progress(5), evaluated(5)])
    a_run.write([Control(step=5, action="rewind"), Snapshot(step=0), progress(1)])
    a_run.follower.refresh()
    follower = a_run.follower
    assert a_run.steps() == [1]
    assert a_run.steps(passes_back=1) == [1, 5]
    assert follower.num_passes == 2
    assert follower.validation is None
    assert follower.started is not None
    # the rate set in the pass before is still in force: it belongs to step 0 of this one
    assert follower.controls == (replace(setting, step=0),)
    a_run.write([Control(step=1, action="rewind"), Control(step=0, action="rewind")])
    follower.refresh()
    assert follower.num_passes == 3  # an empty pass is not one


def test_settings_belong_to_their_pass(a_run: Run) -> None:
    def change(step: int, value: float, field: str = "lr") -> Control:
        return Control(step=step, action="set", field=field, value=value)

    a_run.write([started(), change(1, 0.5), change(3, 0.0), change(4, 0.1, "momentum")])
    a_run.write([Control(step=4, action="pause"), Control(step=5, action="rewind"), change(2, 0.2)])
    a_run.follower.refresh()
    assert a_run.follower.controls == (change(0, 0.0), change(0, 0.1, "momentum"), change(2, 0.2))
    assert a_run.follower.settings == {"lr": change(2, 0.2), "momentum": change(0, 0.1, "momentum")}
    a_run.write([started(1, attempt=1)])  # from a checkpoint that knows nothing of step 2
    a_run.follower.refresh()
    assert a_run.follower.settings["lr"] == change(0, 0.0)
    a_run.write([started(0), Control(step=0, action="rewind")])  # a fresh start from the spec
    a_run.follower.refresh()
    assert len(a_run.follower.controls) == 0


def test_resume_replaces_what_came_after_the_checkpoint(a_run: Run) -> None:
    a_run.write(
        [
            started(),
            *map(progress, range(1, 9)),
            Snapshot(step=8),
            Failed(step=8, reason="killed", message="…"),
        ]
    )
    a_run.write([started(5, attempt=1), progress(6, 9.0)])
    a_run.follower.refresh()
    assert a_run.steps() == [1, 2, 3, 4, 5, 6]
    assert a_run.follower.curve("train_loss").values[-1] == 9.0
    assert a_run.follower.snapshots == ()
    assert a_run.follower.ended is None
    a_run.write([started(0, attempt=2), Control(step=0, action="rewind"), progress(1)])
    a_run.follower.refresh()
    assert a_run.steps() == [1]
    assert a_run.steps(passes_back=1) == [1, 2, 3, 4, 5, 6]
    assert a_run.follower.num_passes == 2


def test_many_readers_at_once(a_run: Run) -> None:
    a_run.write([started(), *map(progress, range(1, 3000))])
    threads = [threading.Thread(target=a_run.follower.refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert a_run.follower.version == 3000
    assert len(a_run.follower.curve("train_loss")) <= MAX_POINTS


def test_bad_run_id(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        RunFollower(RunStore(tmp_path), "../x")


@pytest.mark.parametrize("count", [2, 599, 600, 601, 1200, 5000, 40_000])
def test_thinned_curves_stay_small_and_keep_spikes(count: int) -> None:
    values = np.sin(np.arange(count) / 50)
    spike = count // 3
    values[spike] = 100.0
    thinned = Thinned(600)
    for step, value in enumerate(values.tolist()):
        thinned.add(step, value)
    series = thinned.series()
    assert len(series) == count if count < 599 else 250 <= len(series) <= 600
    assert (np.diff(series.steps) > 0).all()
    assert series.values.max() == 100.0
    assert series.steps[int(series.values.argmax())] == spike
    assert series.steps[0] <= count // 100
    assert series.steps[-1] >= count - 1 - count // 100
    assert (values[series.steps] == series.values).all()
    gaps = np.diff(series.steps)
    assert gaps.max() <= max(1, 12 * count // 600)  # as dense early as late


def test_a_value_that_is_no_number_survives_thinning() -> None:
    thinned = Thinned(20)
    for step in range(1000):
        thinned.add(step, float("nan") if step == 500 else 1.0)
    series = thinned.series()
    assert np.isnan(series.values).sum() == 1
    assert series.steps[np.isnan(series.values)].tolist() == [500]


def test_csv_holds_every_measurement(a_run: Run) -> None:
    a_run.write([started(), progress(1), progress(2, float("nan")), evaluated(2)])
    a_run.write([Control(step=2, action="rewind"), started(0, 1), progress(1)])
    rows = [line.split(",") for line in metrics_csv(a_run.store, a_run.run_id).splitlines()]
    assert rows[0] == list(COLUMNS)
    table = [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]
    assert [(row["pass"], row["attempt"], row["step"], row["split"]) for row in table] == [
        ("0", "0", "1", "train"),
        ("0", "0", "2", "train"),
        ("0", "0", "2", "val"),
        ("1", "1", "1", "train"),
    ]
    assert table[0]["time"] == "1970-01-01T00:00:00.250+00:00"
    assert table[1]["loss"] == ""
    assert (table[2]["loss"], table[2]["accuracy"], table[2]["lr"]) == ("0.5", "0.75", "")
