"""The Python half of the clickable picture: cells, picks, and what cannot be shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.components.clickable import (
    MAX_CELLS,
    Box,
    Grid,
    cell_data,
    clickable_picture,
    decode_pick,
    png_size,
)
from viz.figures.tiles import encode_png

PNG = encode_png(np.zeros((30, 50), np.uint8))
GRID = Grid(rows=2, columns=3, gap=1, tile=(4, 5), count=5)


def test_the_size_is_read_from_the_header() -> None:
    assert png_size(PNG) == (50, 30)
    assert png_size(encode_png(np.zeros((1, 700, 3), np.uint8))) == (700, 1)


@pytest.mark.parametrize("content", [b"", b"GIF89a", PNG[:20], b"\xff\xd8\xff\xe0" + bytes(30)])
def test_what_is_no_png_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(ValueError, match="encode_png"):
        png_size(content)


def test_cells_travel_as_numbers() -> None:
    data = cell_data(GRID)
    assert (data["kind"], data["count"], list(data["tile"])) == ("grid", 5, [4, 5])
    boxes = cell_data([Box(0, 1, 2, 3), Box(0.5, 0, 9, 9)])
    assert boxes == {"kind": "boxes", "boxes": [[0, 1, 2, 3], [0.5, 0, 9, 9]], "count": 2}
    assert json.loads(json.dumps(data))["rows"] == 2
    assert cell_data([])["count"] == 0


@pytest.mark.parametrize(
    "grid", [Grid(2, 3, 1, (4, 5), 7), Grid(0, 3, 1, (4, 5), 0), Grid(2, 3, 1, (0, 5), 6)]
)
def test_a_grid_without_room_is_refused(grid: Grid) -> None:
    with pytest.raises(ValueError, match="cannot be laid out"):
        cell_data(grid)


def test_too_many_cells_are_refused() -> None:
    side = int(MAX_CELLS**0.5) + 1
    with pytest.raises(ValueError, match="too many"):
        cell_data(Grid(side, side, 0, (1, 1), side * side))


@pytest.mark.parametrize("value", [None, -1, 5, 10**9, 1.0, "1", True, [1], {"index": 1}])
def test_a_message_that_names_no_cell_is_no_click(value: object) -> None:
    assert decode_pick(value, 5) is None


def test_a_message_that_names_a_cell() -> None:
    assert [decode_pick(index, 5) for index in range(5)] == [0, 1, 2, 3, 4]


def test_texts_must_match_the_cells() -> None:
    with pytest.raises(ValueError, match="2 texts for 5 cells"):
        clickable_picture(PNG, key="k", alt="a", grid=GRID, texts=["a", "b"])


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.clickable import Grid, clickable_picture
    from viz.figures.tiles import encode_png

    png = encode_png(np.zeros((30, 50), np.uint8))
    picked = clickable_picture(
        png, key="k", alt="Maps", grid=Grid(2, 3, 1, (4, 5), 5), selected=9, width="10rem"
    )
    st.text(repr(picked))


def test_the_wrapper_sends_the_picture_and_answers_none_without_a_click() -> None:
    app = AppTest.from_function(page).run()
    assert [one.message for one in app.exception] == []
    assert app.text[0].value == "None"
    [element] = app.get("bidi_component")
    data = json.loads(element.proto.json)
    assert (data["size"], data["alt"], data["width"]) == ([50, 30], "Maps", "10rem")
    assert data["selected"] is None, "an index that no cell has outlines nothing"
    assert data["png"].startswith("iVBOR")
