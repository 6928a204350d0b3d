"""What can be taken away: the pictures, how they came about as an animation, and the numbers."""

from __future__ import annotations

import io
import re

import numpy as np
import streamlit as st
from PIL import Image

from ui.downloads import pack
from viz.figures.visualize import pictures_png, tile_pictures
from viz.results.visualize import Visualization

_SIDE = 512  # pixels
_SECONDS = 0.12  # a frame
_LAST_SECONDS = 1.5


def download_menu(found: Visualization) -> None:
    """A button with everything, made when asked for."""
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", found.title).strip("_")[:60] or "picture"
    with st.popover("Download", icon=":material/download:", width="stretch"):
        for label, data, ending, mime in (
            (
                "The picture (PNG)",
                lambda: pictures_png(found.pictures, side=_SIDE),
                "png",
                "image/png",
            ),
            ("How it came about (animated WebP)", lambda: animate(found), "webp", "image/webp"),
            (
                "Numbers and pictures (NumPy)",
                lambda: pack(_arrays(found)),
                "npz",
                "application/zip",
            ),
        ):
            st.download_button(
                label, data=data, file_name=f"{stem}.{ending}", mime=mime, key=f"visualize.{ending}",
                on_click="ignore", width="stretch",
            )  # fmt: skip


def animate(found: Visualization) -> bytes:
    """The frames as an animated WebP that repeats for ever and rests at its end."""
    frames = []
    for pictures in found.frames:
        sheet = tile_pictures(pictures)
        zoom = max(1, _SIDE // max(sheet.shape[:2]))
        frames.append(Image.fromarray(sheet.repeat(zoom, 0).repeat(zoom, 1)))
    durations = [*[round(1000 * _SECONDS)] * (len(frames) - 1), round(1000 * _LAST_SECONDS)]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], loop=0, duration=durations,
        lossless=True, method=2,
    )  # fmt: skip
    return buffer.getvalue()


def _arrays(found: Visualization) -> dict[str, np.typing.NDArray[np.generic]]:
    return {
        "pictures": found.pictures,
        "frames": found.frames,
        "frame_steps": found.frame_steps,
        "frame_values": found.frame_values,
        "objective": found.objective,
        "activation": found.activation,
    }
