"""A pretrained network whose weights are not on this machine: how large they are, and Download.

The download goes on in the engine whoever looks, so leaving the page and coming back finds it
where it is, and two visitors share one.
"""

from __future__ import annotations

import uuid
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from models.zoo import ZooNet, find_net, is_on_disk, read_progress
from ui.looking import NotYetError, glance
from ui.subject.address import Slot
from ui.subject.models import Model
from ui.text import markdown_safe, sentence_safe

TICK_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 600.0  # then it says so, and a press goes on where it was


def zoo_net(model: Model) -> ZooNet | None:
    """The pretrained network a model is; None for all others."""
    kind, _, name = model.base.partition(":")
    return find_net(name) if kind == "torchvision" else None


def render_fetch(slot: Slot, net: ZooNet) -> None:
    """What is missing, and the button or the progress of a download under way."""
    ticks = _press(slot, net) is not None or read_progress(net.name) is not None
    st.fragment(_fetch, run_every=TICK_SECONDS if ticks else None)(slot, net, ticks)


def _fetch(slot: Slot, net: ZooNet, ticks: bool) -> None:
    if is_on_disk(net.name):
        st.rerun()
    press = _press(slot, net)
    if press is not None:
        try:
            # asked again at every tick, answered once: the question goes on in between
            glance(
                "fetch_weights", f"torchvision:{net.name}", patience=0.05,
                timeout=LONGEST_SECONDS, press=press,
            )  # fmt: skip
        except NotYetError:
            pass
        except EngineError as error:
            st.session_state[slot.key(f"press.{net.name}")] = None
            st.session_state[slot.key(f"refused.{net.name}")] = str(error)
            st.rerun()
        else:
            st.rerun()
    progress = read_progress(net.name)
    if ticks != (press is not None or progress is not None):
        st.rerun()
    if problem := st.session_state.get(slot.key(f"refused.{net.name}")):
        st.error(sentence_safe(problem), icon=":material/cloud_off:")
    if press is None and progress is None:
        st.markdown(
            f"The weights of **{markdown_safe(net.title)}** are not on this machine: "
            f"{net.megabytes:.0f} MB from download.pytorch.org, kept for the next time."
        )
        st.button(
            f"Download {net.megabytes:.0f} MB", icon=":material/download:", type="primary",
            key=slot.key("download"), on_click=lambda: _start(slot, net),
        )  # fmt: skip
    else:
        done = 0.0 if progress is None else progress.done_bytes / max(progress.total_bytes, 1)
        st.progress(
            min(done, 1.0), f"Downloading {net.title}: {done:.0%} of {net.megabytes:.0f} MB"
        )


def _press(slot: Slot, net: ZooNet) -> str | None:
    """What names this visitor's press of the button; None: it was not pressed for this network."""
    press: str | None = st.session_state.get(slot.key(f"press.{net.name}"))
    return press


def _start(slot: Slot, net: ZooNet) -> None:
    st.session_state[slot.key(f"press.{net.name}")] = uuid.uuid4().hex
    st.session_state[slot.key(f"refused.{net.name}")] = None
