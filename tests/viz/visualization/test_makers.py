"""Settings of made pictures: what a request may give, and layers where nobody chooses."""

from __future__ import annotations

from typing import Any

import pytest

from viz.visualization.knobs import SettingError, Table, check
from viz.visualization.makers import (
    DREAM,
    INVERSION,
    STYLE,
    dream_layer,
    inversion_layers,
    read,
    style_layers,
    suited,
)


@pytest.mark.parametrize("table", [DREAM, INVERSION, STYLE])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 16, 16), (3, 32, 32), (3, 224, 224)])
def test_defaults_are_allowed_at_every_size(table: Table, shape: tuple[int, ...]) -> None:
    found = read(table, suited(table, shape))
    assert found.keys() == table.keys()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"octave": 1}, "no setting 'octave'"),
        ({"octaves": 9}, "from 1 to 8"),
        ({"octaves": 1.5}, "whole number"),
        ({"octaves": True}, "whole number"),
        ({"rate": float("nan")}, "from 0.1 to 10"),
        ({"rate": "1"}, "a number"),
    ],
)
def test_what_is_not_allowed_is_a_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        read(DREAM, given)


def test_words_are_checked() -> None:
    assert check(STYLE["start"], "noise") == "noise"
    with pytest.raises(SettingError, match="choose content or noise or style"):
        check(STYLE["start"], "nothing")


def test_layers_where_nobody_chooses() -> None:
    net = [(f"{kind[0]}{place}", kind) for place in range(6) for kind in ("Conv2d", "ReLU")]
    net.append(("fc", "Linear"))
    assert dream_layer(net) == "C3"
    assert inversion_layers(net) == ["C0", "C2", "C3", "C4", "fc"]
    assert style_layers(net) == ("R3", ["R0", "R1", "R2", "R3", "R4"])
    assert style_layers([("a", "Conv2d"), ("b", "Conv2d"), ("c", "ReLU")]) == ("b", ["a", "b"])
    assert style_layers([("fc", "Linear")]) == ("", [])
    assert dream_layer([("fc", "Linear")]) is None
