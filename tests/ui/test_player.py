"""What the player hands to the browser, and what it makes of an answer."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.components.player import Played, decode_view
from ui.components.player_data import (
    MISSING,
    STEPS,
    Bars,
    Frame,
    Line,
    Pictures,
    Values,
    encode,
    pack_values,
    place_of,
)
from viz.figures.theme import palette


def unpack(text: str, limit: float) -> Any:
    """As the browser does it."""
    steps = np.frombuffer(base64.b64decode(text), "<i2")
    return np.where(steps == MISSING, np.nan, steps / STEPS * limit)


def test_numbers_arrive_as_exactly_as_promised() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 5, 7)).astype(np.float32)
    limit = float(np.abs(values).max())
    back = unpack(pack_values(values, limit), limit).reshape(values.shape)
    assert np.abs(back - values).max() <= limit / (2 * STEPS) * 1.0001
    assert unpack(pack_values(np.array([limit, -limit, 0.0]), limit), limit).tolist() == [
        limit,
        -limit,
        0.0,
    ]


def test_numbers_that_are_none_stay_so() -> None:
    back = unpack(pack_values(np.array([np.nan, np.inf, -np.inf, 0.5]), 1.0), 1.0)
    assert np.isnan(back[:3]).all()
    assert back[3] == 0.5
    assert unpack(pack_values(np.zeros(2), 0.0), 0.0).tolist() == [0, 0]


def test_a_curve_stands_above_the_moments_it_belongs_to() -> None:
    places = [0, 10, 100, 1000]
    assert [place_of(at, places) for at in (0, 5, 10, 55, 1000)] == [0, 0.5, 1, 1.5, 3]
    line = Line("loss", [0, 5, 55, 2000], [4.0, np.nan, 2.0, 1.0], "#123456", 4.0)
    frames = [Frame(str(at), at=at) for at in places]
    [sent] = encode(frames, [], [line])["lines"]
    assert sent["data"] == [[0, 4.0], [0.5, None], [1.5, 2.0]]  # beyond the last moment: not drawn


def test_the_browser_can_tell_whether_anything_is_new() -> None:
    frames = [Frame("a", at=0), Frame("b", at=4)]
    values = Values("x", np.zeros((2, 1, 2, 2)), 1.0)
    same = encode(frames, [values], [])["version"]
    assert encode(frames, [values], [])["version"] == same
    assert encode([*frames, Frame("c", at=9)], [], [])["version"] != same
    other = Values("x", np.full((2, 1, 2, 2), 1e-3), 1.0)
    assert encode(frames, [other], [])["version"] != same


def test_panels_carry_their_layout() -> None:
    frames = [Frame("a"), Frame("b")]
    colours = Values("x", np.zeros((2, 5, 3, 2, 4)), 1.0, columns=9)
    grey = Values("y", np.zeros((2, 6, 3, 4)), 2.0, columns=3, box=(1, 0, 4, 3))
    bars = Bars("z", ["p", "q"], np.array([[0.25, np.nan], [1, 0]]), target=1)
    first, second, third = encode(frames, [colours, grey, bars], [])["panels"]
    assert [first[k] for k in ("count", "channels", "height", "width", "columns")] == [
        5,
        3,
        2,
        4,
        5,
    ]
    assert [second[k] for k in ("count", "channels", "height", "width", "columns")] == [
        6,
        1,
        3,
        4,
        3,
    ]
    assert second["box"] == [1, 0, 4, 3]
    assert third["data"] == [[0.25, None], [1, 0]]
    names = encode(frames, [], [])["palettes"]
    assert base64.b64decode(names["diverging"]) == palette("diverging").tobytes()


def test_pictures_of_the_frames_are_a_panel() -> None:
    [panel] = encode([Frame("a", b"1"), Frame("b", b"2")], [], [])["panels"]
    assert [base64.b64decode(one) for one in panel["data"]] == [b"1", b"2"]
    [panel] = encode([Frame("a"), Frame("b")], [Pictures("same", [b"3"])], [])["panels"]
    assert len(panel["data"]) == 1


@pytest.mark.parametrize(
    ("frames", "panels", "words"),
    [
        ([], [], "at least one"),
        ([Frame("a", at=4), Frame("b", at=4)], [], "have to rise"),
        ([Frame("a"), Frame("b")], [Values("x", np.zeros((3, 1, 2, 2)), 1.0)], "3 moments for 2"),
        ([Frame("a"), Frame("b")], [Bars("x", ["p"], np.zeros((1, 1)))], "1 moments for 2"),
        ([Frame("a")] * 3, [Pictures("x", [b"1", b"2"])], "2 pictures for 3"),
        (
            [Frame("a"), Frame("b")],
            [Values("x", np.zeros((2, 1, 2, 2)), 1.0, notes=["one"])],
            "1 notes for 2",
        ),
    ],
)
def test_panels_that_do_not_fit_are_refused(frames: Any, panels: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        encode(frames, panels, [])


BEGIN = Played(10, None, True)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (None, BEGIN),
        ("x", BEGIN),
        ({"at": "10"}, BEGIN),
        ({"at": True, "pinned": None}, BEGIN),
        ({"at": 1.5}, BEGIN),
        ({"at": None, "pinned": None, "own": False}, Played(None)),
        ({"at": 46, "pinned": 3, "own": True}, Played(46, 3, True)),
        ({"at": 46, "own": "yes"}, Played(46)),
    ],
)
def test_what_the_browser_says(message: object, expected: Played) -> None:
    assert decode_view(message, BEGIN) == expected


def page() -> None:
    import streamlit as st

    from ui.components.player import Frame, Played, player

    count = st.session_state.get("count", 2)
    frames = [Frame(f"Update {at}", caption="words", at=at) for at in range(count)]
    start = Played(st.session_state.get("start", 1))
    st.text(str(player(frames, key="p", start=start)))


def sent(app: AppTest) -> Any:
    import json

    [element] = app.get("bidi_component")
    return json.loads(element.proto.json)


def test_what_it_is_sent_does_not_change_while_it_is_scrubbed() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == str(Played(1))
    assert sent(app)["start"] == {"at": 1, "pinned": None, "own": False}
    app.session_state["count"] = 3
    app.run()
    assert [frame["at"] for frame in sent(app)["frames"]] == [0, 1, 2]
