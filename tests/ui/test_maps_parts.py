"""How maps are laid out, and what is said where a map shows nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ui.maps.blank import blank_sentence, channel_facts, life_sentence
from ui.maps.compare_view import _order
from ui.maps.maps_view import sort_channels
from ui.maps.parts import (
    GAP,
    lay_out,
    layer_colors,
    layers_with_maps,
    number,
    strongest,
    unit_texts,
)
from viz.results.maps import ChannelStatistics, LayerSheet, compare_maps
from viz.results.network import LayerInfo, NetworkMap


def sheet(maps: list[object]) -> LayerSheet:
    return LayerSheet(
        image=np.zeros((2, 2, 1), np.uint8), layer="relu1", kind="ReLU", calls=1,
        maps=np.array(maps, np.float32), geometry=None, peak=None, note="", label=1,
        classes=("a", "b"), step=None,
    )  # fmt: skip


def statistics(
    lows: list[float], highs: list[float], means: list[list[float]]
) -> ChannelStatistics:
    return ChannelStatistics(
        layer="relu1", kind="ReLU", class_means=np.array(means, float), means=np.zeros(len(lows)),
        lows=np.array(lows), highs=np.array(highs), num_images=40, num_there=40, source="validation images",
        classes=("a", "b") if means and means[0] else (), step=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "shape"),
    [(1, (16, 16)), (6, (28, 28)), (16, (4, 4)), (64, (112, 112)), (256, (7, 9))],
)
def test_a_sheet_fits_its_place(count: int, shape: tuple[int, int]) -> None:
    columns, tile = lay_out(count, shape, 760, 560)
    rows = -(-count // columns)
    assert columns * (tile + GAP) <= 760
    assert rows * (tile * shape[0] / shape[1] + GAP) <= 561
    assert 18 <= tile <= 240


def test_thousands_of_maps_go_on_below_rather_than_vanish() -> None:
    columns, tile = lay_out(4096, (7, 7), 760, 560)
    assert tile == 18
    assert columns == 42


def test_the_strongest_unit() -> None:
    one = np.array([[1.0, -5.0], [3.0, np.nan]], np.float32)
    assert strongest(one, signed=False) == (1, 0)
    assert strongest(one, signed=True) == (0, 1)


def test_a_layer_has_one_scale_and_one_sign() -> None:
    colors = layer_colors(np.array([[[-1.0, 2.0]], [[3.0, 4.0]]], np.float32))
    assert (colors.limit, colors.signed, colors.scale) == (4.0, True, "diverging")
    assert layer_colors(np.ones((1, 1, 1), np.float32), 7.0).limit == 7.0


def test_numbers_for_people() -> None:
    assert number(-0.012345) == "−0.0123"
    assert number(float("nan")) == "no number"
    assert unit_texts(np.array([[1.5, -2.0]], np.float32)) == ["0, 0: 1.5", "0, 1: −2"]


def test_blocks_can_be_looked_at_and_containers_not() -> None:
    def info(name: str, kind: str, *, leaf: bool, out: tuple[int, ...]) -> LayerInfo:
        return LayerInfo(name, kind, leaf, out, out, 0, 0, ())

    network = NetworkMap(
        "x", (1, 4, 4), ("a",),
        (
            info("features.0", "Conv2d", leaf=True, out=(2, 4, 4)),
            info("block1", "Residual", leaf=False, out=(2, 4, 4)),
            info("features", "Sequential", leaf=False, out=(2, 4, 4)),
            info("fc1", "Linear", leaf=True, out=(10,)),
        ),
        0, 0, None,
    )  # fmt: skip
    assert layers_with_maps(network) == ["features.0", "block1"]


def test_sorting() -> None:
    found = sheet([[[0, 8]], [[3, 5]], [[0, 0]]])
    known = statistics([0, 0, 0], [9, 9, 0], [[1, 0], [1, 1], [0, 0]])
    assert sort_channels(found, "channel", None).tolist() == [0, 1, 2]
    assert sort_channels(found, "mean", None).tolist() == [0, 1, 2]
    assert sort_channels(found, "max", None).tolist() == [0, 1, 2]
    assert sort_channels(sheet([[[0, 4]], [[9, 1]]]), "max", None).tolist() == [1, 0]
    assert sort_channels(found, "selectivity", known).tolist() == [0, 1, 2]  # NaN last
    other = compare_maps(found.maps, found.maps[::-1].copy())
    assert _order(other, "difference").tolist()[-1] == 1


def test_a_blank_map_is_explained() -> None:
    found = sheet([[[0, 0]], [[1, 2]], [[3, 3]]])
    assert "nothing in this image gets past its ReLU" in blank_sentence(found, 0)
    assert blank_sentence(found, 1) == ""
    assert "is 3 everywhere" in blank_sentence(found, 2)
    assert "is 0 everywhere: nothing in this image changes it" in blank_sentence(
        sheet([[[0, 0]], [[-1, 2]]]), 0
    )
    assert "diverged" in blank_sentence(sheet([[[np.nan, np.nan]]]), 0)
    assert blank_sentence(sheet([[[4]]]), 0) == ""  # a single unit is no blank map


def test_a_dead_channel_is_told_from_a_quiet_one() -> None:
    known = statistics([0, 0, 2], [0, 5, 2], [[0, 0], [1, 4], [2, 2]])
    assert life_sentence(known, 0) == "Dead: it is 0 everywhere for all 40 validation images."
    assert "lies between 0 and 5" in life_sentence(known, 1)
    assert life_sentence(known, 2).startswith("Constant: it is 2")
    found = sheet([[[0, 0]], [[1, 2]], [[2, 2]]])
    assert "3 channels never change" in channel_facts(found, 0, known)
    assert "favours no class" in channel_facts(found, 0, known)
    facts = channel_facts(found, 1, known)
    assert "Class selectivity 0.60" in facts  # (4 − 1) / (4 + 1)
    assert facts.index("<span>b</span>") < facts.index("<span>a</span>")


def test_without_labels_selectivity_is_not_claimed() -> None:
    known = statistics([0], [5], [[]])
    assert "needs labelled images" in channel_facts(sheet([[[1, 2]]]), 0, known)


def test_a_class_without_images_is_not_shown() -> None:
    known = statistics([0], [5], [[1, np.nan]])
    assert "needs images of two classes" in channel_facts(sheet([[[1, 2]]]), 0, known)
    three = replace(known, class_means=np.array([[1.0, np.nan, 4.0]]), classes=("a", "none", "c"))
    facts = channel_facts(sheet([[[1, 2]]]), 0, three)
    assert "Class selectivity 0.60" in facts
    assert "none" not in facts
    assert "--share:100.0%" in facts
    assert "nan" not in facts


def test_more_units_than_can_be_named_have_no_texts() -> None:
    assert unit_texts(np.zeros((64, 64), np.float32)) is not None
    assert unit_texts(np.zeros((224, 224), np.float32)) is None
