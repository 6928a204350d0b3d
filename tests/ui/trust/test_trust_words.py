"""Sentences made from numbers: who is best, who is no better than chance, who follows the weights."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from ui.trust.curves_view import high_start
from ui.trust.parts import measurements_csv
from ui.trust.ranking_table import best_methods, table_html
from ui.trust.ranking_view import headline
from ui.trust.words import (
    UNDECIDED,
    against_chance,
    beaten,
    interpret,
    interval,
    join,
    number,
    verdict_sentence,
)
from viz.results.trust import Faithfulness, Measurement, MethodScore, TrustCurve, TrustImages
from viz.trust.confidence import mean_interval
from viz.trust.ranking import rank_methods
from viz.trust.sanity import Judged

NAN = float("nan")


def score(method: str, title: str, values: Any, *, control: bool = False) -> MethodScore:
    array = np.asarray(values, float)
    return MethodScore(method, title, control, array, *mean_interval(array))


def measured(*scores: MethodScore, measure: str = "mask_share", higher: bool = True) -> Measurement:
    return Measurement(measure, "Title", "What.", higher, True, 0.2, scores)


SPREAD = np.linspace(-0.02, 0.02, 16)
GOOD = score("grad_cam", "Grad-CAM", 0.6 + SPREAD)
POOR = score("saliency", "Saliency", 0.21 + SPREAD[::-1])
RANDOM = score("random", "Random map", 0.2 + SPREAD, control=True)
EDGES = score("edges", "Edge detector", 0.3 + SPREAD, control=True)
CENTRE = score("centre", "Centre Gaussian", 0.25 + SPREAD, control=True)
CONTROLS = (RANDOM, CENTRE, EDGES)


def test_the_best_and_those_no_better_than_what_knows_nothing() -> None:
    said = interpret(measured(GOOD, POOR, *CONTROLS))
    assert said.startswith("Grad-CAM is the best of the methods: 60.0 % (59")
    assert "1 of 2 methods is clearly better" in said
    assert "Saliency is not" in said
    assert beaten(measured(GOOD, RANDOM, EDGES), GOOD) == ("Random map", "Edge detector")
    alone = interpret(measured(GOOD, *CONTROLS))
    assert "The method is clearly better" in alone
    assert "best" not in alone


def test_there_is_no_verdict_before_all_controls_are_there() -> None:
    assert interpret(measured(GOOD, POOR, RANDOM)) == UNDECIDED
    assert interpret(measured(GOOD)) == UNDECIDED
    assert against_chance(measured(GOOD, RANDOM), "the object") == ""


def test_a_control_that_does_as_well_is_named() -> None:
    high = score("centre", "Centre Gaussian", 0.62 + SPREAD, control=True)
    said = interpret(measured(GOOD, POOR, RANDOM, EDGES, high))
    assert "Centre Gaussian does as well" in said
    assert "None of the methods is clearly better" in said


def test_lower_may_be_better() -> None:
    said = interpret(measured(GOOD, POOR, *CONTROLS, measure="deletion", higher=False))
    assert said.startswith("Saliency is the best of the methods: 0.210")
    assert "Random map does as well" in said
    assert "None of the methods" in said


def test_few_images_say_nothing_of_chance() -> None:
    few = [
        score(each.method, each.title, each.values[:4], control=each.control)
        for each in (GOOD, *CONTROLS)
    ]
    assert "4 images are too few" in interpret(measured(*few))


@pytest.mark.parametrize(
    ("measure", "words"),
    [("sensitivity", "most stable"), ("randomisation", "changes most"), ("twin", "changes most")],
)
def test_measures_that_prove_nothing_say_so(measure: str, words: str) -> None:
    assert words in interpret(measured(GOOD, POOR, *CONTROLS, measure=measure, higher=False))


def test_chance_is_what_is_compared_with() -> None:
    said = against_chance(measured(GOOD, *CONTROLS), "the object")
    assert "3.0 times what chance would" in said
    assert "Edge detector 30.0 %" in said
    assert against_chance(measured(RANDOM), "the object") == ""
    assert interpret(measured(RANDOM)) == ""


def test_numbers_as_people_read_them() -> None:
    assert number(0.12345) == "0.123"
    assert number(-0.5) == "−0.500"
    assert number(0.5, percent=True) == "50.0 %"
    assert number(NAN) == "–"
    assert interval(score("a", "A", [0.5])) == "0.500"
    assert [join(["a"]), join(["a", "b"]), join(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_verdicts_as_a_sentence() -> None:
    class Change:
        control = False

        def __init__(self, title: str) -> None:
            self.title = title

    none = (0.0, 0.0, 0.0)
    pairs: Any = [
        (Change("A"), Judged("stays", none, none)),
        (Change("B"), Judged("changes", none, none)),
        (Change("C"), Judged("changes", none, none)),
        (Change("D"), Judged("between", none, none)),
        (Change("E"), Judged("unknown", none, none)),
    ]
    said = verdict_sentence(pairs)
    assert "A looks much the same although" in said
    assert "B and C change" in said
    assert "D keeps part" in said
    assert "E" not in said.replace("Each", "")


def test_numbers_can_be_taken_away() -> None:
    rows = list(csv.reader(io.StringIO(measurements_csv([measured(GOOD, RANDOM)]).decode())))
    assert rows[0] == ["measure", "method", "control", "mean", "low95", "high95", "images"]
    assert rows[1][:3] == ["mask_share", "grad_cam", "no"]
    assert float(rows[1][3]) == pytest.approx(0.6)
    assert rows[2][2] == "yes"


def test_the_table_escapes_and_marks_the_best() -> None:
    strange = score("grad_cam", "<b>x</b>", 0.6 + SPREAD)
    table = rank_methods([measured(strange, POOR, *CONTROLS)])
    shown = table_html(table, table, {"saliency": ("w", "good")})
    assert "&lt;b&gt;x" in shown
    assert shown.count('class="cs-trust-best"') == 1
    assert shown.count('class="cs-trust-control"') == 3
    assert "cs-good" in shown
    assert "n = 16<" in shown


def test_nothing_is_marked_that_controls_equal_or_that_cannot_be_the_best() -> None:
    high = score("centre", "Centre Gaussian", 0.62 + SPREAD, control=True)
    for scores in ((GOOD, POOR, RANDOM, EDGES, high), (GOOD, *CONTROLS), (GOOD, POOR, RANDOM)):
        found = measured(*scores)
        assert best_methods(rank_methods([found]), found) == frozenset()
    twin = score("rise", "RISE", 0.6 + SPREAD[::-1])
    found = measured(GOOD, twin, POOR, *CONTROLS)
    assert best_methods(rank_methods([found]), found) == {"grad_cam", "rise"}


def test_what_is_not_complete_is_shown_without_rank_or_mark() -> None:
    everything = rank_methods([measured(GOOD, POOR)])
    shown = table_html(everything, rank_methods([]), {})
    assert "not complete" in shown
    assert "cs-trust-best" not in shown
    assert "60.0 %" in shown
    assert headline(rank_methods([]), ["ROAD"]).startswith("No verdict yet")


def test_the_headline_agrees_with_the_rows() -> None:
    said = headline(rank_methods([measured(GOOD, POOR, *CONTROLS)]), ["ROAD"])
    assert said.startswith("Grad-CAM is ahead of every control.")
    assert "by Title: Grad-CAM." in said
    assert said.endswith("This is without ROAD.")
    high = score("centre", "Centre Gaussian", 0.62 + SPREAD, control=True)
    said = headline(rank_methods([measured(GOOD, POOR, RANDOM, EDGES, high)]), [])
    assert said.startswith("No method is above every control: Centre Gaussian stands at rank")
    assert "By no measure" in said
    assert headline(rank_methods([measured(GOOD, *CONTROLS)]), []).startswith("Grad-CAM alone")


@pytest.mark.parametrize(("start", "warned"), [(0.89, True), (0.1, False)])
def test_a_high_start_of_insertion_is_said(start: float, warned: bool) -> None:
    line = np.array([start, 1.0])
    curve = TrustCurve("rise", "RISE", False, "insertion", np.array([0.0, 1.0]), line, line, line)
    nobody = np.zeros(0, int)
    found = Faithfulness(
        images=TrustImages("16 images", (), nobody, nobody, nobody, ("a",)), measurements=(),
        refusals={}, note="", seconds=1.0, share=1.0, step=None, curves=(curve,),
        replacement="published",
    )  # fmt: skip
    assert ("p = 0.89" in high_start(found)) is warned
    assert bool(high_start(found)) is warned
