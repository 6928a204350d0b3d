"""Change a filter by hand and see at once what the maps, the answer and the accuracy become."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui.components.kernel_pad import kernel_pad
from ui.filters import consequences
from ui.filters.channels import choose_channel
from ui.filters.edits import MOST, Edit, add_edit, describe, format_edits, parse_edits, written
from ui.filters.scene import Scene
from ui.text import markdown_safe, sentence_safe
from viz.results import Filters
from viz.results.filters import Edited


def render(scene: Scene) -> None:
    """The view.

    Raises:
        EngineError: the network cannot be looked at.
    """
    edits, problems = parse_edits(st.query_params.get("edits", ""))
    for problem in problems:
        st.caption(f":material/info: {sentence_safe(problem)}")
    found: Filters = scene.look("filters", first_filter=scene.number, num_filters=1)
    layers = [layer.name for layer in scene.chosen.network.maps]
    linked = st.query_params.get(consequences.MAPS)
    seen = linked if linked in layers else scene.layer
    try:
        result: Edited = scene.look(
            "edited", image=scene.chosen.image, number=scene.number, edits=edits, maps=seen
        )
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/error:")
        _history(edits)
        return
    tools, effects = st.columns([2, 3], gap="medium")
    with tools:
        _tools(scene, found, result, edits)
        _history(edits)
    with effects:
        consequences.render(scene, result, layers, edits)


def _tools(scene: Scene, found: Filters, result: Edited, edits: list[Edit]) -> None:
    """Buttons and the numbers of one kernel."""
    channel = choose_channel(scene, found)
    height, width = found.weights.shape[2:]
    buttons: list[tuple[str, str, str, Any]] = [
        ("Zero", ":material/exposure_zero:", "zero", None),
        ("Turn", ":material/rotate_90_degrees_ccw:", "rotate90", None),
        ("Mirror", ":material/flip:", "flip", "horizontal"),
        ("Upside down", ":material/swap_vert:", "flip", "vertical"),
        ("Negate", ":material/contrast:", "scale", -1.0),
        ("Double", ":material/keyboard_double_arrow_up:", "scale", 2.0),
        ("Halve", ":material/keyboard_double_arrow_down:", "scale", 0.5),
    ]
    with st.container(horizontal=True, gap="small", key="cs-filters-tools"):
        for label, icon, op, values in buttons:
            st.button(
                label, icon=icon, key=f"filters.do.{op}.{values}",
                disabled=len(edits) >= MOST or (op == "rotate90" and height != width),
                on_click=_do, args=(edits, _edit(scene, op, values)),
            )  # fmt: skip
    if channel < len(result.kernels_after):
        _paint(scene, found, result, channel, edits)
    else:
        st.caption("This kernel is beyond those that can be painted; the buttons change it, too.")
    if result.bias_after is not None:
        _bias(scene, result.bias_after, edits)


def _paint(scene: Scene, found: Filters, result: Edited, channel: int, edits: list[Edit]) -> None:
    """The kernel as numbers to type over or to paint on; what is changed is an edit."""
    kernel = result.kernels_after[channel]
    if not np.isfinite(kernel).all():
        st.caption("The weights of this kernel are no numbers any more.")
        return
    # As many digits as the link keeps: what was painted comes back as it was.
    shown = np.array([[written(value) for value in row] for row in kernel.tolist()])
    strong = float(f"{found.layer_limit:.1g}") or 1.0
    painted = kernel_pad(
        shown, key="filters.pad", brushes=[-strong, -strong / 2, 0, strong / 2, strong],
        label=f"Kernel of filter {scene.number}, {scene.input_name(channel, found)}",
    )  # fmt: skip
    if painted is None or len(edits) >= MOST:
        return
    cells = [
        [channel, int(y), int(x), float(painted[y, x])]
        for y, x in np.argwhere(painted != shown)
    ]  # fmt: skip
    if cells:
        _do(edits, _edit(scene, "set", cells))
        st.rerun()


def _bias(scene: Scene, bias: float, edits: list[Edit]) -> None:
    widget = f"filters.bias.{scene.layer}.{scene.number}"
    st.session_state[widget] = written(bias)

    def take() -> None:
        _do(edits, _edit(scene, "bias", float(st.session_state[widget])))

    st.number_input(
        "Bias", key=widget, on_change=take, format="%.4f", step=0.1, min_value=-1e6, max_value=1e6,
        disabled=len(edits) >= MOST,
    )  # fmt: skip


def _history(edits: list[Edit]) -> None:
    """What was done, and the way back."""
    if not edits:
        st.caption(
            "Nothing is edited yet. Every edit stands in the link; the network itself stays."
        )
        return
    lines = [f"{index}. {markdown_safe(describe(edit))}" for index, edit in enumerate(edits, 1)]
    st.markdown("\n".join(lines))
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Undo", icon=":material/undo:", key="filters.undo", on_click=_put, args=(edits[:-1],)
        )
        st.button(
            "Undo all",
            icon=":material/restart_alt:",
            key="filters.clear",
            on_click=_put,
            args=([],),
        )


def _edit(scene: Scene, op: str, values: Any) -> Edit:
    edit: Edit = {"layer": scene.layer, "filter": scene.number, "op": op}
    return edit if values is None else {**edit, "values": values}


def _do(edits: list[Edit], edit: Edit) -> None:
    _put(add_edit(edits, edit))


def _put(edits: list[Edit]) -> None:
    if edits:
        st.query_params["edits"] = format_edits(edits)
    else:
        st.query_params.pop("edits", None)
