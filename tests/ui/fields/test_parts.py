"""The page's words, table, stage and stacks, without a page."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ui.fields.effective import growth_csv, heat_csv
from ui.fields.stacks import Stack, stack_html
from ui.fields.stage import draw_box, draw_field, stage_for
from ui.fields.table import rows_shown, table_csv, table_html
from ui.fields.words import (
    effective_sentence,
    growth_sentence,
    note,
    padding,
    position,
    unit_sentence,
)
from viz.results import Ints
from viz.results.fields import EffectiveField, FieldGrowth, FieldTable, Gaussian, LayerField

NAN = float("nan")
PNG = b"\x89PNG"


def _spans(count: int, start: int, stride: int, size: int, side: int) -> Ints:
    begin = start + stride * np.arange(count)
    return np.stack(
        [begin, begin + size, begin.clip(0, side), (begin + size).clip(0, side)], axis=1
    )


def _layer(name: str = "conv2", **changes: Any) -> LayerField:
    values: dict[str, Any] = {
        "layer": name, "kind": "Conv2d", "leaf": True, "units": (4, 4), "size": (14, 14),
        "stride": (2, 2), "start": (-2, -2), "whole": False, "placed": True, "even": True,
        "whole_since": "", "misaligned": "", "rows": _spans(4, -2, 2, 14, 16),
        "columns": _spans(4, -2, 2, 14, 16),
    }  # fmt: skip
    return LayerField(**(values | changes))


def _field(
    sigma: tuple[float, float] = (2, 8), area: int = 98, step: int = 0, *, whole: bool = False
) -> EffectiveField:
    return EffectiveField(
        "conv2", (0, 0), None, np.eye(16, dtype=np.float32), (-2, -2, 12, 12), whole,
        Gaussian(sigma, (5, 5), 0.75), 1.0, area, 4, "validation images", step,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({}, "−2 + 2y, −2 + 2x"),
        ({"start": (0, 0), "stride": (1, 1)}, "y, x"),
        ({"start": (0, -1), "stride": (4, 1)}, "4y, −1 + x"),
        ({"start": (3, 0), "units": (1, 1)}, "3, 0"),
        ({"even": False}, "differs"),
        ({"placed": False}, "the image"),
    ],
)
def test_position_formula(changes: dict[str, Any], begins: str) -> None:
    assert position(_layer(**changes)) == begins


def test_padding_is_one_number_where_both_axes_agree() -> None:
    assert padding(_layer()) == "2"
    assert padding(_layer(start=(-2, 0))) == "2×0"


def test_notes() -> None:
    assert note(_layer()) == ""
    assert note(_layer(whole=True, whole_since="se")) == (
        "Sees the whole image since se; the numbers are of the local paths."
    )
    assert "mixed since gap1" in note(_layer(whole=True, placed=False, whole_since="gap1"))
    assert "one row" in note(_layer(whole=True, placed=False))
    both = note(_layer(even=False, misaligned="In a paths meet."))
    assert both.startswith("In a paths meet.")
    assert "differ" in both


def test_unit_sentence_says_rows_columns_and_padding() -> None:
    said = unit_sentence(_layer(), (0, 3), (16, 16))
    assert "sees rows −2 to 11 and columns 4 to 17" in said
    assert "26.5 % of the box lies outside" in said  # 1 − 12·12 / 14·14
    inside = unit_sentence(_layer(), (1, 1), (16, 16))
    assert inside == "Unit 1, 1 of conv2 sees rows 0 to 13 and columns 0 to 13."


def test_unit_sentence_without_a_place() -> None:
    pooled = _layer(whole=True, placed=False, whole_since="gap1")
    assert unit_sentence(pooled, (0, 0), (16, 16)) == (
        "Every unit of conv2 stands for the whole image, since gap1 mixes all positions."
    )
    gated = unit_sentence(_layer(whole=True, whole_since="se"), (1, 1), (16, 16))
    assert gated.endswith("Through se it also sees the rest of the image.")


def test_unit_sentence_where_less_is_read_than_the_box_holds() -> None:
    rows = np.array([[-1, 2, 1, 2]])
    said = unit_sentence(_layer(units=(1, 1), rows=rows, columns=rows), (0, 0), (16, 16))
    assert "reads rows 1 and columns 1 only" in said
    nothing = np.array([[-1, 1, 1 << 40, -(1 << 40)]])
    said = unit_sentence(_layer(units=(1, 1), rows=nothing, columns=nothing), (0, 0), (16, 16))
    assert "reads padding only" in said


def test_effective_sentence() -> None:
    said = effective_sentence(_field())
    assert "98 pixels" in said
    assert "68.1 % of the box" in said  # 98 of 12·12
    assert "2.00 × 8.00 px" in said
    gated = effective_sentence(_field(area=192, whole=True))
    assert "192 pixels, 75.0 % of the image" in gated  # of 16·16, not 133 % of the box
    assert "no peak" in effective_sentence(_field((NAN, NAN)))
    assert "dead" in effective_sentence(_field((NAN, NAN), 0))


def test_growth_sentence_compares_geometric_means() -> None:
    first, wider = _field((2, 8), step=0), _field((4, 9), step=50)
    said = growth_sentence(first, wider, active=False)
    assert "from 4.00 to 6.00 px: after training the field is wider than before" in said
    assert said.endswith("by a factor of 1.50.")
    running = growth_sentence(wider, first, active=True)
    assert "at the latest moment the field is narrower than before by a factor of 1.50" in running
    assert "after training" not in running
    assert "as wide as before." in growth_sentence(first, _field((2, 8), step=9), active=False)
    assert growth_sentence(first, _field((NAN, NAN)), active=False) == ""


def test_table_escapes_marks_and_hides_blocks() -> None:
    layers = (_layer("<b>"), _layer("block", leaf=False))
    table = FieldTable("net", (16, 16), layers)
    shown = table_html(rows_shown(table, blocks=False), "<b>")
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert shown.count("cs-fields-chosen") == 1
    assert "block" not in shown
    assert "block" in table_html(rows_shown(table, blocks=True), "")
    assert "whole image" in table_html([_layer(whole=True, placed=False)], "")


def test_downloads_hold_the_numbers() -> None:
    table = FieldTable("net", (16, 16), (_layer(), _layer("b, c", leaf=False)))
    rows = list(csv.DictReader(io.StringIO(table_csv(table).decode())))
    assert [row["layer"] for row in rows] == ["conv2", "b, c"]
    assert (rows[0]["size_y"], rows[0]["start_x"], rows[0]["whole_image"]) == ("14", "-2", "0")
    heat = np.loadtxt(io.BytesIO(heat_csv(_field())), delimiter=",")
    np.testing.assert_array_equal(heat, np.eye(16))
    growth = list(csv.reader(io.StringIO(growth_csv(FieldGrowth((_field(),))).decode())))
    assert growth[1][:3] == ["0", "2", "8"]


def test_stage_makes_room_for_the_padding() -> None:
    stage = stage_for((16, 16), (-2, 4, 12, 18))
    assert stage.shown == (-2, 0, 16, 18)
    assert not stage.cuts((-2, 4, 12, 18))
    html = draw_box(stage, PNG, (-2, 4, 12, 18), "A & B")
    assert "--cs-shape:18/18" in html
    assert "A &amp; B" in html
    box = re.search(r'cs-fields-box" style="([^"]*)"', html)
    assert box is not None
    assert box[1] == "top:0.0000%;left:22.2222%;height:77.7778%;width:77.7778%"
    clear = re.search(r'cs-fields-clear" style="([^"]*)"', html)  # in shares of the image
    assert clear is not None
    assert clear[1] == "top:-12.5000%;left:25.0000%;height:87.5000%;width:87.5000%"


def test_a_huge_box_leaves_the_image_visible() -> None:
    box = (-500, -500, 600, 600)
    stage = stage_for((16, 20), box)
    assert stage.shown == (-16, -20, 32, 40)
    assert stage.cuts(box)


def test_ellipses_stand_for_one_and_two_widths() -> None:
    stage = stage_for((16, 16), (0, 0, 16, 16))
    html = draw_field(stage, PNG, (0, 0, 16, 16), Gaussian((2, 1), (7.5, 3.5), 1.0), "field")
    found = re.findall(r'cs-fields-ellipse" style="([^"]*)"', html)
    assert found == [
        "top:37.5000%;left:18.7500%;height:25.0000%;width:12.5000%",
        "top:25.0000%;left:12.5000%;height:50.0000%;width:25.0000%",
    ]
    none = draw_field(stage, PNG, (0, 0, 16, 16), Gaussian((NAN, NAN), (NAN, NAN), NAN), "field")
    assert "ellipse" not in none


@pytest.mark.parametrize(("layers", "channels"), [(2, 64), (3, 64), (4, 7), (2, 1)])
def test_stack_counts_are_those_of_torch_modules(layers: int, channels: int) -> None:
    with torch.device("meta"):
        stack = [nn.Conv2d(channels, channels, 3, bias=False) for _ in range(layers)]
        single = nn.Conv2d(channels, channels, 2 * layers + 1, bias=False)
    found = Stack(layers, channels)
    assert found.stack_params == sum(each.weight.numel() for each in stack)
    assert found.single_params == single.weight.numel()


def test_stack_numbers_of_the_literature() -> None:
    two, three = Stack(2, 64), Stack(3, 64)
    assert (two.stack_params, two.single_params) == (73_728, 102_400)
    assert (three.stack_params, three.single_params) == (110_592, 200_704)
    text = stack_html(three)
    assert "27C² = 110,592" in text
    assert "49C² = 200,704" in text


@pytest.mark.parametrize("layers", [2, 3])
def test_paths_are_what_convolutions_of_ones_give(layers: int) -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, bias=False) for _ in range(layers)))
    for parameter in net.parameters():
        parameter.data.fill_(1)
    side = 2 * layers + 1
    image = torch.ones(1, 1, side, side, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(image).sum(), image)
    np.testing.assert_array_equal(gradient[0, 0].numpy(), Stack(layers, 1).paths())
