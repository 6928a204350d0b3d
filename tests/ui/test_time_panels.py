"""The time machine's panels and lines, from moments made by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from ui.components.player import Bars, Values
from ui.components.player_data import encode
from ui.time.panels import (
    build_frames,
    build_lines,
    build_panels,
    columns_for,
    filter_columns,
    shown_classes,
    stack_confusion,
    stack_fields,
    stack_filters,
)
from viz.results import Curve
from viz.results.fields import EffectiveField, Gaussian
from viz.results.history import Moment, Moments


def make_field(top: float, *, whole: bool = False) -> EffectiveField:
    heat = np.zeros((6, 6), np.float32)
    heat[2, 3], heat[2, 2] = top, top / 2
    return EffectiveField(
        layer="conv2", unit=(1, 1), channel=None, heat=heat, box=(-1, 0, 5, 6), whole=whole,
        fit=Gaussian((1.5, 2.0), (2.0, 3.0), 0.9), inside=1.0, area95=2 if top else 0,
        num_images=4, source="validation images", step=0,
    )  # fmt: skip


def make_moments(
    *, classes: int = 4, inputs: int = 1, colors: bool = False, steps: tuple[int, ...] = (0, 1, 10),
    seed: int = 0,
) -> Moments:  # fmt: skip
    rng = np.random.default_rng(seed)
    moments = []
    for rank, step in enumerate(steps):
        probs = rng.dirichlet(np.ones(classes)).astype(np.float32)
        counts = np.full((classes, classes), 2) + 10 * rank * np.eye(classes, dtype=int)
        moments.append(
            Moment(
                step=step,
                filters=rng.normal(size=(5, inputs, 3, 3)).astype(np.float32) * (1 + rank),
                maps=np.abs(rng.normal(size=(5, 6, 6))).astype(np.float32) * (1 + rank),
                probs=probs, confusion=counts, loss=2.0 - 0.5 * rank, field=make_field(10.0**-rank),
            )
        )  # fmt: skip
    return Moments(
        moments=tuple(moments), image=np.zeros((6, 6, 1), np.uint8), label=2,
        classes=tuple(f"class {k}" for k in range(classes)), layer="relu1", num_maps=5, map_shape=(6, 6),
        filter_layer="conv1", num_filters=5, num_inputs=inputs, filter_colors=colors, field_layer="conv2",
        held_out="all 50 validation images", note="", missing="",
    )  # fmt: skip


def top(values: Any) -> float:
    return float(np.abs(values).max())


def panel(found: Moments, title: str) -> Any:
    [one] = [one for one in build_panels(found) if one.title.startswith(title)]
    return one


def test_all_five_views_move_together() -> None:
    found = make_moments()
    panels = build_panels(found)
    assert [one.title for one in panels] == [
        "Image",
        "Prediction",
        "Filters of conv1",
        "Feature maps of relu1",
        "Effective field of conv2",
        "Confusion",
    ]
    sent = encode(build_frames(found), panels, [])
    assert [frame["at"] for frame in sent["frames"]] == [0, 1, 10]
    assert {len(one["data"]) for one in sent["panels"][1:]} == {3}


def test_one_scale_holds_for_the_whole_history() -> None:
    found = make_moments()
    filters, maps = panel(found, "Filters"), panel(found, "Feature maps")
    assert filters.limit == max(top(one.filters) for one in found.moments)
    assert maps.limit == max(top(one.maps) for one in found.moments)
    assert filters.scale == "diverging"
    assert maps.scale == "sequential"
    # a single negative value at one moment makes the maps signed at all of them
    first = found.moments[0]
    assert first.maps is not None
    changed = dataclasses.replace(first, maps=first.maps - 0.5)
    signed = dataclasses.replace(found, moments=(changed, *found.moments[1:]))
    assert panel(signed, "Feature maps").scale == "diverging"


def test_maps_that_were_made_smaller_say_so() -> None:
    found = make_moments()
    assert panel(found, "Feature maps").note == "5 maps."
    smaller = dataclasses.replace(found, map_shape=(12, 11), num_maps=64)
    words = (
        "First 5 of 64 maps, averaged down from 12×11 to 6×6. relu1's map is 12×11 and the image "
        "6×6: padding puts a frame around the image, which the map covers, too."
    )
    assert panel(smaller, "Feature maps").note == words


def test_values_that_are_no_numbers_do_not_spoil_the_scale() -> None:
    found = make_moments()
    broken = np.full((5, 1, 3, 3), np.nan, np.float32)
    last = dataclasses.replace(found.moments[-1], filters=broken)
    spoiled = dataclasses.replace(found, moments=(*found.moments[:-1], last))
    expected = max(top(one.filters) for one in found.moments[:-1])
    assert panel(spoiled, "Filters").limit == expected


@pytest.mark.parametrize("inputs", [3, 4])
def test_filters_of_many_channels_are_rows(inputs: int) -> None:
    """Three channels too, wherever they are not the colours of the image."""
    found = make_moments(inputs=inputs)
    stack = stack_filters(found)
    assert stack is not None
    assert stack.shape == (3, 5 * inputs, 3, 3)
    assert panel(found, "Filters").note == "A row is one filter (all), a column an input channel."
    assert filter_columns(found) == inputs
    filters = found.moments[1].filters
    assert filters is not None
    shown = panel(found, "Filters")
    for tile, name in enumerate(shown.tiles):
        o, i = (int(word.strip(",")) for word in name.split() if word.strip(",").isdigit())
        np.testing.assert_array_equal(stack[1, tile], filters[o, i])
        assert (tile // inputs, tile % inputs) == (o, i)


def test_filters_of_colours_keep_their_colours() -> None:
    found = make_moments(inputs=3, colors=True)
    stack = stack_filters(found)
    assert stack is not None
    assert stack.shape == (3, 5, 3, 3, 3)
    assert filter_columns(found) == columns_for(5)
    assert "red, green and blue" in panel(found, "Filters").note


def test_input_channels_that_are_left_out_are_said() -> None:
    found = dataclasses.replace(make_moments(inputs=4), num_inputs=64, num_filters=9)
    words = "A row is one filter (the first 5 of 9), a column an input channel (the first 4 of 64)."
    assert panel(found, "Filters").note == words


def test_the_share_of_a_gated_unit_is_of_the_image() -> None:
    found = make_moments()
    assert "6.7 % of the field's area holds" in panel(found, "Effective").notes[0]  # 2 of 5·6
    gated = dataclasses.replace(found.moments[0], field=make_field(1.0, whole=True))
    [said] = panel(dataclasses.replace(found, moments=(gated,)), "Effective").notes
    assert "5.6 % of the image holds" in said  # 2 of 6·6


def test_confusion_is_the_share_of_the_true_class() -> None:
    found = make_moments()
    shares = stack_confusion(found)
    assert shares is not None
    np.testing.assert_allclose(shares.sum(axis=2), 1)
    assert shares[2, 0, 0] == 22 / 28
    one = found.moments[0]
    assert one.confusion is not None
    counts = one.confusion.copy()
    counts[1] = 0
    emptied = dataclasses.replace(found, moments=(dataclasses.replace(one, confusion=counts),))
    shares = stack_confusion(emptied)
    assert shares is not None
    assert np.isnan(shares[0, 1]).all()


def test_each_moments_field_has_its_highest_at_one() -> None:
    found = make_moments()
    fields = stack_fields(found)
    assert fields is not None
    assert fields.max(axis=(1, 2)).tolist() == [1, 1, 1]
    assert fields[2, 2, 2] == 0.5
    shown: Values = panel(found, "Effective")
    assert shown.box == (0, -1, 6, 5)  # left, top, right, bottom
    dead = dataclasses.replace(found.moments[0], field=make_field(0.0))
    silent = dataclasses.replace(found, moments=(dead,))
    assert panel(silent, "Effective").notes == ["No gradient gets from the unit to the image."]
    fields = stack_fields(silent)
    assert fields is not None
    assert not fields.any()


def test_of_many_classes_those_that_were_ever_likely_are_shown_in_one_order() -> None:
    found = make_moments(classes=30)
    chosen = shown_classes(found)
    assert chosen == sorted(chosen)
    assert 2 in chosen  # the true one
    assert len(chosen) in (12, 13)
    probs = np.stack([one.probs for one in found.moments])
    assert int(probs.max(axis=0).argmax()) in chosen
    bars: Bars = panel(found, "Prediction")
    assert bars.names[bars.target or 0] == "class 2"
    assert "of 30" in bars.note


def test_what_a_network_does_not_have_is_left_out() -> None:
    found = make_moments()
    bare = tuple(
        dataclasses.replace(one, filters=None, maps=None, field=None, confusion=None, loss=math.nan)
        for one in found.moments
    )
    left = dataclasses.replace(found, moments=bare)
    assert [one.title for one in build_panels(left)] == ["Image", "Prediction"]
    assert build_lines(left, Curve(np.array([], np.int64), np.array([]))) == []


def test_lines_share_the_scale_of_losses_and_a_spike_does_not_flatten_them() -> None:
    found = make_moments()
    values = np.full(200, 2.0)
    values[100] = 1e6
    training, validation, accuracy = build_lines(found, Curve(np.arange(200), values))
    assert training.top == validation.top == pytest.approx(2.1)
    assert accuracy.top == 1
    assert accuracy.percent
    assert list(accuracy.values) == [one.accuracy for one in found.moments]


def test_captions_say_it_in_numbers() -> None:
    found = make_moments()
    frame = build_frames(found)[2]
    assert frame.label == "Update 10"
    best = int(found.moments[2].probs.argmax())
    assert f"says class {best}" in frame.caption
    assert "78.6 % of all 50 validation images right" in frame.caption
    lost = dataclasses.replace(found.moments[0], probs=np.full(4, np.nan, np.float32))
    nan = dataclasses.replace(found, moments=(lost,))
    assert "no number" in build_frames(nan)[0].caption


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (5, 3), (6, 3), (8, 4), (16, 4), (20, 5), (32, 8)]
)
def test_tiles_are_near_square_with_few_gaps(count: int, columns: int) -> None:
    assert columns_for(count) == columns
