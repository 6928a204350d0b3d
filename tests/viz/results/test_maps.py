"""Feature-map results: places worked out by hand, formulas in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from viz.results.maps import ChannelStatistics, Geometry, Moved, compare_maps


def geometry(**changes: object) -> Geometry:
    """A 3×3 convolution with stride 2 and padding 1 over 8×6 pixels: 4×3 units."""
    values: dict[str, object] = {
        "size": (3, 3), "stride": (2, 2),
        "tops": np.array([-1, 1, 3, 5]), "bottoms": np.array([2, 4, 6, 8]),
        "lefts": np.array([-1, 1, 3]), "rights": np.array([2, 4, 6]),
        "whole": False, "placed": True, "misaligned": "", "image": (8, 6),
    }  # fmt: skip
    return Geometry(**(values | changes))  # type: ignore[arg-type]


def test_a_box_may_reach_into_the_padding() -> None:
    assert geometry().box(0, 0) == (-1, -1, 2, 2)
    assert geometry().box(3, 2) == (5, 3, 8, 6)


def test_units_are_centred_on_their_fields_not_where_stretching_puts_them() -> None:
    rows, columns = geometry().centres((4, 3))
    assert rows.tolist() == [0, 2, 4, 6]
    assert columns.tolist() == [0, 2, 4]
    # Stretched, 4 units over 8 pixels sit at 0.5, 2.5, 4.5, 6.5.
    assert geometry().offset_of_stretching((4, 3)) == 0.5


def test_units_that_see_everything_have_the_image_as_their_box() -> None:
    gated = geometry(whole=True)
    assert gated.box(1, 1) == (0, 0, 8, 6)
    assert gated.local_box(1, 1) == (1, 1, 4, 4)
    assert gated.centres((4, 3))[0].tolist() == [0, 2, 4, 6]
    lost = geometry(whole=True, placed=False)
    assert lost.local_box(0, 0) == (0, 0, 8, 6)
    assert lost.centres((2, 1))[0].tolist() == [1.5, 5.5]
    assert lost.offset_of_stretching((2, 1)) == 0


def statistics(class_means: list[list[float]], low: float = 0.0) -> ChannelStatistics:
    means = np.array(class_means, float)
    count = len(means)
    return ChannelStatistics(
        layer="conv1", kind="ReLU", class_means=means, means=np.zeros(count),
        lows=np.full(count, low), highs=np.full(count, 1.0), num_images=9, num_there=9, source="images",
        classes=("a", "b", "c")[: means.shape[1]], step=None,
    )  # fmt: skip


def test_selectivity_is_that_of_morcos() -> None:
    found = statistics([[1, 1, 1], [3, 0, 0], [2, 4, 6], [0, 0, 0]])
    # (6 − 3) / (6 + 3): the mean of the other classes is 3.
    assert found.selectivity[:3] == pytest.approx([0, 1, 1 / 3])
    assert math.isnan(found.selectivity[3])  # never positive
    assert found.favourite[:3].tolist() == [0, 0, 2]


def test_without_classes_there_is_no_selectivity() -> None:
    found = statistics([[], []])
    assert np.isnan(found.selectivity).all()
    assert found.favourite.tolist() == [0, 0]


def test_a_channel_of_one_value_is_constant() -> None:
    assert statistics([[1, 2]], low=1.0).constant.tolist() == [True]
    assert statistics([[1, 2]], low=0.0).constant.tolist() == [False]


def test_comparison_in_closed_form() -> None:
    first = np.zeros((3, 1, 2), np.float32)
    second = np.zeros((3, 1, 2), np.float32)
    first[0], second[0] = (3, 4), (6, 8)  # the same direction, twice as long
    first[1], second[1] = (1, 0), (0, 1)  # a right angle
    second[2] = (5, 0)  # there is nothing to compare with
    found = compare_maps(first, second)
    assert found.cosine[:2] == pytest.approx([1, 0])
    assert found.relative[:2] == pytest.approx([1, math.sqrt(2)])
    assert np.isnan([found.cosine[2], found.relative[2]]).all()
    assert found.difference.tolist() == (second - first).tolist()
    assert found.total_relative == pytest.approx(math.sqrt(25 + 2 + 25) / math.sqrt(26))
    assert found.total_cosine == pytest.approx(50 / math.sqrt(26 * 126))


def test_equal_maps_are_equal() -> None:
    maps = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    found = compare_maps(maps, maps)
    assert found.total_cosine == pytest.approx(1)
    assert found.total_relative == 0
    assert not found.difference.any()


def test_maps_of_other_shapes_have_no_difference() -> None:
    with pytest.raises(ValueError, match="Maps of 1×2×2 and of 1×2×3 have no difference"):
        compare_maps(np.zeros((1, 2, 2), np.float32), np.zeros((1, 2, 3), np.float32))


def test_probabilities_move_by_total_variation() -> None:
    image, maps = np.zeros((2, 2, 1), np.uint8), np.zeros((1, 1, 1), np.float32)
    moved = Moved(
        before=image, after=image, probs_before=np.array([1, 0, 0], np.float32),
        probs_after=np.array([0.5, 0.25, 0.25], np.float32), classes=("a", "b", "c"), label=None,
        changes=(), layer="x", kind="Conv2d", maps_before=maps, maps_after=maps,
        maps_expected=None, num_channels=1, stride=None, note="", step=None,
    )  # fmt: skip
    assert moved.probs_moved == pytest.approx(0.5)


def test_a_class_without_images_does_not_count() -> None:
    none = math.nan
    found = statistics([[6, none, 3], [none, none, none], [0, none, 2]])
    assert found.selectivity[[0, 2]] == pytest.approx([1 / 3, 1])  # (6 − 3) / (6 + 3)
    assert math.isnan(found.selectivity[1])
    assert found.favourite[[0, 2]].tolist() == [0, 2]
    assert np.isnan(statistics([[none, 4, none]]).selectivity).all()
