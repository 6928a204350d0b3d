"""What the autopsy says and keeps in the link, without an engine."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from ui.adversarial.many import accuracy_csv, count_words
from ui.adversarial.many import sentence as set_sentence
from ui.adversarial.one import curve_csv, curve_sentence, points
from ui.adversarial.one import sentence as attack_sentence
from ui.autopsy.doubt import suspects_csv
from ui.autopsy.label_words import verdict
from ui.autopsy.near import even_digits
from ui.autopsy.paint import brushed, grid_sides, read_cells, toggled, write_cells
from ui.autopsy.why import sign_words, standard_method, where_words
from viz.attribution.table import METHODS
from viz.results.adversarial import Attack, AttackAccuracy, AttackCurve
from viz.results.attribution import Attribution, AttributionLayer, AttributionSupport
from viz.results.autopsy import Evidence, Suspects


@pytest.mark.parametrize("cells", [[], [0], [3, 17, 63], list(range(64))])
def test_patches_survive_the_link(cells: list[int]) -> None:
    assert read_cells(write_cells(cells), 64) == cells


@pytest.mark.parametrize("text", ["", "g", "-1", "0x3", "1" + "0" * 16, "f" * 300, "٣"])
def test_patches_that_do_not_fit_are_refused(text: str) -> None:
    assert read_cells(text, 64) is None


def test_a_brush_is_cut_off_at_the_edge() -> None:
    assert brushed(5, 1, (4, 4)) == [5]
    assert brushed(0, 3, (4, 4)) == [0, 1, 4, 5]
    assert brushed(5, 3, (4, 4)) == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert brushed(15, 3, (4, 4)) == [10, 11, 14, 15]


@pytest.mark.parametrize("cell", range(16))
def test_a_second_click_takes_the_first_back(cell: int) -> None:
    touched = brushed(cell, 3, (4, 4))
    once = toggled([], touched, cell)
    assert once == sorted(touched)
    assert toggled(once, touched, cell) == []


@pytest.mark.parametrize(
    ("size", "sides"),
    [((16, 16), [4, 8, 16]), ((32, 32), [4, 8, 16]), ((28, 28), [4, 7, 14, 28]), ((224, 224), [4, 7, 14, 28]),
     ((8, 8), [4, 8]), ((9, 9), [2, 4, 8]), ((1, 5), [1])],
)  # fmt: skip
def test_grids_fit_the_image(size: tuple[int, int], sides: list[int]) -> None:
    assert grid_sides(*size) == sides


def _evidence(votes: list[int], probs: list[float]) -> Evidence:
    return Evidence(
        np.array([0]), np.array([votes]), np.array([probs], np.float32),
        np.array([0.8, 0.7], np.float32),
    )  # fmt: skip


def test_the_verdict_is_no_surer_than_its_evidence() -> None:
    names = ("3", "5")
    both = verdict(_evidence([1, 9], [0.05, 0.95]), 0, names)
    assert both.startswith("Is the label right? Worth a look: it says “3”, both witnesses say “5”.")
    assert "Of 10 nearest training images 9 are labelled “5”, 1 “3”." in both
    assert "95.0 %" in both
    assert "The network gives “5” 95.0 %, where images labelled “5” get 70.0 % on average" in both
    assert "and “3” 5.0 %, where those labelled “3” get 80.0 %." in both
    assert " 1 is labelled “5”, 9 “3”." in verdict(_evidence([9, 1], [0.9, 0.1]), 0, names)
    assert "Mixed: the network would say" in verdict(_evidence([9, 1], [0.05, 0.95]), 0, names)
    assert "Mixed: the neighbours would say" in verdict(_evidence([1, 9], [0.9, 0.1]), 0, names)
    assert verdict(_evidence([9, 1], [0.9, 0.1]), 0, names).startswith(
        "Nothing much speaks against"
    )
    assert "not been asked yet" in verdict(_evidence([0, 0], [0.9, 0.1]), 0, names)


def _attack(after: list[float], **more: object) -> Attack:
    picture = np.zeros((2, 2, 1), np.float32)
    values = {
        "method": "fgsm", "epsilon": 8.0, "original": picture, "attacked": picture, "noisy": picture,
        "before": np.array([0.9, 0.1, 0], np.float32), "after": np.array(after, np.float32),
        "after_rounding": np.array(after, np.float32), "after_noise": np.array([0.9, 0.1, 0], np.float32),
        "noise_flips": 0, "noise_draws": 20, "source": 0, "target": None, "label": 0,
        "classes": ("cat", "dog", "7"), "largest": 8.0, "changed": 1.0, "passes": 1, "note": "", "share": 1.0,
        "step": 1,
    }  # fmt: skip
    return Attack(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "more", "words"),
    [
        ([0.2, 0.8, 0], {}, "turns cat into dog (80.0 %)"),
        (
            [0.2, 0.8, 0],
            {},
            "in 0 of 20 draws (95 %: 0 % to 16 %): what counts is the direction",
        ),
        ([0.2, 0.8, 0], {"noise_draws": 5}, "in 0 of 5 draws (95 %: 0 % to 43 %)."),
        ([0.2, 0.8, 0], {"noise_draws": 0}, "(80.0 %)."),
        ([0.2, 0.8, 0], {"noise_flips": 20}, "in 20 of 20 draws (95 %: 84 % to 100 %)."),
        ([0.6, 0.4, 0], {}, "is not enough: cat goes from 90.0 % to 60.0 %"),
        ([0.2, 0.8, 0], {"target": 2}, "turns cat into dog, but not into “7”"),
        ([0.2, 0.8, 0], {"target": 0}, "says cat already"),
        ([0.2, 0.8, 0], {"after_rounding": np.array([1, 0, 0], np.float32)}, "it does not hold"),
        ([0.2, 0.8, 0], {"before": np.full(3, np.nan, np.float32)}, "diverged"),
    ],
)
def test_what_is_said_of_an_attack(after: list[float], more: dict[str, object], words: str) -> None:
    assert words in attack_sentence(_attack(after, **more))


def _curve(smallest: float | None, holds: float | None) -> AttackCurve:
    return AttackCurve(
        method="fgsm", epsilons=np.array([0, 8], np.float32),
        probs=np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), noise=np.ones(2, np.float32),
        noise_flips=np.array([0, 1]), noise_draws=5, source=0, target=None, smallest=smallest,
        holds=holds, classes=("cat", "dog"), share=1.0, step=None,
    )  # fmt: skip


def test_what_is_said_of_a_curve() -> None:
    said = curve_sentence(_curve(4.13, 4.0))
    assert (
        "ε = 4.13/255; at 4/255 it does not. Noise first changed it at ε = 8/255, in 1 of 5 draws."
        in said
    )
    quiet = replace(_curve(4.13, 4.0), noise_flips=np.zeros(2, np.int64))
    assert "Noise changed it at no strength tried (5 draws at each)." in curve_sentence(quiet)
    assert "Up to ε = 8/255 there is no strength" in curve_sentence(_curve(None, None))
    assert curve_sentence(_curve(0.0, None)).startswith("At ε = 0 already")


def test_files_hold_what_is_shown() -> None:
    rows = list(csv.reader(io.StringIO(curve_csv(_curve(4.0, 3.0)).decode())))
    assert rows[0] == ["epsilon_255", "cat", "dog", "noise_probability", "noise_flips", "noise_draws"]  # fmt: skip
    assert rows[2] == ["8.0", "0.2", "0.8", "1", "1", "5"]
    found = AttackAccuracy(
        kinds=("noise", "fgsm", "pgd"), epsilons=np.array([0, 8], np.float32),
        right=np.array([[18, 18], [18, 4], [18, 0]]), images=20, total=20, words="20 test images",
        steps=10, share=1.0, step=1,
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(accuracy_csv(found).decode())))
    assert len(rows) == 7
    assert rows[4][:5] == ["fgsm", "8.0", "4", "20", "0.200000"]
    assert "FGSM 20.0 % (8 % to 42 %)" in set_sentence(found)
    suspects = Suspects(
        images=np.zeros((1, 2, 2, 1), np.uint8), indices=np.array([7]),
        evidence=_evidence([1, 9], [0.05, 0.95]), flagged=1, confident=1,
        joint=np.zeros((2, 2), np.int64), checked=10, split="val", neighbours=10, searched=100,
        seen_in_training=False, classes=("3", "5"), share=1.0, step=1,
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(suspects_csv(suspects).decode())))
    assert rows[1][:4] == ["val", "7", "3", "5"]
    assert rows[1][5] == "True"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(0.9953, 0.1822, "−81.3 points"), (0.2, 0.25, "+5.0 points"), (1.0, 0.59449, "−40.6 points"),
     (float("nan"), 0.2, "no number")],
)  # fmt: skip
def test_points_are_the_difference_of_what_is_shown(
    before: float, after: float, words: str
) -> None:
    assert points(before, after) == words


@pytest.mark.parametrize(
    ("held_out", "words"),
    [(180, ["50", "All 180"]), (40, ["All 40"]), (200, ["50", "All 200"]),
     (600, ["50", "200", "500", "All 600"]), (5000, ["50", "200", "500", "1,000"])],
)  # fmt: skip
def test_no_more_images_are_offered_than_there_are(held_out: int, words: list[str]) -> None:
    assert list(count_words(held_out).values()) == words


@pytest.mark.parametrize(
    ("distances", "digits"),
    [([0.0, 0.0123, 0.0456], 4), ([0.5, 0.61], 3), ([3.2, 12.0], 1), ([250.0], 0), ([0.0], 2),
     ([float("nan")], 2), ([], 2)],
)  # fmt: skip
def test_distances_of_a_row_have_the_same_digits(distances: list[float], digits: int) -> None:
    assert even_digits(np.array(distances, np.float32)) == digits


def _support(shape: tuple[int, int, int] | None, *refused: str) -> AttributionSupport:
    layers = () if shape is None else (AttributionLayer("relu2", "ReLU", shape),)
    name = None if shape is None else "relu2"
    return AttributionSupport(dict.fromkeys(refused, "No."), layers, name, "", "")


@pytest.mark.parametrize(
    ("shape", "side", "refused", "name", "words"),
    [
        ((16, 4, 4), 16, (), "integrated_gradients", "only the 4 × 4 places of relu2"),
        ((32, 8, 8), 32, (), "grad_cam", "still has 8 × 8 places"),
        ((512, 7, 7), 224, (), "grad_cam", "7 × 7"),
        (None, 16, ("grad_cam",), "integrated_gradients", "no layer for Grad-CAM"),
        ((16, 4, 4), 16, ("integrated_gradients",), "occlusion", "4 × 4"),
    ],
)
def test_a_coarse_map_is_not_what_one_begins_with(
    shape: tuple[int, int, int] | None, side: int, refused: tuple[str, ...], name: str, words: str
) -> None:
    found, reason = standard_method(_support(shape, *refused), side)
    assert found == name
    assert words in reason


def _map(values: list[list[float]], method: str) -> Attribution:
    return Attribution(
        method=method, aim="", values=np.array([values], np.float32), layer=None,
        image=np.zeros((2, 2, 1), np.uint8), label=None, probs=np.full(2, 0.5, np.float32),
        classes=("a", "b"), positive=0, against=None, score=0.0, baseline_score=None, gap=None,
        forward_passes=1, backward_passes=1, seconds=0.0, share=1.0, note="", step=None,
    )  # fmt: skip


def test_every_map_says_where_its_own_evidence_lies() -> None:
    found = _map([[-9, 1], [0, 3]], "integrated_gradients")
    assert (
        where_words(found, "cat") == "75 % of what speaks for cat lies in the lower right quarter."
    )
    assert "matters to cat" in where_words(_map([[2, 0], [0, 0]], "saliency"), "cat")
    none = _map([[0, -1], [0, 0]], "integrated_gradients")
    assert where_words(none, "cat rather than dog").startswith("Nothing in this map speaks for")


def test_colours_mean_only_what_the_method_can_say() -> None:
    assert "blue against" in sign_words(METHODS["integrated_gradients"])
    assert "cut off" in sign_words(METHODS["grad_cam"])
    assert "does not say" in sign_words(METHODS["saliency"])
