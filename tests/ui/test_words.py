"""Words and small HTML: numbers that do not lie when rounded, text that cannot become markup."""

from __future__ import annotations

import numpy as np
import pytest

from training.spec import OptimizerSpec, TrainSpec
from ui import html
from ui.mistakes import selected_cell
from ui.run_names import duration
from ui.run_table import differences, seed_groups, short_names
from ui.text import markdown_safe


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (float("nan"), "no number"),
        (0, "0.0 %"),
        (0.0004, "< 0.1 %"),
        (0.9731, "97.3 %"),
        (0.9996, "> 99.9 %"),
        (1, "100.0 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert html.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.996, ">99 %"), (1, "100 %")]
)
def test_whole_percent_never_claims_all_or_nothing(share: float, text: str) -> None:
    assert html.whole_percent(share) == text


def test_probability_bars_are_ranked_and_tick_the_truth() -> None:
    bars = html.probability_bars(np.array([0.2, 0.5, 0.3]), ["a", "b", "c"], target=2)
    assert bars.index(">b<") < bars.index("✓ c") < bars.index(">a<")
    assert "--share:50.0%" in bars
    assert bars.count("cs-true") == 1
    assert bars.count("cs-other") == 2


def test_class_names_are_escaped() -> None:
    bars = html.probability_bars(np.array([1.0]), ["<img src=x onerror=alert(1)>"], target=None)
    assert "<img" not in bars
    picture = html.picture(np.zeros((2, 2), np.uint8), '"><script>')
    assert "<script>" not in picture


def test_titles_are_no_markdown() -> None:
    assert markdown_safe("[x](http://y) `z` :red[w]") == r"\[x\]\(http\://y\) \`z\` \:red\[w\]"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.24, "4.2 s"), (59, "59 s"), (80, "1 min 20 s"), (7500, "2 h 5 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_differences_name_only_what_differs() -> None:
    specs = [
        TrainSpec(seed=1, title="a"),
        TrainSpec(seed=2, title="b", optimizer=OptimizerSpec(name="adam", lr=0.001)),
    ]
    assert differences(specs) == {
        "optimizer.name": ["sgd", "adam"],
        "optimizer.lr": ["0.05", "0.001"],
        "seed": ["1", "2"],
    }
    assert short_names(specs) == ["1 sgd, 0.05, 1", "2 adam, 0.001, 2"]


def test_runs_that_differ_in_the_seed_share_a_setting() -> None:
    specs = [TrainSpec(seed=1), TrainSpec(batch_size=1), TrainSpec(seed=2, title="again")]
    assert seed_groups(specs) == [[0, 2], [1]]


def test_a_click_on_a_confusion_cell() -> None:
    clicked = {"selection": {"points": [{"customdata": [3, 5, 12, 40.0]}]}}
    assert selected_cell(clicked) == (3, 5)
    assert selected_cell({"selection": {"points": []}}) is None
