"""The files the time machine gives away, opened again."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.ui.test_time_panels import make_moments
from ui.time import animation, download
from ui.time.animation import FORMATS, Format, render_animation, render_arrays, render_csv
from ui.time.download import file_stem
from viz.results.history import Moments


def read_frames(data: bytes) -> list[Image.Image]:
    image = Image.open(io.BytesIO(data))
    frames = []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        frames.append(image.convert("RGB"))
    return frames


@pytest.mark.parametrize("form", FORMATS)
def test_an_animation_has_a_picture_for_every_moment(form: Format) -> None:
    found = make_moments(inputs=3, colors=True)
    data = render_animation(found, form, per_second=5)
    opened = Image.open(io.BytesIO(data))
    assert opened.format == form.upper()
    frames = read_frames(data)
    assert len(frames) == 3
    assert len({frame.size for frame in frames}) == 1
    # the label and the pictures differ from moment to moment
    assert len({frame.tobytes() for frame in frames}) == 3
    assert opened.info.get("loop") == 0
    opened.seek(0)
    if form == "gif":
        assert opened.info["duration"] == 200


def test_colours_keep_their_meaning_in_a_gif() -> None:
    found = make_moments()
    same = dataclasses.replace(found.moments[0], step=99)
    found = dataclasses.replace(found, moments=(found.moments[0], found.moments[2], same))
    first, _, last = (
        np.asarray(frame)[60:] for frame in read_frames(render_animation(found, "gif"))
    )
    np.testing.assert_array_equal(first, last)


def test_a_large_animation_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_moments(steps=tuple(range(12)))
    whole = render_animation(found, "png")
    monkeypatch.setattr(animation, "MAX_BYTES", len(whole) - 1)
    smaller = render_animation(found, "png")
    assert len(smaller) < len(whole)
    assert read_frames(smaller)[0].height < read_frames(whole)[0].height
    assert len(read_frames(smaller)) == 12
    monkeypatch.setattr(animation, "MAX_BYTES", 40_000)
    least = read_frames(render_animation(found, "png"))
    assert 2 <= len(least) < 12


@pytest.mark.parametrize("form", FORMATS)
def test_sizes_that_would_be_too_large_are_not_rendered_whole(
    monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    found = make_moments(steps=tuple(range(24)))
    smallest = animation._encode(animation._draw(found, animation._SIDES[-1]), form, 4.0)
    monkeypatch.setattr(animation, "MAX_BYTES", round(1.2 * len(smallest)))
    encode, rendered = animation._encode, []

    def count(frames: Any, form: Format, per_second: float) -> bytes:
        rendered.append(len(frames))
        return encode(frames, form, per_second)

    monkeypatch.setattr(animation, "_encode", count)
    assert len(render_animation(found, form)) <= animation.MAX_BYTES
    assert rendered.count(24) == 1
    assert sum(rendered) < 2 * 24


def test_filters_of_three_channels_inside_the_network_are_not_drawn_in_colour() -> None:
    found = make_moments(inputs=3)
    columns = columns_of(found, "Filters")
    assert columns == (3, 5)  # a row a filter, a column a channel
    assert columns_of(make_moments(inputs=3, colors=True), "Filters") == (3, 2)


def columns_of(found: Moments, title: str) -> tuple[int, int]:
    """How many 3×3 tiles a part of the animation has across and down."""
    [part] = [one for one in animation._parts(found, 100) if one.title.startswith(title)]
    height, width, _ = part.pictures[0].shape
    zooms = [zoom for zoom in range(1, 100) if (height + 2) % (3 * zoom + 2) == 0]
    zooms = [zoom for zoom in zooms if (width + 2) % (3 * zoom + 2) == 0]
    return (width + 2) // (3 * zooms[-1] + 2), (height + 2) // (3 * zooms[-1] + 2)


def test_one_animation_is_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def render(found: Moments, form: Format) -> bytes:
        seen.append(download._turn.locked())
        return form.encode()

    monkeypatch.setattr(download, "render_animation", render)
    assert download.make_animation(make_moments(), "gif") == b"gif"
    assert seen == [True]
    assert not download._turn.locked()


def test_a_single_moment_is_an_animation_too() -> None:
    assert len(read_frames(render_animation(make_moments(steps=(7,)), "gif"))) == 1


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no format"):
        render_animation(make_moments(), "mp4")  # type: ignore[arg-type]


def test_networks_without_maps_or_images_have_an_animation() -> None:
    found = make_moments()
    bare = tuple(
        dataclasses.replace(one, filters=None, maps=None, field=None, confusion=None, loss=np.nan)
        for one in found.moments
    )
    assert len(read_frames(render_animation(dataclasses.replace(found, moments=bare), "gif"))) == 3


def rows(data: bytes) -> Iterable[dict[str, str]]:
    return csv.DictReader(io.StringIO(data.decode()))


def test_the_table_holds_the_numbers() -> None:
    found = make_moments()
    table = list(rows(render_csv(found)))
    assert [row["update"] for row in table] == ["0", "1", "10"]
    for row, one in zip(table, found.moments, strict=True):
        assert float(row["validation_accuracy"]) == pytest.approx(one.accuracy, rel=1e-6)
        assert float(row["validation_loss"]) == pytest.approx(one.loss)
        assert float(row["field_sigma_columns"]) == 2.0
        assert float(row["probability class 3"]) == pytest.approx(float(one.probs[3]), rel=1e-6)
    lost = dataclasses.replace(found.moments[0], loss=np.nan, field=None)
    [row] = rows(render_csv(dataclasses.replace(found, moments=(lost,))))
    assert row["validation_loss"] == row["field_sigma_rows"] == ""


def test_the_arrays_are_those_of_the_moments() -> None:
    found = make_moments()
    arrays = np.load(io.BytesIO(render_arrays(found)))
    assert arrays["steps"].tolist() == [0, 1, 10]
    for index, one in enumerate(found.moments):
        np.testing.assert_array_equal(arrays["filters"][index], one.filters)
        np.testing.assert_array_equal(arrays["maps"][index], one.maps)
        np.testing.assert_array_equal(arrays["confusion"][index], one.confusion)


@pytest.mark.parametrize(
    ("title", "stem"),
    [("LeNet-5 on digits", "lenet-5-on-digits"), ("../../x", "x"), ("Ñ", "network")],
)
def test_file_names_are_plain(title: str, stem: str) -> None:
    assert file_stem(title) == f"{stem}-history"
