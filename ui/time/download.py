"""What can be taken away from the time machine; made only when somebody asks for it."""

from __future__ import annotations

import re
import threading
from typing import Final

import streamlit as st

from ui.time.animation import FORMATS, Format, render_animation, render_arrays, render_csv
from viz.results.history import Moments

_turn: Final = threading.Lock()


def download_menu(found: Moments, title: str) -> None:
    """A button with the animation in three formats and the numbers in two."""
    stem = file_stem(title)
    with st.popover("Download", icon=":material/download:", width="stretch"):
        st.caption("The whole history in one animation, with the update in every picture:")
        for form, name in FORMATS.items():
            _animation(found, form, name, stem)
        st.caption("The numbers of every moment:")
        st.download_button(
            "Losses, accuracies, probabilities (CSV)", data=lambda: render_csv(found),
            file_name=f"{stem}.csv", mime="text/csv", key="time.csv", on_click="ignore", width="stretch",
        )  # fmt: skip
        st.download_button(
            "Filters, maps, confusion (NumPy)", data=lambda: render_arrays(found),
            file_name=f"{stem}.npz", mime="application/zip", key="time.npz", on_click="ignore",
            width="stretch",
        )  # fmt: skip


def file_stem(title: str) -> str:
    """`LeNet-5 on digits` as `lenet-5-on-digits-history`."""
    words = re.sub(r"[^a-z0-9-]+", "-", title.lower()).strip("-")
    return f"{words[:60] or 'network'}-history"


def make_animation(found: Moments, form: Format) -> bytes:
    """The animation, one at a time: it is made beside the pages of everybody and takes seconds."""
    with _turn:
        return render_animation(found, form)


def _animation(found: Moments, form: Format, name: str, stem: str) -> None:
    st.download_button(
        name, data=lambda: make_animation(found, form), file_name=f"{stem}.{form}",
        mime=f"image/{form}", key=f"time.{form}", on_click="ignore", width="stretch",
    )  # fmt: skip
