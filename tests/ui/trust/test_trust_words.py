"""Sentences made from numbers: who is best, who is no better than chance, who follows the weights."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from ui.trust.parts import measurements_csv
from ui.trust.ranking_view import table_html
from ui.trust.words import (
    against_chance,
    beaten,
    interpret,
    interval,
    join,
    number,
    verdict_sentence,
)
from viz.results.trust import Measurement, MethodScore
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


def test_the_best_and_those_no_better_than_what_knows_nothing() -> None:
    said = interpret(measured(GOOD, POOR, RANDOM, EDGES))
    assert said.startswith("Grad-CAM does best: 60.0 % (59")
    assert "1 of 2 methods is clearly better" in said
    assert "Saliency is not" in said
    assert beaten(measured(GOOD, RANDOM, EDGES), GOOD) == ("Random map", "Edge detector")
    assert "The method is clearly better" in interpret(measured(GOOD, RANDOM, EDGES))


def test_lower_may_be_better() -> None:
    said = interpret(measured(GOOD, POOR, RANDOM, EDGES, measure="deletion", higher=False))
    assert said.startswith("Saliency does best: 0.210")
    assert "none of them" in said


def test_few_images_say_nothing_of_chance() -> None:
    few = [
        score(each.method, each.title, each.values[:4], control=each.control)
        for each in (GOOD, RANDOM)
    ]
    assert "4 images are too few" in interpret(measured(*few))


@pytest.mark.parametrize(
    ("measure", "words"),
    [("sensitivity", "most stable"), ("randomisation", "changes most"), ("twin", "changes most")],
)
def test_measures_that_prove_nothing_say_so(measure: str, words: str) -> None:
    assert words in interpret(measured(GOOD, POOR, RANDOM, measure=measure, higher=False))


def test_chance_is_what_is_compared_with() -> None:
    assert "3.0 times what chance would" in against_chance(measured(GOOD, RANDOM), "the object")
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
    shown = table_html(rank_methods([measured(strange, POOR, RANDOM)]), {"saliency": ("w", "good")})
    assert "&lt;b&gt;x" in shown
    assert shown.count('class="cs-trust-best"') == 1
    assert shown.count('class="cs-trust-control"') == 1
    assert "cs-good" in shown
