"""What is drawn as a picture, to take away: the picture and the numbers it shows."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import streamlit as st


def download_picture(
    name: str, *, key: str, png: Callable[[], bytes], arrays: Mapping[str, npt.NDArray[np.generic]]
) -> None:
    """A menu with the picture as PNG and its numbers as a NumPy archive, made when asked for."""
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_")[:80]
    with st.popover("Download", icon=":material/download:", width="content"):
        st.download_button(
            "The picture (PNG)", data=png, file_name=f"{stem}.png", mime="image/png",
            key=f"{key}.png", on_click="ignore", width="stretch",
        )  # fmt: skip
        st.download_button(
            "Its numbers (NumPy)", data=lambda: pack(arrays), file_name=f"{stem}.npz",
            mime="application/zip", key=f"{key}.npz", on_click="ignore", width="stretch",
        )  # fmt: skip


def pack(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Arrays by name as the bytes of an `.npz` file."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **dict(arrays))
    return file.getvalue()
