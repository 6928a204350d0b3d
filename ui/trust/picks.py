"""What is measured: which methods, on which and how many images, and which answer is explained.

All of it stands in the link: `?methods=&n=&part=&explain=&right=`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from data.catalogue import DataError, DatasetInfo, get_info
from data.samples import SAMPLES
from ui import runtime
from ui.subject.address import locked
from ui.subject.bar import Chosen
from ui.subject.images import split_size
from ui.text import sentence_safe
from ui.trust.subjects import data_name
from ui.url_state import linked_int
from viz.attribution.table import METHODS

COUNTS: Final = (8, 16, 32, 64, 128, 256)
START_COUNT: Final = 32
PARTS: Final = {
    "test": "Test images",
    "val": "Validation images",
    "train": "Training images",
}
_TOLD: Final = 5  # strange names of a link that are told
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


def read_picks(chosen: Chosen, *, explain: bool = True, most: int = max(COUNTS)) -> Picks:
    """Draw the pickers and say what the link names that does not exist.

    Args:
        chosen: the network, whose images are counted.
        explain: whether the view lets people choose what is explained, and on which images.
        most: images that the view can take.
    """
    methods = _linked_methods()
    parts = PARTS if data_name(chosen) is not None else {"test": "Sample pictures"}
    part = _linked_word("part", parts, "test")
    counts = _counts(chosen, part, most)
    count = _linked_count(counts)
    target = _linked_word("explain", EXPLAIN, "predicted")
    right = {"1": True, "0": False}.get(st.query_params.get("right", ""))
    if not locked():
        with st.container(key="cs-trust-picks"):
            what, number, more = st.columns([7, 1.3, 1.9], vertical_alignment="bottom", gap="small")
            with what:
                _method_picker(methods)
            with number:
                start = min(START_COUNT, counts[-1])
                _picker("n", "Images", [str(each) for each in counts], str(count), str(start))
            with more, st.popover("Which images", icon=":material/tune:", width="stretch"):
                _picker("part", "Taken from", list(parts), part, "test", parts)
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
    said_strange([name for name in asked if name not in METHODS], "method")
    if not known:
        st.caption(
            ":material/info: The link names no method that exists: the usual ones are measured."
        )
    return known or start_methods()


def said_strange(names: Sequence[str], kind: str) -> None:
    """Tell all the names of a link that mean nothing here."""
    if not names:
        return
    shown = [sentence_safe(repr(name[:30])) for name in names[:_TOLD]]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    noun, left = (f"are no {kind}s", "they are") if len(names) > 1 else (f"is no {kind}", "it is")
    st.caption(f":material/info: There {noun} {', '.join(shown)}{more}: {left} left out.")


def _counts(chosen: Chosen, part: str, most: int) -> tuple[int, ...]:
    """How many images can be asked for, rising: never more than there are."""
    there = min(most, _available(chosen, part))
    fewer = tuple(count for count in COUNTS if count <= there)
    return fewer if there in fewer or there >= max(COUNTS) else (*fewer, there)


def _available(chosen: Chosen, part: str) -> int:
    name = data_name(chosen)
    if name is None:
        return len(SAMPLES)
    try:
        info: DatasetInfo = (
            runtime.dataset_info(chosen.history.spec)
            if chosen.history is not None
            else get_info(name)
        )
    except DataError:  # the measure itself will say what is wrong
        return max(COUNTS)
    return split_size(info, part)


def _linked_count(counts: Sequence[int]) -> int:
    start = min(START_COUNT, counts[-1])
    found = linked_int("n", 1, max(COUNTS), start, "Number of images")
    nearest = min(counts, key=lambda each: abs(each - found))
    if found != nearest:
        st.caption(
            f":material/info: The link's n={found} becomes {nearest}: "
            f"{', '.join(str(each) for each in counts)} can be chosen here."
        )
    return nearest


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
