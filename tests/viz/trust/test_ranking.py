"""The table of trust on numbers made up so that the answer is known."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping

import numpy as np
import pytest

from viz.results.randomisation import MethodChange, Randomisation
from viz.results.trust import (
    Doubles,
    Measurement,
    MethodScore,
    RankedMethod,
    Road,
    TrustImages,
)
from viz.trust.confidence import mean_interval
from viz.trust.ranking import rank_methods, rank_results, table_csv

NOISE = np.random.default_rng(0).normal(0, 0.02, size=(6, 40))
HARD = np.random.default_rng(1).normal(0, 1, size=40)  # images differ far more than methods


def measure(
    name: str, means: Mapping[str, float], *, higher: bool = True, evidence: bool = True
) -> Measurement:
    """Methods with these means; those of up to three letters know nothing of the network."""
    scores = []
    for row, (method, mean) in enumerate(means.items()):
        values: Doubles = HARD + NOISE[row] - NOISE[row].mean() - HARD.mean() + mean
        control = method in ("random", "centre", "edges")
        scores.append(MethodScore(method, method.title(), control, values, *mean_interval(values)))
    return Measurement(name, name.title(), "", higher, evidence, None, tuple(scores))


def by_name(rows: tuple[RankedMethod, ...]) -> dict[str, RankedMethod]:
    return {row.method: row for row in rows}


def test_the_better_method_comes_first_whichever_way_is_better() -> None:
    rising = measure("insertion", {"good": 0.8, "poor": 0.5, "random": 0.3})
    falling = measure("deletion", {"good": 0.1, "poor": 0.3, "random": 0.5}, higher=False)
    table = rank_methods([rising, falling])
    assert [(row.method, row.rank) for row in table.rows] == [
        *(("good", 1), ("poor", 2), ("random", 3))
    ]
    good = table.rows[0]
    assert (good.better, good.worse) == (4, 0)
    assert good.beats == {"insertion": ("random",), "deletion": ("random",)}
    assert good.means["insertion"][0] == pytest.approx(0.8)
    assert "every control by 2 of 2 measures" in good.verdict
    assert table.rows[2].verdict == "Knows nothing of the network."


def test_methods_that_cannot_be_told_apart_share_a_rank() -> None:
    rows = rank_methods([measure("road", {"a": 0.5, "b": 0.5, "poor": 0.2, "random": 0.0})]).rows
    assert [(row.method, row.rank) for row in rows] == [
        *(("a", 1), ("b", 1), ("poor", 3), ("random", 4))
    ]


def test_two_measures_that_disagree_make_a_tie() -> None:
    rows = rank_methods(
        [measure("road", {"a": 0.5, "b": 0.2}), measure("pointing", {"a": 0.2, "b": 0.5})]
    ).rows
    assert [row.rank for row in rows] == [1, 1]


def test_what_is_no_evidence_is_told_but_not_counted() -> None:
    rows = rank_methods(
        [
            measure("road", {"a": 0.2, "b": 0.5}),
            measure("sensitivity", {"a": 0.1, "b": 0.9}, higher=False, evidence=False),
        ]
    ).rows
    assert [row.method for row in rows] == ["b", "a"]
    assert "sensitivity" in rows[0].means


def test_a_method_no_better_than_a_random_map_is_told_so() -> None:
    means = {"fine": 0.5, "lost": 0.1, "random": 0.1, "edges": 0.6}
    rows = by_name(rank_methods([measure("road", means)]).rows)
    assert rows["lost"].verdict == "Not clearly better than a random map by any of 1 measure."
    assert "never than every control" in rows["fine"].verdict
    assert rows["fine"].beats["road"] == ("random",)


def test_too_few_images_prove_nothing() -> None:
    few = measure("road", {"a": 0.9, "random": 0.0})
    short = tuple(
        MethodScore(s.method, s.title, s.control, s.values[:5], *mean_interval(s.values[:5]))
        for s in few.scores
    )
    rows = rank_methods([Measurement("road", "Road", "", True, True, None, short)]).rows
    assert [row.rank for row in rows] == [1, 1]
    assert by_name(rows)["a"].verdict == "Too few images to tell."
    rows = rank_methods([measure("pointing", {"a": 0.9, "random": 0.0}), few_of(short)]).rows
    assert by_name(rows)["a"].verdict == "Clearly better than every control by 1 of 1 measure."


def few_of(scores: tuple[MethodScore, ...]) -> Measurement:
    return Measurement("road", "Road", "", True, True, None, scores)


def test_a_method_without_numbers_changes_nobody_elses_row() -> None:
    whole = measure("road", {"a": 0.5, "b": 0.3, "random": 0.1})
    other = measure("pointing", {"b": 0.5, "a": 0.3, "random": 0.1})
    none = np.full(40, np.nan)
    lost = MethodScore("lost", "Lost", False, none, *mean_interval(none))
    more = dataclasses.replace(whole, scores=(lost, *whole.scores))
    before, after = rank_methods([whole, other]), rank_methods([more, other])
    kept = tuple(row for row in after.rows if row.method != "lost")
    assert [(r.method, r.better, r.worse, r.beats, r.verdict) for r in kept] == [
        (r.method, r.better, r.worse, r.beats, r.verdict) for r in before.rows
    ]
    assert by_name(after.rows)["lost"].verdict == "Too few images to tell."


def test_a_method_whose_maps_stay_is_said_so_however_good_it_is() -> None:
    measurements = [measure("road", {"a": 0.5, "b": 0.5, "poor": 0.1, "random": 0.1})]
    table = rank_methods(measurements, {"a": "stays", "b": "changes", "poor": "stays"})
    rows = by_name(table.rows)
    tail = "its maps stay as they were when the upper layers are random."
    assert rows["a"].rank == 1
    assert rows["a"].verdict == f"Clearly better than every control by 1 of 1 measure, but {tail}"
    assert rows["b"].verdict == "Clearly better than every control by 1 of 1 measure."
    assert rows["poor"].verdict.endswith(f", and {tail}")
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(table_csv(table)))}
    assert [lines[name]["follows_weights"] for name in ("a", "b", "random")] == [
        *("stays", "changes", "")
    ]
    assert lines["a"]["verdict"].endswith(tail)


def test_the_randomisation_check_among_the_results_is_heard() -> None:
    measured = measure("road", {"a": 0.5, "random": 0.1})
    rng = np.random.default_rng(3)
    values = 0.9 + rng.normal(0, 0.01, size=(3, 20))
    empty = np.zeros((3, 0, 2, 2), np.float32)
    change = MethodChange("a", "A", False, values, values, values, {}, np.zeros(3, np.int64), empty)
    none = np.zeros(0, np.int64)
    told = TrustImages("", (), none, none, none, ())
    road = Road(told, (measured,), {}, "", 0.0, 1.0, None, (), ())
    check = Randomisation(
        told, (), {}, "", 0.0, 1.0, None, "cascading", ("b", "c"), 2, (change,),
        values, np.zeros((0, 2, 2, 1), np.uint8), (),
    )  # fmt: skip
    assert "but its maps stay" in by_name(rank_results([road, check]).rows)["a"].verdict
    assert "stay" not in by_name(rank_results([road]).rows)["a"].verdict


def test_a_method_that_some_measure_left_out_is_ranked_by_the_others() -> None:
    rows = by_name(
        rank_methods(
            [
                measure("road", {"a": 0.9, "b": 0.5, "random": 0.0}),
                measure("pointing", {"a": 0.9, "random": 0.0}),
            ]
        ).rows
    )
    assert rows["b"].rank == 2
    assert "pointing" not in rows["b"].means


def test_the_table_as_text_holds_every_number() -> None:
    table = rank_methods(
        [measure("road", {"a": 0.5, "random": 0.0}), measure("pointing", {"a": 0.25})]
    )
    lines = list(csv.DictReader(io.StringIO(table_csv(table))))
    assert [line["method"] for line in lines] == ["a", "random"]
    assert float(lines[0]["road_mean"]) == pytest.approx(0.5)
    assert float(lines[0]["road_low"]) < 0.5 < float(lines[0]["road_high"])
    assert lines[0]["road_beats"] == "random"
    assert lines[1]["pointing_mean"] == ""
    assert lines[1]["control"] == "yes"


def test_nothing_measured_is_an_empty_table() -> None:
    assert rank_methods([]).rows == ()
