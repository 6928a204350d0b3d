"""The words and numbers of the Filters page: edits in links, kernels as tables, spectra in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ui.filters.consequences import verdict
from ui.filters.damage_table import damage_table
from ui.filters.edits import LONGEST, MOST, add_edit, describe, format_edits, parse_edits
from ui.filters.numbers import decimals, kernel_lines, kernel_table, signed
from ui.filters.single import describe_spectrum
from viz.lenses.filter_detail import compute_spectrum
from viz.results.filters import Lesion, PairedCounts

EDITS = [
    {"layer": "features.0.0", "filter": 3, "op": "zero"},
    {"layer": "conv1", "filter": 0, "op": "rotate90"},
    {"layer": "conv1", "filter": 0, "op": "flip", "values": "vertical"},
    {"layer": "conv1", "filter": 0, "op": "scale", "values": -0.5},
    {"layer": "conv1", "filter": 0, "op": "bias", "values": 1e-05},
    {"layer": "conv1", "filter": 0, "op": "set", "values": [[0, 1, 2, 0.123456], [1, 0, 0, -2.0]]},
]


def test_edits_survive_the_link() -> None:
    text = format_edits(EDITS)
    assert parse_edits(text) == (EDITS, [])
    assert format_edits(parse_edits(text)[0]) == text
    assert parse_edits("") == ([], [])
    assert "features.0.0, filter 3: set to 0" in describe(EDITS[0])
    assert len({describe(edit) for edit in EDITS}) == len(EDITS)


@pytest.mark.parametrize(
    "part",
    ["conv1", "conv1,x,zero", "conv1,-1,zero", "conv1,0,zero,1", "conv1,0,paint", "conv1,0,flip,up",
     "conv1,0,scale,nan", "conv1,0,scale,inf", "conv1,0,scale,", "conv1,0,bias,1e9", "conv1,0,set",
     "conv1,0,set,0:0:1", "conv1,0,set,0:0:-1:2", "conv1,0,set,0:0:0:nan", "<b>,0,zero",
     "a b,0,zero", "conv1,99999999,zero"],
)  # fmt: skip
def test_edits_that_cannot_be_read_are_left_out_with_a_sentence(part: str) -> None:
    edits, problems = parse_edits(f"conv1,1,zero;{part};conv1,2,zero")
    assert [edit["filter"] for edit in edits] == [1, 2]
    assert len(problems) == 1
    assert "left out" in problems[0]


def test_too_many_edits() -> None:
    edits, problems = parse_edits(";".join(["c,0,zero"] * (MOST + 1)))
    assert len(edits) == MOST
    assert len(problems) == 1
    assert parse_edits("x" * (LONGEST + 1)) == (
        [], ["The link's edits are too long to be read: they are left out."]
    )  # fmt: skip


def test_weights_painted_one_after_the_other_are_one_edit() -> None:
    def paint(number: int, *rows: list[float]) -> dict[str, object]:
        return {"layer": "c", "filter": number, "op": "set", "values": list(rows)}

    edits = add_edit([], paint(0, [0, 0, 0, 1.0]))
    edits = add_edit(edits, paint(0, [0, 0, 0, 2.0], [0, 1, 1, 3.0]))
    assert edits == [paint(0, [0, 0, 0, 2.0], [0, 1, 1, 3.0])]
    assert len(add_edit(edits, paint(1, [0, 0, 0, 1.0]))) == 2
    assert len(add_edit(edits, {"layer": "c", "filter": 0, "op": "zero"})) == 2


def test_numbers_are_written_so_that_two_places_show() -> None:
    assert [decimals(limit) for limit in (15, 1.5, 0.5, 0.015, 0)] == [1, 2, 3, 4, 2]
    assert decimals(float("nan")) == 2
    assert signed(-0.25, 2) == "−0.25"
    assert signed(-0.001, 2) == "0.00"
    assert signed(float("nan"), 2) == "no number"
    lines = kernel_lines(np.array([[1, -1], [0, 0.5]], np.float32), 1).split("\n")
    assert [line.split() for line in lines] == [["1.0", "−1.0"], ["0.0", "0.5"]]
    assert len({len(line) for line in lines}) == 1  # columns, whatever the signs


def test_a_kernel_as_a_table() -> None:
    text = kernel_table(np.array([[0.5, -0.25]], np.float32), limit=0.5, title="<Weights>")
    assert "&lt;Weights&gt;" in text
    assert text.count("<td") == 2
    assert ">−0.250<" in text
    assert "row 0, column 1: -0.25" in text
    small = kernel_table(np.array([[0.0025]], np.float32), limit=0.004, title="Gradient")
    assert "<sup>−3</sup>" in small
    assert ">2.50<" in small
    tiny = kernel_table(np.array([[2e-6]], np.float32), limit=4e-6, title="Gradient")
    assert "<sup>−6</sup>" in tiny


def words(kernel: list[list[float]]) -> str:
    spectrum = compute_spectrum(torch.tensor(kernel)).numpy()
    frequencies = np.fft.fftshift(np.fft.fftfreq(len(spectrum)))
    return describe_spectrum(spectrum, frequencies)


def test_spectra_in_words() -> None:
    assert "low-pass" in words([[1.0, 1, 1]] * 3)
    edge = words([[1.0, 0, -1]] * 3)
    assert "90° (upright)" in edge
    assert "4.1 cells apart" in edge or "3.9 cells apart" in edge or "4.0 cells apart" in edge
    assert "hardly anything of an even area" in edge
    assert "0° (level)" in words([[1.0, 1, 1], [0, 0, 0], [-1, -1, -1]])
    rising = words([[1.0, 0, -1], [0, -1, 0], [-1, 0, 1]])
    assert "to the right" in rising
    assert "as a single number does" in words([[0.7]])
    assert "answers to nothing" in words([[0.0] * 3] * 3)
    assert "no numbers" in words([[float("nan")]])


def test_stripes_that_rise_are_said_to_rise() -> None:
    y, x = np.mgrid[:7, :7]
    wave = np.cos(2 * np.pi * (x + y) / 6)  # constant where x + y is: up to the right
    assert "45° (rising to the right)" in words(wave.tolist())
    assert "135° (falling to the right)" in words(wave[::-1].copy().tolist())


def test_verdicts() -> None:
    assert "No held-out image" in verdict(PairedCounts(100, 90, 0, 0))
    assert "−8.0 ± " in verdict(PairedCounts(100, 90, 9, 1))
    assert "chance" not in verdict(PairedCounts(100, 90, 9, 1))
    assert "chance" in verdict(PairedCounts(100, 90, 2, 1))
    assert "+1.0" in verdict(PairedCounts(100, 90, 1, 2))


def make_lesion(classes: int = 3) -> Lesion:
    right = np.array([[5] * classes, [0] + [5] * (classes - 1)])
    totals = np.array([5] * classes)
    totals[-1] = 0
    right[:, -1] = 0
    whole = totals.copy()
    return Lesion(
        layer="conv1", parts=("0", "1"), places=("conv1", "conv1"), right=right,
        right_whole=whole, totals=totals, broken=np.array([0, 5]), fixed=np.array([0, 0]),
        classes=tuple(f"<{i}>" for i in range(classes)), num_parts=2, note="", step=1,
    )  # fmt: skip


def test_the_damage_table_ranks_and_leaves_empty_classes_out() -> None:
    result = make_lesion()
    assert result.ranking().tolist() == [1, 0]
    text = damage_table(result, ["filter 1", "filter 0"], result.ranking(), selected=0)
    assert text.index("filter 1") < text.index("filter 0")
    assert "&lt;0&gt;" in text
    assert "&lt;2&gt;" not in text  # no image of it
    assert "−100.0" in text
    assert "0 of 5 right" in text
    assert text.count("cs-filters-chosen") == 1


def test_many_classes_show_those_that_suffer() -> None:
    result = make_lesion(60)
    text = damage_table(result, ["filter 1", "filter 0"], result.ranking())
    assert text.count("<th") == 3 + 20
    assert "&lt;0&gt;" in text
