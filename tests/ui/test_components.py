"""The Python half of the components: the form, the rows, drafts, drawings and the wrappers."""

from __future__ import annotations

import base64
import json
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import TypeAdapter
from streamlit.testing.v1 import AppTest

from models.layers import (
    LAYER_KINDS,
    MAX_LAYERS,
    Activation,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    LayerList,
    Linear,
    PartialConv,
    Pool,
    parse_layers,
    summarize,
)
from ui.components.draw_pad import decode_drawing
from ui.components.layer_draft import Draft, advance
from ui.components.layer_rows import FieldSchema, describe, dump_layers, form, kind_schemas

NET: LayerList = (Conv(out_channels=6, kernel_size=5), Activation(), Pool(), Flatten(), Linear())
SHAPE = (1, 28, 28)
MODELS = get_args(AnyLayer)


def field(kind: str, name: str) -> FieldSchema:
    [schema] = [one for one in kind_schemas() if one.kind == kind]
    [found] = [one for one in schema.fields if one.name == name]
    return found


# -- form --------------------------------------------------------------------------------------


def test_every_kind_and_setting_of_the_models_is_in_the_form() -> None:
    shown = {one.kind: [each.name for each in one.fields] for one in kind_schemas()}
    wanted = {
        model.model_fields["kind"].default: [name for name in model.model_fields if name != "kind"]
        for model in MODELS
    }
    assert shown == wanted
    assert set(shown) == set(LAYER_KINDS)


def test_controls_follow_the_types() -> None:
    assert field("conv", "kernel_size").control == "integer"
    assert field("conv", "bias").control == "boolean"
    assert field("dropout", "p").control == "number"
    assert field("partial_conv", "connections").control == "fixed"
    mode = field("pool", "mode")
    assert (mode.control, mode.options, mode.default) == ("choice", ("max", "mean"), "max")
    channels = field("conv", "out_channels")
    assert (channels.control, channels.options) == ("integer", ("classes",))
    assert channels.expects == 'a whole number or "classes"'
    stride = field("pool", "stride")
    assert (stride.control, stride.optional, stride.default) == ("integer", True, None)
    assert stride.expects == "a whole number or nothing"


def test_a_kind_is_offered_when_all_of_it_can_be_edited() -> None:
    assert [one.kind for one in kind_schemas() if not one.offered] == ["partial_conv"]


def test_the_defaults_of_every_kind_make_a_layer() -> None:
    rows = [
        {"kind": one.kind, **{each.name: each.default for each in one.fields}}
        for one in kind_schemas()
    ]
    assert parse_layers(json.loads(json.dumps(rows))) == tuple(model() for model in MODELS)


def test_the_form_is_json_and_inserts_a_layer_that_fits_anywhere() -> None:
    data = json.loads(json.dumps(form()))
    assert data["most"] == MAX_LAYERS
    for place in range(len(NET)):
        row = parse_layers([{"kind": data["inserted"]}])
        assert summarize((*NET[:place], *row, *NET[place:]), SHAPE, 10).error is None


# -- rows --------------------------------------------------------------------------------------


def test_rows_carry_shapes_and_counts() -> None:
    answer = describe(dump_layers(NET), SHAPE, 10)
    assert [row["shape"] for row in answer["rows"]] == [
        [6, 24, 24],
        [6, 24, 24],
        [6, 12, 12],
        [864],
        [10],
    ]
    assert [row["params"] for row in answer["rows"]] == [156, 0, 0, 0, 8650]
    assert answer["rows"][0]["macs"] == 24 * 24 * 6 * 25
    assert (answer["params"], answer["error"]) == (8806, None)
    json.dumps(answer)


def test_a_layer_that_does_not_fit_ends_the_rows() -> None:
    rows = dump_layers(NET)
    rows[2]["kernel_size"] = 99
    answer = describe(rows, SHAPE, 10)
    assert len(answer["rows"]) == 2
    assert answer["error"]["index"] == 2
    assert "99" in answer["error"]["message"]


@pytest.mark.parametrize("bad", ["five", None, 1.5, [5]])
def test_an_unreadable_setting_ends_the_rows_with_its_name_and_value(bad: object) -> None:
    rows = dump_layers(NET)
    rows[2]["kernel_size"] = bad
    answer = describe(rows, SHAPE, 10)
    assert [row["name"] for row in answer["rows"]] == ["conv1", "relu1"]
    assert answer["error"]["index"] == 2
    assert "kernel_size" in answer["error"]["message"]
    assert str(bad) in answer["error"]["message"]


def test_a_misfit_before_an_unreadable_setting_comes_first() -> None:
    rows = dump_layers(NET)
    rows[0]["kernel_size"] = 99
    rows[2]["kernel_size"] = "five"
    assert describe(rows, SHAPE, 10)["error"]["index"] == 0


def test_an_unreadable_first_row_leaves_no_rows() -> None:
    answer = describe([{"kind": "magic"}, *dump_layers(NET)], SHAPE, 10)
    assert (answer["rows"], answer["error"]["index"], answer["params"]) == ([], 0, 0)
    assert "magic" in answer["error"]["message"]


