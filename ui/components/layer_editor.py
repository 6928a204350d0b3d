"""The network as an editable table: kinds and settings in, shapes, parameters and MACs beside them.

The browser edits, Python computes: every edit is sent as the whole list, validated, and answered
with the numbers of each row or one sentence under the row that does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from models.layers import LayerList, Shape
from ui.components.assets import renderer
from ui.components.layer_draft import Draft, advance
from ui.components.layer_rows import describe, form


@dataclass(frozen=True)
class EditedNetwork:
    """What the editor holds.

    `layers` is the last list that could be read; `problem` is None when that is what the editor
    shows and it fits the images, else one sentence with the layer, the value and the way out.
    """

    layers: LayerList
    problem: str | None


def layer_editor(
    layers: LayerList, *, input_shape: Shape, num_classes: int, key: str
) -> EditedNetwork:
    """Show `layers` for editing and return the list as edited, in the same run.

    Pass the list the page holds and store what comes back; a list other than the last one passed or
    returned replaces what is shown. Inside an `st.fragment` an edit redoes only that fragment.

    Args:
        layers: the network when the editor opens, or one the page wants shown instead.
        input_shape: (C, H, W) of the images.
        num_classes: what the word "classes" stands for.
        key: names the editor; what was edited is kept under it for the session.
    """
    memory = f"{key}.draft"
    state: Any = st.session_state.get(key)
    message = state.get("edit") if isinstance(state, dict) else None
    before: Draft | None = st.session_state.get(memory)
    draft = st.session_state[memory] = advance(before, layers, message)
    answer = describe(draft.rows, input_shape, num_classes)
    renderer("layer_editor")(
        key=key,
        data={
            "epoch": draft.epoch,
            "seq": draft.seq,
            "layers": draft.rows,
            "answer": answer,
            "form": form(),
        },
        default={"edit": None},
        on_edit_change=lambda: None,
    )
    error = answer["error"]
    return EditedNetwork(draft.layers, None if error is None else error["message"])
