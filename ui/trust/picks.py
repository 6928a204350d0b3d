"""What is measured: which methods, on which and how many images, and which answer is explained.

All of it stands in the link: `?methods=&n=&part=&explain=&right=`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from ui.subject.address import locked
from ui.text import sentence_safe
from ui.url_state import linked_int
from viz.attribution.table import METHODS

COUNTS: Final = (8, 16, 32, 64, 128, 256)
START_COUNT: Final = 32
PARTS: Final = {
    "test": "Test images",
    "val": "Validation images",
    "train": "Training images",
}
EXPLAIN: Final = {"predicted": "what the network answers", "true": "the true class"}
_FIRST: Final = (
    *("saliency", "input_x_gradient", "integrated_gradients", "guided_backprop"),
    *("grad_cam", "guided_grad_cam", "occlusion"),
)


@dataclass(frozen=True)
class Picks:
    """What a visitor wants measured."""

    methods: tuple[str, ...]
    count: int
    part: str
    explain: str
    only_right: bool | None  # None: as each measure does by itself

    def options(self, *, explain: bool = True) -> dict[str, Any]:
        """For a lens of measures.

        Args:
            explain: whether the lens may be told which class, and which images, are explained.
        """
        options: dict[str, Any] = {
            "methods": list(self.methods), "images": self.count, "split": self.part,
        }  # fmt: skip
        if explain:
            options["target"] = self.explain
            if self.only_right is not None:
                options["only_right"] = self.only_right
        return options


def start_methods() -> tuple[str, ...]:
    """Methods of every family that take seconds together; the slow ones wait to be asked for."""
    chosen = tuple(name for name in _FIRST if name in METHODS)
    return chosen or tuple(METHODS)[:6]


def read_picks(*, explain: bool = True) -> Picks:
    """Draw the pickers and say what the link names that does not exist.

    Args:
        explain: whether the view lets people choose what is explained, and on which images.
    """
    methods, count = _linked_methods(), _linked_count()
    part = _linked_word("part", PARTS, "test")
    target = _linked_word("explain", EXPLAIN, "predicted")
    right = {"1": True, "0": False}.get(st.query_params.get("right", ""))
    if not locked():
        with st.container(key="cs-trust-picks"):
            what, number, more = st.columns([7, 1.4, 1.5], vertical_alignment="bottom", gap="small")
            with what:
                _method_picker(methods)
            with number:
                _picker("n", "Images", [str(each) for each in COUNTS], str(count), str(START_COUNT))
            with more, st.popover("Which", icon=":material/tune:", width="stretch"):
                _picker("part", "From", list(PARTS), part, "test", PARTS)
                if explain:
                    _picker("explain", "Explained is", list(EXPLAIN), target, "predicted", EXPLAIN)
                    _right_picker(right)
    return Picks(methods, count, part, target, right)


def _linked_methods() -> tuple[str, ...]:
    text = st.query_params.get("methods")
    if text is None:
        return start_methods()
    if text == "all":
        return tuple(METHODS)
    asked = [name for name in text.split(",") if name]
    known = tuple(dict.fromkeys(name for name in asked if name in METHODS))
    strange = [name for name in asked if name not in METHODS]
    if strange:
        st.caption(
            f":material/info: There is no method {sentence_safe(repr(strange[0][:30]))}: it is left out."
        )
    return known or start_methods()


def _linked_count() -> int:
    found = linked_int("n", min(COUNTS), max(COUNTS), START_COUNT, "Number of images")
    return min(COUNTS, key=lambda each: abs(each - found))


def _linked_word(key: str, words: Mapping[str, str], default: str) -> str:
    text = st.query_params.get(key, default)
    if text in words:
        return text
    st.caption(
        f":material/info: The link's {key}={sentence_safe(repr(text[:20]))} is left out: "
        f"{', '.join(words)} are known."
    )
    return default


def _method_picker(chosen: tuple[str, ...]) -> None:
    key = "trust.methods"
    st.session_state[key] = list(chosen)

    def take() -> None:
        picked = tuple(name for name in METHODS if name in st.session_state[key])
        if picked == start_methods() or not picked:
            st.query_params.pop("methods", None)
        else:
            every = len(picked) == len(METHODS)
            st.query_params["methods"] = "all" if every else ",".join(picked)

    st.multiselect(
        "Methods", list(METHODS), key=key, on_change=take,
        format_func=lambda name: METHODS[name].title,
        help="Three maps that know nothing of the network are measured beside them: random numbers, "
        "a bump in the middle, and the edges of the picture",
    )  # fmt: skip


def _picker(
    name: str,
    label: str,
    options: list[str],
    value: str,
    default: str,
    words: Mapping[str, str] | None = None,
) -> None:
    """A list whose choice lives in the link as `?name=`."""
    key = f"trust.{name}"
    st.session_state[key] = value

    def take() -> None:
        if st.session_state[key] == default:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = st.session_state[key]

    st.selectbox(
        label, options, key=key, on_change=take,
        format_func=lambda each: each if words is None else words[each],
    )  # fmt: skip


def _right_picker(value: bool | None) -> None:
    words = {
        "": "as each measure needs it",
        "1": "only right answers",
        "0": "right and wrong answers",
    }
    text = {True: "1", False: "0", None: ""}[value]
    _picker("right", "Images answered", list(words), text, "", words)