def test_layers_survive_the_way_there_and_back() -> None:
    layers: LayerList = (
        *NET[:3],
        PartialConv(connections=((0, 1), (2,))),
        Dropout(p=0.2),
        *NET[3:],
    )
    sent = json.loads(json.dumps(dump_layers(layers)))
    assert parse_layers(sent) == layers
    assert TypeAdapter(LayerList).validate_python(sent) == layers


# -- drafts ------------------------------------------------------------------------------------


def message(draft: Draft, layers: LayerList, seq: int | None = None) -> dict[str, Any]:
    number = draft.seq + 1 if seq is None else seq
    return {"epoch": draft.epoch, "seq": number, "layers": dump_layers(layers)}


OTHER: LayerList = (Flatten(), Linear())
THIRD: LayerList = (Flatten(), Linear(out_features=32), Activation(), Linear())


def test_an_edit_counts_in_the_run_it_arrives_and_once() -> None:
    start = advance(None, NET, None)
    assert (start.layers, start.rows) == (NET, dump_layers(NET))
    sent = message(start, OTHER)
    edited = advance(start, NET, sent)
    assert (edited.layers, edited.seq) == (OTHER, 1)
    # the message stays in the widget's state and comes again with every run
    assert advance(edited, NET, sent) == edited
    assert advance(edited, edited.layers, sent).layers == OTHER


def test_a_page_that_stores_what_it_gets_and_one_that_does_not_both_keep_edits() -> None:
    start = advance(None, NET, None)
    edited = advance(start, NET, message(start, OTHER))
    for given in (NET, OTHER):
        again = advance(advance(edited, given, None), given, message(edited, THIRD))
        assert (again.layers, again.epoch) == (THIRD, start.epoch)


def test_a_list_the_page_sets_wins_over_edits_made_before() -> None:
    start = advance(None, NET, None)
    sent = message(start, OTHER)
    stored = advance(advance(start, NET, sent), OTHER, sent)
    reset = advance(stored, NET, sent)  # back to the first list: the old message must not return
    assert (reset.layers, reset.rows, reset.epoch) == (NET, dump_layers(NET), stored.epoch + 1)
    late = message(stored, THIRD)
    assert advance(reset, NET, late).layers == NET


def test_an_unreadable_edit_is_shown_but_not_returned() -> None:
    start = advance(None, NET, None)
    sent = message(start, NET)
    sent["layers"][0]["kernel_size"] = "five"
    draft = advance(start, NET, sent)
    assert draft.layers == NET
    assert draft.rows[0]["kernel_size"] == "five"
    mended = advance(draft, NET, message(draft, OTHER))
    assert mended.layers == OTHER


@pytest.mark.parametrize(
    "forged",
    [
        "edit",
        {},
        {"epoch": 1},
        {"epoch": 1, "seq": "2", "layers": []},
        {"epoch": 1, "seq": 2, "layers": "conv"},
        {"epoch": 1, "seq": 2, "layers": [1]},
        {"epoch": 1, "seq": 0, "layers": []},
    ],
)
def test_a_malformed_message_changes_nothing(forged: object) -> None:
    start = advance(None, NET, None)
    assert advance(start, NET, forged) == start


# -- drawings ----------------------------------------------------------------------------------


def drawing(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, Any]:
    return {"size": len(pixels), "pixels": base64.b64encode(pixels.tobytes()).decode()}


def test_a_drawing_is_decoded_row_by_row() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    decoded = decode_drawing(drawing(pixels), 16)
    assert decoded is not None
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"size": 16},
        {"size": 16, "pixels": 5},
        {"size": 16, "pixels": "not base64!"},
        {"size": 16, "pixels": "ÿ"},
        drawing(np.ones((28, 28), dtype=np.uint8)),
        drawing(np.zeros((16, 16), dtype=np.uint8)),
    ],
    ids=[
        "nothing",
        "list",
        "no pixels",
        "number",
        "not base64",
        "not ascii",
        "other size",
        "blank",
    ],
)
def test_what_is_no_drawing_of_this_size_is_none(value: object) -> None:
    assert decode_drawing(value, 16) is None


# -- wrappers ----------------------------------------------------------------------------------


def _editor_page() -> None:
    import streamlit as st

    from models.layers import Flatten, Linear
    from ui.components.draw_pad import draw_pad
    from ui.components.layer_editor import layer_editor

    edited = layer_editor((Flatten(), Linear()), input_shape=(1, 8, 8), num_classes=10, key="net")
    st.session_state["found"] = (edited, draw_pad(key="pad", size=16))


def test_wrappers_mount_with_their_data() -> None:
    at = AppTest.from_function(_editor_page, default_timeout=30).run()
    assert not at.exception
    edited, drawn = at.session_state["found"]
    assert edited.layers == OTHER
    assert edited.problem is None
    assert drawn is None
    editor, pad = at.get("bidi_component")
    data = json.loads(editor.proto.json)
    assert [row["params"] for row in data["answer"]["rows"]] == [0, 650]
    assert {one["kind"] for one in data["form"]["kinds"]} == set(LAYER_KINDS)
    assert "numberField" in editor.proto.js_content  # both parts of the script
    assert json.loads(pad.proto.json) == {"size": 16, "label": "Draw a digit", "drawing": None}
