"""Why deep networks stack 3×3 kernels: the field of one large kernel for fewer parameters.

Simonyan and Zisserman 2015 (VGG), section 2.3. The numbers of ways in which each pixel reaches the
unit also show where the bell shape of the effective field comes from (Luo et al. 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import streamlit as st

from ui import html
from ui.url_state import choice

_LAYERS = {str(count): f"{count} layers = {2 * count + 1}×{2 * count + 1}" for count in (2, 3, 4)}
_MOST_CHANNELS = 4096
_CHANNELS = 64


@dataclass(frozen=True)
class Stack:
    """`layers` 3×3 convolutions of C to C channels, without bias, against one with the same field."""

    layers: int
    channels: int

    @property
    def side(self) -> int:
        """Of the field both have."""
        return 2 * self.layers + 1

    @property
    def stack_params(self) -> int:
        """9 C² a layer; also the multiply-adds for each position."""
        return self.layers * 9 * self.channels**2

    @property
    def single_params(self) -> int:
        """(2n + 1)² C²."""
        return self.side**2 * self.channels**2

    def paths(self) -> npt.NDArray[np.int64]:
        """(side, side) in how many ways each pixel of the field reaches the unit through the stack."""
        line = np.array([1])
        for _ in range(self.layers):
            line = np.convolve(line, [1, 1, 1])
        return np.outer(line, line)


def render_stacks() -> None:
    """The section, with two settings in the link: `?stack=3&channels=64`."""
    st.subheader("Why stacks of 3×3", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layers = choice("3×3 layers", _LAYERS, key="stack", default="2")
        channels = _channels()
    stack = Stack(int(layers), channels)
    st.html(stack_html(stack))


def _channels() -> int:
    linked = st.query_params.get("channels", str(_CHANNELS))
    key = "fields.channels"
    valid = linked.isdecimal() and len(linked) <= 4 and 1 <= int(linked) <= _MOST_CHANNELS
    if not valid:
        st.caption(
            f":material/info: The link's number of channels is left out: use 1 to {_MOST_CHANNELS:,}."
        )
    st.session_state.setdefault(key, int(linked) if valid else _CHANNELS)
    found = int(
        st.number_input(
            "Channels C, in and out", 1, _MOST_CHANNELS, key=key, width=180,
            help="Both networks turn C maps into C maps, without biases.",
        )
    )  # fmt: skip
    if found == _CHANNELS:
        st.query_params.pop("channels", None)
    else:
        st.query_params["channels"] = str(found)
    return found


def stack_html(stack: Stack) -> str:
    """Both sides with their path counts, and the table of numbers."""
    n, side, channels = stack.layers, stack.side, stack.channels
    flat = np.ones((side, side), np.int64)
    saved = 1 - stack.stack_params / stack.single_params
    table = html.table(
        ("", f"{n} layers of 3×3", f"one layer of {side}×{side}"),
        [
            ("field of a unit", f"{side}×{side}", f"{side}×{side}"),
            (
                "parameters",
                f"{n}·9·C² = {9 * n}C² = {stack.stack_params:,}",
                f"{side}·{side}·C² = {side**2}C² = {stack.single_params:,}",
            ),
            (
                "multiply-adds for each position",
                f"{stack.stack_params:,}",
                f"{stack.single_params:,}",
            ),
            ("ReLUs on the way", str(n), "1"),
        ],
    )
    stacked = stack.paths()
    said = (
        f"With C = {channels:,} the stack has {html.percent(saved)} fewer parameters and the same field. "
        f"The numbers count the ways from a pixel to the unit: {stacked.max():,} from the middle, 1 from a "
        f"corner, so with like weights the middle counts more. This is why the effective field is a bell in the box."
    )
    return (
        '<div class="cs-fields-stacks">'
        f"<div><h4>{n} × (3×3)</h4>{_paths(stacked)}</div>"
        f"<div><h4>1 × ({side}×{side})</h4>{_paths(flat)}</div>"
        f"<div>{table}</div></div>{html.caption(said)}"
    )


def _paths(counts: npt.NDArray[np.int64]) -> str:
    cells = "".join(
        f'<span style="--share:{100 * value / counts.max():.0f}%">{escape(str(value))}</span>'
        for value in counts.ravel().tolist()
    )
    columns = counts.shape[1]
    return f'<div class="cs-fields-paths" style="grid-template-columns:repeat({columns},2rem)">{cells}</div>'
